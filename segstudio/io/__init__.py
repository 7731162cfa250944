"""Floor 2: image and label files."""

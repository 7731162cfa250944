"""Floor 1: label images, edits on them, and the geometry of objects."""

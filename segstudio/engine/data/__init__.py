"""Training data: files → normalised images, targets, patches."""

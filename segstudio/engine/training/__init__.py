"""Training: the loop, its schedule, validation and checkpoints."""

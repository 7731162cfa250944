"""Floor 3: one exporter a file."""

"""Floor 4: the project on disk and the documents in it."""

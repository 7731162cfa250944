"""Floor 4: everything that learns; only the worker and the command line import it."""

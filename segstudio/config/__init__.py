"""Floor 1: settings, declared once, for forms, flags and files."""

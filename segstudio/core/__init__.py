"""Floor 0: values and rules that need nothing but numpy and scipy."""

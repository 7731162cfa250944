"""The panels around the canvas; none knows another."""

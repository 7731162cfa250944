"""Losses that count only valid pixels; one family per file."""

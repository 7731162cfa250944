"""SegStudio: label, train, segment, correct and measure cells on your own computer."""

__version__ = "0.1.0"

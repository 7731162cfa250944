"""Networks: one family per file, its settings inside; the registry `architectures` lists them."""

from segstudio.engine.architectures.base import Architecture, architectures

__all__ = ["Architecture", "architectures"]

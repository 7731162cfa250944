"""Colours of the theme as the numbers that layers are drawn with."""

from functools import cache

from PySide6.QtGui import QColor

from segstudio.gui.theme import tokens
from segstudio.gui.viewer.label_render import Colour


def label_colours() -> tuple[Colour, ...]:
    """Return the colours of objects in the present theme, by number minus one."""
    return _colours_of(tuple(tokens().labels))


def rgb(colour: str) -> Colour:
    """Return red, green and blue, 0 to 255, of a colour as ``"#3fa7d6"``."""
    value = QColor(colour)
    return value.red(), value.green(), value.blue()


@cache
def _colours_of(names: tuple[str, ...]) -> tuple[Colour, ...]:
    return tuple(rgb(name) for name in names)

"""Colours of the theme, and of the palettes that a user can choose, as the numbers that layers are drawn with."""

import json
from functools import cache
from typing import Any

import cv2
import numpy as np
from PySide6.QtGui import QColor

from segstudio.core.resources import resource
from segstudio.gui.theme import tokens
from segstudio.gui.viewer.label_render import Colour
from segstudio.session.object_numbers import SOURCES, STATES, STEPS

#: The dark end of the colours of a measurement is left out: it would not be seen on a dark image.
_DARKEST = 0.2


def label_colours(name: str = "") -> tuple[Colour, ...]:
    """Return the colours of objects in a palette (Okabe and Ito 2008; Tol 2021), by number minus one.

    Any other name stands for the colours of the theme.
    """
    return _colours_of(tuple(_file()["palettes"].get(name) or tokens().labels))


def state_colours() -> tuple[Colour, ...]:
    """Return the colours of `STATES`."""
    return _colours_of(tuple(_file()["states"][name] for name in STATES))


def source_colours() -> tuple[Colour, ...]:
    """Return the colours of `SOURCES`."""
    return _colours_of(tuple(_file()["sources"][name] for name in SOURCES))


def unknown_colour() -> Colour:
    """Return the colour of objects that are not measured yet."""
    return rgb(_file()["unknown"])


@cache
def figure_colours() -> tuple[Colour, ...]:
    """Return `STEPS` colours from the low to the high end of a measurement: those of viridis."""
    ramp = np.linspace(255 * _DARKEST, 255, STEPS).astype(np.uint8)[:, None]
    colours = np.asarray(cv2.applyColorMap(ramp, cv2.COLORMAP_VIRIDIS))[:, 0, ::-1].tolist()
    return tuple((red, green, blue) for red, green, blue in colours)


def rgb(colour: str) -> Colour:
    """Return red, green and blue, 0 to 255, of a colour as ``"#3fa7d6"``."""
    value = QColor(colour)
    return value.red(), value.green(), value.blue()


@cache
def _file() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(resource("themes", "palettes.json").read_text(encoding="utf-8"))
    return content


@cache
def _colours_of(names: tuple[str, ...]) -> tuple[Colour, ...]:
    return tuple(rgb(name) for name in names)

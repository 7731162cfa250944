"""The theme keeps its promises: contrast, colours that stay apart, icons that follow."""

import gc
import itertools
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QSize
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QLabel,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from segstudio.gui.theme import ICONS, apply_theme, icon, theme, tokens

NAMES = ("dark", "light")
# Deuteranopia and protanopia after Machado, Oliveira and Fernandes 2009, severity 1.
VISIONS = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}


def linear(colour: str) -> Any:
    value = np.array([QColor(colour).redF(), QColor(colour).greenF(), QColor(colour).blueF()])
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def luminance(colour: str) -> float:
    return float(linear(colour) @ [0.2126, 0.7152, 0.0722])


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def lab(rgb: Any) -> Any:
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ rgb
    x, y, z = np.cbrt(xyz / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("surface", ["background", "panel", "raised"])
@pytest.mark.parametrize("role", ["text", "secondary", "accent_text", "good_text", "warning_text", "error_text"])
def test_text_is_readable_on_every_surface(name: Any, surface: str, role: str) -> None:
    t = theme(name)
    assert contrast(getattr(t, role), getattr(t, surface)) >= 4.5


@pytest.mark.parametrize("name", NAMES)
def test_marks_and_primary_buttons_are_readable(name: Any) -> None:
    t = theme(name)
    assert contrast(t.on_accent, t.accent) >= 4.5
    for role in ("accent", "good", "warning", "error"):
        assert contrast(getattr(t, role), t.panel) >= 3.0


def test_hint_is_readable_around_the_image() -> None:
    t = theme("dark")
    assert contrast(t.canvas["hint"], t.canvas["surround"]) >= 4.5


@pytest.mark.parametrize("vision", VISIONS)
def test_label_colours_stay_apart(vision: str) -> None:
    seen = [lab(np.clip(VISIONS[vision] @ linear(colour), 0, 1)) for colour in tokens().labels]
    assert len(seen) == 12
    assert min(np.linalg.norm(a - b) for a, b in itertools.combinations(seen, 2)) > 20


def test_theme_changes_palette_and_open_widgets(qtbot: QtBot, qapp: QApplication) -> None:
    button = QPushButton("Train")
    qtbot.addWidget(button)
    apply_theme(qapp, "light")
    button.ensurePolished()
    light = button.palette().color(QPalette.ColorRole.Window).name()
    apply_theme(qapp, "dark")
    button.ensurePolished()
    assert (light, button.palette().color(QPalette.ColorRole.Window).name()) == (
        theme("light").raised,
        theme("dark").raised,
    )
    assert button.sizeHint().height() == 28


def test_every_named_icon_draws_in_the_colour_of_the_theme(qtbot: QtBot, qapp: QApplication) -> None:
    apply_theme(qapp, "light")
    for name in (*ICONS, "ph.folder", "x"):
        image = icon(name).pixmap(QSize(32, 32)).toImage()
        inked = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
        darkest = min((c for c in inked if c.alpha() == 255), key=QColor.lightness, default=None)
        assert darkest is not None, name
        assert darkest.name() == theme("light").text
    apply_theme(qapp, "dark")


def test_an_icon_outlives_whoever_holds_it(qapp: QApplication) -> None:
    cycle: dict[str, object] = {"icon": icon("circle", "good")}
    cycle["self"] = cycle
    del cycle
    gc.collect()  # without the cache the program ends here, now and then
    assert icon("circle", "good") is icon("circle", "good")
    assert not icon("circle", "good").pixmap(QSize(16, 16)).isNull()


def test_unknown_icon_is_an_error() -> None:
    with pytest.raises(KeyError):
        icon("no-such-picture")


def test_the_cross_of_a_field_is_in_its_middle(qtbot: QtBot, qapp: QApplication) -> None:
    apply_theme(qapp, "dark")
    field = QLineEdit()
    field.setClearButtonEnabled(True)
    field.setText("rate")
    qtbot.addWidget(field)
    field.resize(200, field.sizeHint().height())
    field.show()
    (cross,) = field.findChildren(QToolButton)
    qtbot.waitUntil(cross.isVisible)
    assert abs(cross.geometry().center().y() - field.rect().center().y()) <= 1
    assert cross.height() <= field.height()


def test_a_bar_at_nothing_is_hollow(qtbot: QtBot, qapp: QApplication) -> None:
    apply_theme(qapp, "dark")
    bar = QProgressBar()
    bar.setTextVisible(False)
    qtbot.addWidget(bar)
    bar.resize(200, 6)
    bar.show()
    picture = bar.grab().toImage()
    assert picture.pixelColor(100, picture.height() // 2) != picture.pixelColor(100, 0)


class Dressed(QLabel):
    """Counts how often it is dressed anew."""

    times = 0

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.StyleChange:
            self.times += 1
        super().changeEvent(event)


def test_a_widget_is_dressed_no_more_often_because_others_are_around_it(qtbot: QtBot) -> None:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    apply_theme(app, "dark")
    outermost = around = QWidget()
    qtbot.addWidget(outermost)
    labels = []
    for _ in range(8):
        inner, label = QWidget(), Dressed("text")
        layout = QVBoxLayout(around)
        layout.addWidget(label)
        layout.addWidget(inner)
        labels.append(label)
        around = inner
    outermost.show()
    for label in labels:
        label.times = 0
    try:
        apply_theme(app, "light")
        assert len({label.times for label in labels}) == 1, [label.times for label in labels]
        assert labels[-1].palette().color(QPalette.ColorRole.WindowText) == QColor(theme("light").text)
    finally:
        apply_theme(app, "dark")

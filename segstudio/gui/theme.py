"""Palette, style sheet and icons: every colour comes from ``resources/themes/tokens.json``."""

import importlib.util
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any, Literal

from psygnal import SignalInstance
from PySide6.QtCore import QPoint, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QApplication

from segstudio.core.resources import resource

ThemeName = Literal["dark", "light"]

#: Names for what a button does; any other name of the Phosphor set works as it is, with or without ``ph.``.
ICONS = {
    "select": "cursor",
    "brush": "paint-brush",
    "erase": "eraser",
    "encircle": "scribble-loop",
    "polygon": "polygon",
    "fill": "paint-bucket",
    "split": "scissors",
    "merge": "circles-three-plus",
    "pick": "eyedropper",
    "region": "selection-all",
    "ignore": "selection-slash",
    "undo": "arrow-u-up-left",
    "redo": "arrow-u-up-right",
    "search": "magnifying-glass",
    "info": "info",
    "good": "check-circle",
    "warning": "warning",
    "error": "warning-octagon",
}

#: Text sizes and lengths in pixels, see the style sheet.
FONT_BASE, FONT_SECONDARY, FONT_TITLE = 13, 11, 16
SPACING, SPACING_GROUP = 8, 16


@dataclass(frozen=True, slots=True)
class Tokens:
    """The colours of one theme, ``#rrggbb``.

    Attributes
    ----------
    accent, good, warning, error
        For lines, marks and fills. As text use the ones that end in ``_text``: 4.5 : 1 on every surface.
    canvas
        Colours around and over the image, the same in both themes.
    labels
        Twelve colours for objects that stay apart with every common colour vision.
    errors
        Colours of ``missed``, ``false``, ``split``, ``merged`` objects and bad ``outline``.
    """

    name: ThemeName
    background: str
    panel: str
    raised: str
    border: str
    text: str
    secondary: str
    disabled: str
    accent: str
    on_accent: str
    good: str
    warning: str
    error: str
    accent_text: str
    good_text: str
    warning_text: str
    error_text: str
    canvas: dict[str, str]
    labels: tuple[str, ...]
    errors: dict[str, str]

    def colour(self, role: str) -> QColor:
        """Return the colour of a role by name; ``"info"`` is the accent, ``"#rrggbb"`` is itself."""
        if role.startswith("#"):
            return QColor(role)
        return QColor(self.canvas.get(role) or getattr(self, "accent" if role == "info" else role))


#: Emits the name of the theme after it has changed; for what neither palette nor style sheet reaches.
theme_changed = SignalInstance((str,), name="theme_changed")

_DRESSED = "segstudio-dressed"
_current: list[ThemeName] = ["dark"]


@cache
def _file() -> dict[str, Any]:
    content: dict[str, Any] = json.loads(resource("themes", "tokens.json").read_text(encoding="utf-8"))
    return content


@cache
def theme(name: ThemeName) -> Tokens:
    """Return the tokens of one theme."""
    content = _file()
    return Tokens(
        name=name,
        canvas=content["canvas"],
        labels=tuple(content["labels"]),
        errors=content["errors"],
        **content[name],
    )


def tokens() -> Tokens:
    """Return the tokens of the theme in use."""
    return theme(_current[0])


def apply_theme(app: QApplication, name: str = "dark") -> None:
    """Dress the whole program.

    Parameters
    ----------
    name
        ``"dark"``, ``"light"``, or ``"system"`` for what the desktop uses.
    """
    _current[0] = _resolved(app, name)
    if not app.property(_DRESSED):
        # Once: under a style sheet each of them dresses every widget anew, 0.1 s in a full window.
        app.setProperty(_DRESSED, True)
        app.setStyle("Fusion")
        font = app.font()
        font.setPixelSize(FONT_BASE)
        app.setFont(font)
    # Without this Qt dresses a widget again for each widget around it when it exchanges a sheet: 11 times a widget.
    app.setStyleSheet("")
    app.setPalette(_palette(tokens()))
    app.setStyleSheet(style_sheet(tokens()))
    theme_changed.emit(_current[0])


def _resolved(app: QApplication, name: str) -> ThemeName:
    if name == "system":
        return "light" if app.styleHints().colorScheme() == Qt.ColorScheme.Light else "dark"
    return "light" if name == "light" else "dark"


def _palette(t: Tokens) -> QPalette:
    role = QPalette.ColorRole
    palette = QPalette()
    for which, colour in {
        role.Window: t.background,
        role.WindowText: t.text,
        role.Base: t.panel,
        role.AlternateBase: t.raised,
        role.Text: t.text,
        role.PlaceholderText: t.secondary,
        role.Button: t.raised,
        role.ButtonText: t.text,
        role.BrightText: t.error_text,
        role.ToolTipBase: t.raised,
        role.ToolTipText: t.text,
        role.Highlight: t.accent,
        role.HighlightedText: t.on_accent,
        role.Link: t.accent_text,
        role.LinkVisited: t.accent_text,
        role.Light: t.raised,
        role.Midlight: t.raised,
        role.Mid: t.border,
        role.Dark: t.border,
        role.Shadow: t.background,
    }.items():
        palette.setColor(which, QColor(colour))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, QColor(t.disabled))
    return palette


def style_sheet(t: Tokens) -> str:
    """Return the style sheet of a theme."""
    text = Template(resource("themes", "style.qss").read_text(encoding="utf-8"))
    colours = {key: getattr(t, key) for key in Tokens.__slots__ if isinstance(getattr(t, key), str)}
    pictures = {
        name: resource("icons", f"{name.replace('_', '-')}-{t.name}.svg").as_posix()
        for name in ("caret_up", "caret_down", "check")
    }
    return text.substitute(colours, **pictures)


@cache
def _font_folder() -> Path:
    # Found without importing qtawesome: its import costs 70 ms and only its font is needed.
    found = importlib.util.find_spec("qtawesome")
    if found is None or found.origin is None:
        raise FileNotFoundError("qtawesome")
    return Path(found.origin).parent / "fonts"


@cache
def _characters() -> dict[str, str]:
    (path,) = _font_folder().glob("phosphor-charmap-*.json")
    codes: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return {name: chr(int(code, 16)) for name, code in codes.items()}


@cache
def _family() -> str:
    (path,) = _font_folder().glob("phosphor-[0-9]*.ttf")
    return QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(path)))[0]


class _GlyphEngine(QIconEngine):
    """Draws one character of the icon font in a colour of the theme in use when it is drawn."""

    def __init__(self, character: str, role: str) -> None:
        super().__init__()
        self._character = character
        self._role = role

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        font = QFont(_family())
        font.setPixelSize(max(1, round(min(rect.width(), rect.height()))))
        role = self._role
        if mode == QIcon.Mode.Disabled:
            role = "disabled"
        elif role == "text" and (state == QIcon.State.On or mode == QIcon.Mode.Selected):
            role = "on_accent"
        painter.save()
        painter.setFont(font)
        painter.setPen(tokens().colour(role))
        # A picture that is wider than high has its room at the right: the gap between icon and text of a button.
        side = Qt.AlignmentFlag.AlignLeft if rect.width() > rect.height() else Qt.AlignmentFlag.AlignHCenter
        painter.drawText(QRectF(rect), side | Qt.AlignmentFlag.AlignVCenter, self._character)
        painter.restore()

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def clone(self) -> QIconEngine:
        return _GlyphEngine(self._character, self._role)


@cache  # each is kept: the collector may free what draws an icon before the icon, which then draws on freed memory
def icon(name: str, colour: str = "text") -> QIcon:
    """Return a line icon that follows the theme.

    Parameters
    ----------
    name
        A key of `ICONS`, or a name of the Phosphor set such as ``"folder"`` or ``"ph.folder"``.
    colour
        Name of a token, ``"#rrggbb"``, or ``"info"``.

    Raises
    ------
    KeyError
        The set has no such icon.
    """
    plain = name.removeprefix("ph.")
    return QIcon(_GlyphEngine(_characters()[ICONS.get(plain, plain)], colour))

"""A ring around the list, table, page or image that has the keys, once they were moved with the keyboard."""

from PySide6.QtCore import QEvent, QObject, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import (
    QAbstractScrollArea,
    QApplication,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QTextEdit,
    QWidget,
)
from shiboken6 import isValid

from segstudio.gui.theme import tokens

_WIDTH, _RADIUS = 2, 4
#: What shows no sign of its own; the style sheet has one for fields and buttons.
_RINGED = (QAbstractScrollArea, QTabBar)
_WITH_A_SIGN = (QLineEdit, QPlainTextEdit, QTextEdit)


class FocusRing(QObject):
    """Follows the keys of the whole program.

    Parameters
    ----------
    parent
        Lives as long as this.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._ring: _Ring | None = None
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._follow)

    def around(self) -> QWidget | None:
        """Return what has the ring."""
        return self._ring.parentWidget() if self._ring is not None and isValid(self._ring) else None

    def move_on(self, *areas: tuple[QWidget, QWidget]) -> None:
        """Give the keys to the next area of the window that is in sight.

        Parameters
        ----------
        areas
            Each as a whole, and what in it gets the keys, in the order of the walk.
        """
        focus = QApplication.focusWidget()
        inside = [focus is not None and (whole is focus or whole.isAncestorOf(focus)) for whole, _target in areas]
        here = inside.index(True) if True in inside else -1
        walk = [areas[(here + step) % len(areas)][1] for step in range(1, len(areas) + 1)]
        for target in walk:
            if target.isVisible():
                target.setFocus(Qt.FocusReason.ShortcutFocusReason)
                target.window().setAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)  # Qt sets it for Tab only
                self._follow(None, target)
                return

    def _follow(self, _old: QWidget | None, new: QWidget | None) -> None:
        """Surround `new` when it was reached with the keyboard; a click needs no ring."""
        if self._ring is not None and isValid(self._ring):
            self._ring.leave()
        self._ring = None
        by_keys = new is not None and new.window().testAttribute(Qt.WidgetAttribute.WA_KeyboardFocusChange)
        if by_keys and isinstance(new, _RINGED) and not isinstance(new, _WITH_A_SIGN):
            self._ring = _Ring(new)


class _Ring(QWidget):
    """Lies over `watched`, inside of it, where no neighbour covers it."""

    def __init__(self, watched: QWidget) -> None:
        super().__init__(watched)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._watched = [watched]
        if isinstance(watched, QAbstractScrollArea):
            self._watched.append(watched.viewport())
        for part in self._watched:
            part.installEventFilter(self)
        self.resize(watched.size())
        self.show()
        self.raise_()

    def leave(self) -> None:
        """Go for good."""
        for part in self._watched:
            part.removeEventFilter(self)
        self.hide()
        self.setParent(None)
        self.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follow the size; go when the mouse is used, as painting does on an image that has the keys already."""
        if event.type() == QEvent.Type.MouseButtonPress:
            self.hide()
        elif event.type() == QEvent.Type.Resize:
            self.resize(self._watched[0].size())
        return super().eventFilter(watched, event)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw the ring."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens().accent), _WIDTH))
        inset = _WIDTH / 2
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), _RADIUS, _RADIUS)
        painter.end()

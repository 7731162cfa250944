"""The small pieces that panels are put together from: captions, buttons, sections, empty states."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from segstudio.gui.forms.plain import plain, plain_tip
from segstudio.gui.theme import SPACING, SPACING_GROUP, icon, theme_changed

_MARGIN = 12


def caption(text: str = "", role: str = "secondary") -> QLabel:
    """Return a plain text that breaks into lines; `role` is a colour of the style sheet."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setProperty("role", role)
    label.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Minimum)
    label.setWordWrap(True)  # after the policy, which would forget that the height follows from the width
    return label


def set_role(widget: QWidget, role: str) -> None:
    """Change the role of a widget and dress it anew."""
    if widget.property("role") != role:
        widget.setProperty("role", role)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def heading(text: str) -> QLabel:
    """Return the title of a section."""
    label = plain(QLabel(text))
    label.setProperty("role", "heading")
    font = label.font()
    font.setWeight(font.Weight.DemiBold)
    label.setFont(font)
    return label


class ElidedLabel(QLabel):
    """A line of text that is cut off with an ellipsis where there is no room; the tooltip has it all.

    Parameters
    ----------
    tip
        What the text is about, for the tooltip.
    """

    def __init__(self, tip: str = "") -> None:
        super().__init__()
        self._tip, self._full, self._shown = tip, "", ""
        plain(self)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def text(self) -> str:
        """Return what there is room for."""
        return self._shown

    def setText(self, text: str) -> None:
        """Show a text. Unlike Qt's own label, this lays nothing out anew: a status bar follows every mouse move."""
        if text != self._full:
            self._full = text
            self.setToolTip(plain_tip(f"{self._tip}: {text}" if self._tip and text else text))
            self.setAccessibleName(text)
            self._cut()

    def sizeHint(self) -> QSize:
        """Return the height of a line; the layout gives the width."""
        return QSize(0, self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:
        """Return the height of a line."""
        return self.sizeHint()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cut the text anew."""
        super().resizeEvent(event)
        self._cut()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the line as a label does."""
        role, alignment = self.foregroundRole(), int(self.alignment())
        self.style().drawItemText(
            QPainter(self), self.contentsRect(), alignment, self.palette(), self.isEnabled(), self._shown, role
        )

    def _cut(self) -> None:
        shown = self.fontMetrics().elidedText(self._full, Qt.TextElideMode.ElideRight, self.width())
        if shown != self._shown:
            self._shown = shown
            self.update()


def button(text: str, call: Callable[[], object], picture: str = "", *, primary: bool = False) -> QPushButton:
    """Return a push button that calls `call`."""
    made = QPushButton(text)
    if picture:
        made.setIcon(icon(picture, "on_accent" if primary else "text"))
    if primary:
        made.setProperty("role", "primary")
    made.clicked.connect(lambda _checked=False: call())
    return made


def tool_button(picture: str, tip: str, call: Callable[[], object]) -> QToolButton:
    """Return a button that is only a picture."""
    made = QToolButton()
    made.setIcon(icon(picture))
    made.setToolTip(tip)
    made.setAccessibleName(tip)
    made.setAutoRaise(True)
    made.clicked.connect(lambda _checked=False: call())
    return made


def row(*widgets: QWidget, stretch: int | None = None) -> QHBoxLayout:
    """Return widgets beside each other; the one numbered `stretch` takes the room that is left."""
    line = QHBoxLayout()
    line.setContentsMargins(0, 0, 0, 0)
    line.setSpacing(SPACING)
    for number, widget in enumerate(widgets):
        line.addWidget(widget, 1 if number == stretch else 0)
    return line


def keys_after(before: QWidget, *following: QWidget) -> None:
    """Let the Tab key go from `before` to what is in the `following` widgets, in their order.

    What is made later than its neighbours comes last otherwise, wherever it lies.
    """
    walk: list[QWidget] = []
    for whole in following:
        walk.append(whole)
        widget: QWidget | None = whole.nextInFocusChain()
        while widget is not None and widget is not whole and whole.isAncestorOf(widget):
            walk.append(widget)
            widget = widget.nextInFocusChain()
    for widget in walk:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and widget.focusProxy() is None:
            QWidget.setTabOrder(before, widget)
            before = widget


def on_theme(widget: QWidget, repaint: Callable[[], object]) -> None:
    """Call `repaint` after the theme has changed, as long as `widget` lives."""

    def call(_name: str) -> None:
        repaint()

    theme_changed.connect(call)
    widget.destroyed.connect(lambda: theme_changed.disconnect(call, missing_ok=True))


class Section(QWidget):
    """A title with what belongs to it."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(SPACING)
        self.title = heading(title)
        self.title.setVisible(bool(title))
        self.body.addWidget(self.title)


class Column(QScrollArea):
    """A panel's content from top to bottom; scrolls when the window is low, never sideways."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inner = QWidget()
        self.body = QVBoxLayout(inner)
        self.body.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        self.body.setSpacing(SPACING_GROUP)
        self.setWidget(inner)

    def minimumSizeHint(self) -> QSize:
        """Return the least width in which nothing is cut off."""
        return QSize(240, 120)


class Footer(QFrame):
    """What stays in sight below `column`, however far that is scrolled; it ends at the right where the column does."""

    def __init__(self, column: Column) -> None:
        super().__init__()
        self.body = QVBoxLayout(self)
        self.body.setSpacing(4)
        self._bar = column.verticalScrollBar()
        self._bar.rangeChanged.connect(self._on_range)
        self._on_range(0, 0)

    def _on_range(self, _first: int, last: int) -> None:
        """Leave as much room at the right as the scroll bar of the column takes."""
        if not isValid(self._bar):  # a bar tells of its range even while it is deleted with the window
            return
        taken = self._bar.sizeHint().width() if last > 0 else 0
        self.body.setContentsMargins(_MARGIN, 8, _MARGIN + taken, _MARGIN)


class EmptyState(QWidget):
    """Says why something cannot work yet, and offers the one button that gets there."""

    wanted = Signal()

    def __init__(self, picture: str) -> None:
        super().__init__()
        self._name = picture
        self._picture = QLabel()
        self._text = caption(role="")
        self._text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._button = QPushButton()
        self._button.setProperty("role", "primary")
        self._button.clicked.connect(lambda _checked=False: self.wanted.emit())
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 24, 8, 24)
        column.setSpacing(SPACING_GROUP)
        column.addWidget(self._picture, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(self._text)
        column.addWidget(self._button, 0, Qt.AlignmentFlag.AlignHCenter)
        on_theme(self, self._paint_picture)
        self._paint_picture()

    def say(self, text: str, button_text: str = "") -> None:
        """Show a sentence, and the button when it has a text."""
        self._text.setText(text)
        self._button.setText(button_text)
        self._button.setVisible(bool(button_text))

    def text(self) -> str:
        """Return what is said."""
        return self._text.text()

    def press(self) -> None:
        """Press the button."""
        self._button.click()

    def _paint_picture(self) -> None:
        self._picture.setPixmap(icon(self._name, "secondary").pixmap(QSize(40, 40)))


def centred(widget: QWidget) -> QWidget:
    """Return a page with `widget` half way down."""
    page = QWidget()
    column = QVBoxLayout(page)
    column.addStretch(1)
    column.addWidget(widget)
    column.addStretch(1)
    return page

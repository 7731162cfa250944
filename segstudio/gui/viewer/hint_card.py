"""The small card that shows the first gesture: right-click and circle one cell."""

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from segstudio.gui.theme import icon, tokens
from segstudio.gui.viewer.plates import card

#: Room between the card and the edges of the view, pixels.
_EDGE = 12
_KEY = "circling-known"


class HintCard(QFrame):
    """Lies in the lower left corner of a view until its gesture is known; that is remembered for good."""

    dismissed = Signal()
    """The user does not want to see it again."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._settings = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "SegStudio", "window")
        self.known = bool(self._settings.value(_KEY, False, bool))
        """Whether the user knows the gesture, or does not want to be told."""
        text = QLabel(self.tr("Right-click and circle one cell"))
        text.setStyleSheet(f"color: {tokens().canvas['bright']};")  # on the dark of the card in both themes
        close = QToolButton()
        close.setIcon(icon("ph.x", "bright"))
        close.setIconSize(QSize(14, 14))
        close.setAutoRaise(True)
        close.setToolTip(self.tr("Do not show this again"))
        close.setAccessibleName(close.toolTip())
        close.setCursor(Qt.CursorShape.ArrowCursor)
        close.clicked.connect(self._on_close)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 4, 4)
        row.setSpacing(8)
        row.addWidget(_Gesture())
        row.addWidget(text)
        row.addWidget(close)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._fits, self._teaches = False, True
        parent.installEventFilter(self)
        self.hide()

    def offer(self, fits: bool) -> None:
        """Show it when the moment is right and the gesture is not known."""
        self._fits = fits
        self._show()

    def teach(self, teaches: bool) -> None:
        """Say whether the user is labelling."""
        self._teaches = teaches
        self._show()

    def learn(self) -> None:
        """Remember for good that the user has circled an object."""
        if not self.known:
            self.known = True
            self._settings.setValue(_KEY, True)
        self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep to the lower left corner of the view."""
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _show(self) -> None:
        self.setVisible(self._fits and self._teaches and not self.known)
        if not self.isHidden():
            self._place()

    def _place(self) -> None:
        self.adjustSize()
        parent = self.parentWidget()
        if parent is not None:
            self.move(_EDGE, parent.height() - self.height() - _EDGE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw a dark ground with round corners."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        card(painter, self.rect())

    def _on_close(self) -> None:
        self.learn()
        self.dismissed.emit()


class _Gesture(QWidget):
    """A cell, the dashed way round it, and the arrow that comes back to the start."""

    SIZE = QSize(44, 32)

    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(self.SIZE)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw it."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        t = tokens()
        centre = QPointF(21, 17)
        cell = t.colour(t.labels[0])
        cell.setAlphaF(0.45)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(cell)
        painter.drawEllipse(centre, 12, 8)
        way = QPainterPath()
        box = QRectF(centre.x() - 17, centre.y() - 13, 34, 26)
        way.arcMoveTo(box, 60)
        way.arcTo(box, 60, 320)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(t.colour("bright"), 1.5, Qt.PenStyle.DashLine, Qt.PenCapStyle.RoundCap))
        painter.drawPath(way)
        end = way.currentPosition()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.colour("bright"))
        painter.drawPolygon(QPolygonF([end + QPointF(1, -5), end + QPointF(-4, 2), end + QPointF(4, 2.5)]))
        painter.setBrush(t.colour("accent"))
        painter.drawEllipse(way.pointAtPercent(0), 2.5, 2.5)

"""Histogram of the image with draggable black and white points, gamma and an Auto button."""

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from segstudio.gui.forms.numbers import whole_number
from segstudio.gui.theme import SPACING, tokens
from segstudio.io.sources import ImageSource
from segstudio.session.display.shading import BINS, Histogram
from segstudio.session.session import Session

_GRAB = 8.0


class HistogramPlot(QWidget):
    """The curve and its two handles."""

    contrast_dragged = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._histogram: Histogram | None = None
        self._contrast = (0.0, 1.0)
        self._held = -1
        self._colour = ""
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        """Return a low, wide area."""
        return QSize(220, 88)

    def show_histogram(self, shown: Histogram | None) -> None:
        """Draw another histogram, ``None`` for none."""
        self._histogram = shown
        self.setEnabled(shown is not None)
        self.update()

    def show_colour(self, colour: str) -> None:
        """Draw the curve in the colour of a channel; in that of other text when empty."""
        self._colour = colour
        self.update()

    def show_contrast(self, contrast: tuple[float, float]) -> None:
        """Move the handles to the values shown black and white."""
        self._contrast = contrast
        self.update()

    def x_of(self, value: float) -> float:
        """Return where a pixel value lies, widget pixels."""
        shown = self._histogram
        if shown is None:
            return 0.0
        share = (value - shown.low) / (shown.high - shown.low)
        return _GRAB + min(max(share, 0.0), 1.0) * (self.width() - 2 * _GRAB)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw counts by their square root, so that rare bright pixels are seen."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        t = tokens()
        base = float(self.height() - 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(t.colour("background"))
        painter.drawRoundedRect(QRectF(self.rect()), 6, 6)
        shown = self._histogram
        if shown is None:
            return
        heights = shown.counts.clip(min=0) ** 0.5
        top = max(float(heights[1:-1].max(initial=0)), 1.0)
        step = (self.width() - 2 * _GRAB) / BINS
        outline = [QPointF(_GRAB, base)]
        outline += [
            QPointF(_GRAB + (index + 0.5) * step, base - min(height / top, 1.0) * (base - 8))
            for index, height in enumerate(heights.tolist())
        ]
        painter.setBrush(t.colour(self._colour or "secondary"))
        painter.drawPolygon(QPolygonF([*outline, QPointF(_GRAB + BINS * step, base)]))
        low, high = (self.x_of(value) for value in self._contrast)
        veil = t.colour("background")
        veil.setAlphaF(0.65)
        painter.fillRect(QRectF(_GRAB, 0, low - _GRAB, base), veil)
        painter.fillRect(QRectF(high, 0, self.width() - _GRAB - high, base), veil)
        painter.setPen(QPen(t.colour("accent"), 1.5))
        painter.drawLine(QPointF(low, base), QPointF(high, 6))
        for x in (low, high):
            painter.drawLine(QPointF(x, 4), QPointF(x, base))
            painter.setBrush(t.colour("accent"))
            painter.drawEllipse(QPointF(x, base), 4, 4)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take the nearer handle."""
        if self._histogram is not None and event.button() == Qt.MouseButton.LeftButton:
            x = event.position().x()
            low, high = (abs(self.x_of(value) - x) for value in self._contrast)
            self._held = int(high < low or (high == low and x > self.x_of(self._contrast[1])))
            self._drag(x)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Drag the handle that is held."""
        near = any(abs(self.x_of(value) - event.position().x()) < _GRAB for value in self._contrast)
        self.setCursor(Qt.CursorShape.SizeHorCursor if near or self._held >= 0 else Qt.CursorShape.ArrowCursor)
        if self._held >= 0:
            self._drag(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = -1

    def _drag(self, x: float) -> None:
        shown = self._histogram
        if shown is None:
            return
        span = shown.high - shown.low
        share = min(max((x - _GRAB) / max(self.width() - 2 * _GRAB, 1.0), 0.0), 1.0)
        value, gap = shown.low + share * span, span / BINS
        low, high = self._contrast
        pair = (min(value, high - gap), high) if self._held == 0 else (low, max(value, low + gap))
        self.show_contrast(pair)
        self.contrast_dragged.emit(*pair)


class HistogramWidget(QWidget):
    """Contrast of the channel in hand, of the image in front or of the image that a model made of it.

    Parameters
    ----------
    session
        What is seen of its document is shown, its view state is changed.
    """

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._source: ImageSource | None = None
        self._known: dict[ImageSource, tuple[Histogram, ...]] = {}
        self.plot = HistogramPlot()
        self.auto = QPushButton(self.tr("Auto"))
        self.auto.setToolTip(self.tr("Show the darkest 0.2 % of the pixels black and the brightest 0.2 % white."))
        self.gamma = QDoubleSpinBox()
        whole_number(self.gamma)
        self.gamma.setRange(0.2, 5.0)
        self.gamma.setSingleStep(0.1)
        self.gamma.setDecimals(2)
        self.gamma.setKeyboardTracking(False)  # a number is taken whole, not at its first digit
        self.gamma.setToolTip(self.tr("Above 1 brightens the dark parts without touching black and white."))
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addWidget(QLabel(self.tr("Gamma")))
        row.addWidget(self.gamma)
        row.addStretch(1)
        row.addWidget(self.auto)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self.plot)
        layout.addLayout(row)
        self.plot.contrast_dragged.connect(self._on_dragged)
        self.auto.clicked.connect(self._on_auto)
        self.gamma.valueChanged.connect(self._on_gamma)
        session.document_changed.connect(self._follow)
        session.made.changed.connect(self._follow)
        session.view.events.display.connect(self._refresh)
        self._follow()

    def _follow(self, *_: object) -> None:
        """Show the histogram of what is seen now."""
        session = self._session
        source, document = session.made.seen, session.document
        here = (session.made.source, document.source if document is not None else None)
        self._known = {kept: found for kept, found in self._known.items() if kept in here}
        if source is not self._source:
            self._source = source
            self.setEnabled(source is not None)
            self._show()

    def take(self, source: ImageSource, found: tuple[Histogram, ...]) -> None:
        """Take what the canvas has found out about the image, or about the one made of it."""
        self._known[source] = found
        self._show()

    def _show(self) -> None:
        self._refresh()

    def _refresh(self, *_: object) -> None:
        view = self._session.view
        found, display = self._known.get(self._source) if self._source is not None else None, view.display
        shown = found[display.current] if found is not None and len(found) == len(display.channels) else None
        self.plot.show_histogram(shown)
        lut = display.channel.lut
        self.plot.show_colour(lut if len(display.channels) > 1 and lut.startswith("#") else "")
        if shown is not None:
            self.plot.show_contrast(view.contrast or shown.auto)
        self.auto.setEnabled(not display.channel.automatic)
        self.gamma.blockSignals(True)
        self.gamma.setValue(view.gamma)
        self.gamma.blockSignals(False)

    def _on_auto(self) -> None:
        view = self._session.view
        view.display = view.display.changed(view.display.current, contrast=None, gamma=1.0)

    def _on_dragged(self, low: float, high: float) -> None:
        self._session.view.contrast = (low, high)

    def _on_gamma(self, value: float) -> None:
        self._session.view.gamma = value

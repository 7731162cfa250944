"""What lies over everything: pixel grid, scale bar, what is shown, hints, brush cursor."""

import math

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from segstudio.core.axes import PixelSize
from segstudio.gui.theme import FONT_BASE, FONT_SECONDARY, tokens
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.plates import plate

#: Screen pixels per image pixel from which the pixel grid shows.
GRID_FROM = 12.0
_BAR = 120.0
#: Room on either side of the note, where minimap and scale bar are, and what it takes all the same; screen pixels.
_BESIDE_NOTE, _LEAST_NOTE = 190.0, 200.0

#: Names of files have no spaces.
_WRAPPED = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap | Qt.TextFlag.TextWrapAnywhere)
_EDGE = 24


class Decoration(QGraphicsItem):
    """Pixel grid, scale bar, note and hints."""

    def __init__(self) -> None:
        super().__init__()
        self._camera = Camera()
        self._bounds = QRectF()
        self._shape = (0, 0)
        self._pixel_size: PixelSize | None = None
        self._hint = self._note = ""

    def set_image(self, shape: tuple[int, int], pixel_size: PixelSize | None) -> None:
        """Follow the image; shape ``(0, 0)`` for none."""
        self._shape, self._pixel_size = shape, pixel_size
        self.update()

    def set_camera(self, camera: Camera, bounds: QRectF) -> None:
        """Follow the view."""
        self.prepareGeometryChange()
        self._camera, self._bounds = camera, bounds
        self.update()

    def set_hint(self, text: str) -> None:
        """Show a sentence in the middle; ``""`` shows none."""
        if text != self._hint:
            self._hint = text
            self.update()

    def set_note(self, text: str) -> None:
        """Say below the image what it is; ``""`` says nothing."""
        if text != self._note:
            self._note = text
            self.update()

    def boundingRect(self) -> QRectF:
        """Return the whole screen."""
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw what applies."""
        if self._shape != (0, 0):
            if self._camera.scale >= GRID_FROM:
                self._paint_grid(painter)
            bar = self._paint_bar(painter)
            if self._note:
                self._paint_note(painter, bar)
        if self._hint:
            self._paint_hint(painter)

    def _paint_grid(self, painter: QPainter) -> None:
        colour = tokens().colour("grid")
        colour.setAlphaF(min(0.5, 0.15 + (self._camera.scale - GRID_FROM) / 60))
        painter.setPen(QPen(colour, 0))
        window = self._camera.visible(self._bounds.width(), self._bounds.height(), self._shape)
        left, top = self._camera.to_screen(window.x0, window.y0)
        right, bottom = self._camera.to_screen(window.x1, window.y1)
        scale = self._camera.scale
        painter.drawLines([QLineF(left + i * scale, top, left + i * scale, bottom) for i in range(window.width + 1)])
        painter.drawLines([QLineF(left, top + i * scale, right, top + i * scale) for i in range(window.height + 1)])

    def _paint_bar(self, painter: QPainter) -> QRectF:
        """Draw the scale bar, and return where it is with its words."""
        length = _round_length(_BAR / self._camera.scale * (self._pixel_size.x if self._pixel_size else 1.0))
        pixels = length / (self._pixel_size.x if self._pixel_size else 1.0) * self._camera.scale
        text = f"{length:g} {'µm' if self._pixel_size else 'px'}"
        right, bottom = self._corner(pixels)
        bar = QRectF(right - pixels, bottom - 4, pixels, 4)
        halo = tokens().colour("halo")
        halo.setAlphaF(0.6)
        painter.fillRect(bar.adjusted(-1, -1, 1, 1), halo)
        painter.fillRect(bar, tokens().colour("bright"))
        font = QFont(painter.font())
        font.setPixelSize(FONT_SECONDARY)
        metrics = QFontMetricsF(font)
        place = QRectF(0, 0, metrics.horizontalAdvance(text), metrics.height())
        place.moveCenter(QPointF(bar.center().x(), bar.top() - 7 - metrics.height() / 2))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plate(painter, place, text, font)
        return bar.united(place)

    def _paint_note(self, painter: QPainter, bar: QRectF) -> None:
        """Write the note in the middle of the lower edge, above the scale bar where both have no room."""
        font = QFont(painter.font())
        font.setPixelSize(FONT_BASE)
        metrics = QFontMetricsF(font)
        room = max(self._bounds.width() - 2 * _BESIDE_NOTE, _LEAST_NOTE)
        text = metrics.elidedText(self._note, Qt.TextElideMode.ElideMiddle, room)
        place = QRectF(0, 0, metrics.horizontalAdvance(text), metrics.height() + 4)
        place.moveCenter(QPointF(self._bounds.center().x(), 0))
        place.moveBottom(self._bounds.bottom() - 14)
        if place.adjusted(-13, -8, 13, 8).intersects(bar):
            place.moveBottom(bar.top() - 8)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        plate(painter, place, text, font)

    def _corner(self, length: float) -> tuple[float, float]:
        """Return where the scale bar ends: on the image, unless that is too small to hold it."""
        right, bottom = self._camera.to_screen(self._shape[1], self._shape[0])
        left, top = self._camera.to_screen(0, 0)
        right, bottom = min(right, self._bounds.right()), min(bottom, self._bounds.bottom())
        if right - max(left, 0) < 2 * length + 32 or bottom - max(top, 0) < 100:
            right, bottom = self._bounds.right(), self._bounds.bottom()
        return right - 16, bottom - 16

    def _paint_hint(self, painter: QPainter) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(painter.font())
        font.setPixelSize(FONT_BASE)
        painter.setFont(font)
        painter.setPen(tokens().colour("hint"))
        painter.drawText(self._bounds.adjusted(_EDGE, 0, -_EDGE, 0), _WRAPPED, self._hint)


def _round_length(wish: float) -> float:
    """Return the largest of 1, 2, 5 times a power of ten below `wish`."""
    power = 10.0 ** math.floor(math.log10(max(wish, 1e-9)))
    return next(step * power for step in (5, 2, 1) if step * power <= wish * (1 + 1e-9))


class BrushCursor(QGraphicsItem):
    """A circle, or a square, of the true size of the brush."""

    def __init__(self) -> None:
        super().__init__()
        self._radius, self._square = 8.0, False

    def set_radius(self, radius: float, *, square: bool) -> None:
        """Take another radius, screen pixels."""
        if (radius, square) != (self._radius, self._square):
            self.prepareGeometryChange()
            self._radius, self._square = radius, square

    def boundingRect(self) -> QRectF:
        """Return the circle with its rim."""
        reach = max(self._radius, 4.0) + 3
        return QRectF(-reach, -reach, 2 * reach, 2 * reach)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw a light circle in a dark one, seen on every image; a cross where it is too small."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        halo, bright = tokens().colour("halo"), tokens().colour("bright")
        halo.setAlphaF(0.6)
        for colour, width in ((halo, 3.0), (bright, 1.2)):
            painter.setPen(QPen(colour, width))
            if self._square:
                painter.drawRect(QRectF(-self._radius, -self._radius, 2 * self._radius, 2 * self._radius))
            else:
                painter.drawEllipse(QPointF(0, 0), self._radius, self._radius)
            if self._radius < 4:
                painter.drawLine(QPointF(-6, 0), QPointF(6, 0))
                painter.drawLine(QPointF(0, -6), QPointF(0, 6))

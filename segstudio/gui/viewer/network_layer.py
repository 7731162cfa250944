"""What a network sees, over the image: the square that decides on a pixel beside an object, and maps of a layer."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from segstudio.core.tiles import Window
from segstudio.gui.theme import FONT_SECONDARY, tokens
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.plates import plate

#: Screen pixels between a line and its words, and between words and the edge of the view.
_GAP, _EDGE = 4.0, 8.0
_EVERYTHING = "the network sees everything that it is given"


class NetworkLayer(QGraphicsItem):
    """Follows the pointer with the receptive field, and lies over the image with a picture; shows neither at first."""

    def __init__(self) -> None:
        super().__init__()
        self._camera = Camera()
        self._bounds = QRectF()
        self._at: QPointF | None = None
        self._shown = False
        self._side: int | None = None
        self._diameter: float | None = None
        self._picture = QImage()
        self._window = Window(0, 0, 0, 0)

    @property
    def field(self) -> tuple[bool, int | None, float | None]:
        """Whether the receptive field is shown, its side, and the diameter of the object beside it, pixels."""
        return self._shown, self._side, self._diameter

    @property
    def picture(self) -> QImage:
        """What lies over the image; null for nothing."""
        return self._picture

    def show_field(self, shown: bool, side: int | None, diameter: float | None) -> None:
        """Show a square of `side` image pixels (``None``: all is seen) and a circle of `diameter` (``None``: none)."""
        self._shown, self._side, self._diameter = shown, side, diameter
        self.update()

    def show_picture(self, picture: QImage, window: Window) -> None:
        """Lay a picture over a part of the image; a null one takes it away."""
        self._picture, self._window = picture, window
        self.update()

    def set_camera(self, camera: Camera, bounds: QRectF) -> None:
        """Follow the view."""
        self.prepareGeometryChange()
        self._camera, self._bounds = camera, bounds
        self.update()

    def point(self, at: QPointF | None) -> None:
        """Move to a screen point; to the middle of the view for ``None``."""
        self._at = at
        if self._shown:
            self.update()

    def boundingRect(self) -> QRectF:
        """Return the whole screen."""
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw the picture, then square and circle with their legend."""
        if not self._picture.isNull():
            left, top = self._camera.to_screen(self._window.x0, self._window.y0)
            scale = self._camera.scale
            painter.drawImage(QRectF(left, top, self._window.width * scale, self._window.height * scale), self._picture)
        if self._shown:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint_field(painter, self._at if self._at is not None else self._bounds.center())

    def _paint_field(self, painter: QPainter, at: QPointF) -> None:
        below = QRectF(at, at)
        if self._diameter is not None:
            radius = self._diameter * self._camera.scale / 2
            circle = QRectF(at.x() - radius, at.y() - radius, 2 * radius, 2 * radius)
            _line(painter, tokens().colour(tokens().labels[1]), lambda: painter.drawEllipse(circle))
            self._legend(painter, circle, self._object_words(), above=False)
            below = circle
        if self._side is None:
            self._legend(painter, below, _EVERYTHING, above=True)
            return
        half = self._side * self._camera.scale / 2
        square = QRectF(at.x() - half, at.y() - half, 2 * half, 2 * half)
        _line(painter, tokens().colour(tokens().labels[0]), lambda: painter.drawRect(square))
        self._legend(painter, square, f"receptive field {self._side} × {self._side} px", above=True)

    def _object_words(self) -> str:
        return f"median object {round(self._diameter or 0)} px"

    def _legend(self, painter: QPainter, shape: QRectF, words: str, *, above: bool) -> None:
        """Say what a shape is, above or below it; within the view where the shape reaches out of it."""
        font = QFont(painter.font())
        font.setPixelSize(FONT_SECONDARY)
        metrics = QFontMetricsF(font)
        place = QRectF(0, 0, metrics.horizontalAdvance(words), metrics.height())
        gap = _GAP + place.height() / 2
        place.moveCenter(QPointF(shape.center().x(), shape.top() - gap if above else shape.bottom() + gap))
        room = self._bounds.adjusted(_EDGE, _EDGE, -_EDGE, -_EDGE)
        place.moveLeft(max(min(place.left(), room.right() - place.width()), room.left()))
        place.moveTop(max(min(place.top(), room.bottom() - place.height()), room.top()))
        plate(painter, place, words, font)


def _line(painter: QPainter, colour: QColor, draw: Callable[[], None]) -> None:
    """Draw an outline in a colour on a dark halo, seen on every image."""
    halo = tokens().colour("halo")
    halo.setAlphaF(0.6)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for shade, width in ((halo, 4.0), (colour, 2.0)):
        painter.setPen(QPen(shade, width))
        draw()

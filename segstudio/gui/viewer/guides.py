"""Lines over the image to go by: crosshair, grid, ruler."""

from math import ceil, hypot

from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen
from PySide6.QtWidgets import QGraphicsItem, QGraphicsScene, QStyleOptionGraphicsItem, QWidget

from segstudio.core.axes import PixelSize
from segstudio.gui.theme import FONT_SECONDARY, tokens
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.plates import plate
from segstudio.session.view_state import ViewState

#: Screen pixels that lie at least between two lines of the grid.
_APART = 64.0
_TICK = 5.0
Ruler = tuple[tuple[float, float], tuple[float, float]]


class Guides:
    """Shows what the view state says.

    Parameters
    ----------
    scene
        Gets the items, above all others.
    """

    def __init__(self, scene: QGraphicsScene, view: ViewState, z: float) -> None:
        self._view = view
        self._lines = _Lines()
        self._cross = (_Cross(QLineF(-1, 0, 1, 0)), _Cross(QLineF(0, -1, 0, 1)))
        self._at: QPointF | None = None
        self._bounds = QRectF()
        for item in (self._lines, *self._cross):
            item.setZValue(z)
            scene.addItem(item)
        self.follow()

    def set_image(self, shape: tuple[int, int], pixel_size: PixelSize | None) -> None:
        """Follow the image; shape ``(0, 0)`` for none."""
        self._lines.size, self._lines.pixel_size = shape, pixel_size
        self.follow()

    def set_camera(self, camera: Camera, bounds: QRectF) -> None:
        """Follow the view."""
        self._bounds = bounds
        self._lines.set_camera(camera, bounds)
        self._cross[0].set_line(QLineF(0, 0, bounds.width(), 0))
        self._cross[1].set_line(QLineF(0, 0, 0, bounds.height()))

    def point(self, at: QPointF | None) -> None:
        """Follow the pointer; ``None`` when it is not over the view."""
        self._at = at
        shown = at is not None and self._view.crosshair and self._lines.size != (0, 0)
        for item in self._cross:
            item.setVisible(shown)
        if at is not None and shown:
            self._cross[0].setPos(0, at.y())
            self._cross[1].setPos(at.x(), 0)

    def follow(self) -> None:
        """Show what the view state says now."""
        view = self._view
        self._lines.grid, self._lines.ruler = view.grid, view.ruler if view.tool == "ruler" else None
        self._lines.setVisible(self._lines.size != (0, 0) and (view.grid or self._lines.ruler is not None))
        self._lines.update()
        self.point(self._at)


class _Cross(QGraphicsItem):
    """One line of the crosshair: only the strip that it leaves and the one that it comes to are drawn anew."""

    def __init__(self, line: QLineF) -> None:
        super().__init__()
        self._line = line

    def set_line(self, line: QLineF) -> None:
        """Be so long."""
        if line != self._line:
            self.prepareGeometryChange()
            self._line = line

    def boundingRect(self) -> QRectF:
        """Return the line with its halo."""
        return QRectF(self._line.p1(), self._line.p2()).normalized().adjusted(-2, -2, 2, 2)

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw light on dark."""
        _light_on_dark(painter, [self._line], 0.35, 1.0)


class _Lines(QGraphicsItem):
    """Grid and ruler."""

    def __init__(self) -> None:
        super().__init__()
        self.size = (0, 0)
        self.pixel_size: PixelSize | None = None
        self.grid = False
        self.ruler: Ruler | None = None
        self._camera, self._bounds = Camera(), QRectF()

    def set_camera(self, camera: Camera, bounds: QRectF) -> None:
        """Follow the view."""
        self.prepareGeometryChange()
        self._camera, self._bounds = camera, bounds

    def boundingRect(self) -> QRectF:
        """Return the whole screen."""
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw what is there."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self.grid:
            self._paint_grid(painter)
        if self.ruler is not None:
            self._paint_ruler(painter, self.ruler)

    def _paint_grid(self, painter: QPainter) -> None:
        step, words = grid_step(self._camera.scale, self.pixel_size)
        window = self._camera.visible(self._bounds.width(), self._bounds.height(), self.size)
        left, top = self._camera.to_screen(window.x0, window.y0)
        right, bottom = self._camera.to_screen(window.x1, window.y1)
        columns = range(ceil(window.x0 / step[0]), int(window.x1 / step[0]) + 1)
        rows = range(ceil(window.y0 / step[1]), int(window.y1 / step[1]) + 1)
        down = [QLineF(x, top, x, bottom) for x in (self._camera.to_screen(n * step[0], 0)[0] for n in columns)]
        across = [QLineF(left, y, right, y) for y in (self._camera.to_screen(0, n * step[1])[1] for n in rows)]
        _light_on_dark(painter, [*down, *across], 0.15, 0.45)
        _words_at(painter, QPointF(max(left, 0) + 36, max(top, 0) + 16), words)

    def _paint_ruler(self, painter: QPainter, ruler: Ruler) -> None:
        first, last = (QPointF(*self._camera.to_screen(*end)) for end in ruler)
        line = QLineF(first, last)
        ticks = []
        if line.length() > 0:
            across = line.normalVector().unitVector()
            step = QPointF(across.dx(), across.dy()) * _TICK
            ticks = [QLineF(end - step, end + step) for end in (first, last)]
        _light_on_dark(painter, [line, *ticks], 0.6, 1.0, 1.5)
        _words_at(painter, line.center() + QPointF(0, -16), length_words(ruler, self.pixel_size))


def grid_step(scale: float, pixel_size: PixelSize | None) -> tuple[tuple[float, float], str]:
    """Return the way between two lines of the grid along x and y, image pixels, and in words.

    Parameters
    ----------
    scale
        Screen pixels per image pixel.
    pixel_size
        Distances are round in micrometres where it is known, else in pixels.

    Examples
    --------
    >>> grid_step(1.0, None)
    ((100.0, 100.0), '100 px')
    >>> grid_step(2.0, PixelSize(0.5, 0.5))
    ((40.0, 40.0), '20 µm')
    """
    y, x = (pixel_size.y, pixel_size.x) if pixel_size is not None else (1.0, 1.0)
    least = _APART / scale * min(x, y)
    length = 10.0**-9
    while length < least:
        for factor in (2.0, 2.5, 2.0):
            if length < least:
                length *= factor
    length = float(f"{length:.6g}")
    return (length / x, length / y), f"{length:g} {'µm' if pixel_size is not None else 'px'}"


def length_words(ruler: Ruler, pixel_size: PixelSize | None) -> str:
    """Return how far apart two points ``(x, y)`` of the image are.

    Examples
    --------
    >>> length_words(((0, 0), (30, 40)), PixelSize(0.5, 0.5))
    '25 µm  ·  50.0 px'
    >>> length_words(((0, 0), (30, 40)), None)
    '50.0 px'
    """
    (x0, y0), (x1, y1) = ruler
    pixels = f"{hypot(x1 - x0, y1 - y0):.1f} px"
    if pixel_size is None:
        return pixels
    return f"{hypot((x1 - x0) * pixel_size.x, (y1 - y0) * pixel_size.y):.4g} µm  ·  {pixels}"


def _words_at(painter: QPainter, middle: QPointF, words: str) -> None:
    font = QFont(painter.font())
    font.setPixelSize(FONT_SECONDARY)
    metrics = QFontMetricsF(font)
    place = QRectF(0, 0, metrics.horizontalAdvance(words), metrics.height())
    place.moveCenter(middle)
    plate(painter, place, words, font)


def _light_on_dark(painter: QPainter, lines: list[QLineF], dark: float, light: float, width: float = 1.0) -> None:
    halo, bright = tokens().colour("halo"), tokens().colour("bright")
    halo.setAlphaF(dark)
    bright.setAlphaF(light)
    for colour, wide in ((halo, width + 2), (bright, width)):
        painter.setPen(QPen(colour, wide))
        painter.drawLines(lines)

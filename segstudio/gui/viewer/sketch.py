"""The lines that a gesture shows while it goes on."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QPainter, QPen, QPolygonF, QTransform
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from segstudio.gui.theme import tokens
from segstudio.gui.viewer.camera import Camera

#: With more points than these lines are thin: Qt draws wide ones ten times as slowly.
_MANY = 2000


@dataclass(frozen=True, eq=False)
class Sketch:
    """A line that a gesture shows while it goes on.

    Attributes
    ----------
    points
        ``(N, 2)`` image coordinates ``(x, y)``.
    closed
        Back to the start at the end.
    start
        Mark the first point, where the gesture closes.
    vertices
        Mark every point.
    dashed
        It is only proposed.
    """

    points: NDArray[np.float64]
    closed: bool = False
    start: bool = False
    vertices: bool = False
    dashed: bool = False


class SketchItem(QGraphicsItem):
    """Draws sketches."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[tuple[Sketch, QPolygonF], ...] = ()
        self._camera = Camera()
        self._bounds = QRectF()

    @property
    def sketches(self) -> tuple[Sketch, ...]:
        """What is shown."""
        return tuple(sketch for sketch, _ in self._lines)

    def show_sketches(self, sketches: tuple[Sketch, ...]) -> None:
        """Show other lines; none hides them."""
        if sketches or self._lines:
            dirty = self._extent()
            self._lines = tuple((sketch, _polygon(sketch.points)) for sketch in sketches if len(sketch.points))
            self.update(dirty.united(self._extent()))

    def set_camera(self, camera: Camera, bounds: QRectF) -> None:
        """Follow the view."""
        self.prepareGeometryChange()
        self._camera, self._bounds = camera, bounds
        self.update()

    def boundingRect(self) -> QRectF:
        """Return the whole screen."""
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw each line light on dark."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        halo, bright = tokens().colour("halo"), tokens().colour("bright")
        halo.setAlphaF(0.6)
        many = sum(line.size() for _, line in self._lines) > _MANY
        for sketch, line in self._lines:
            painter.save()
            painter.setTransform(self._to_screen(), combine=True)
            for colour, width in ((halo, 1.0 if many else 3.5), (bright, 1.0 if many else 1.5)):
                pen = QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap)
                if sketch.dashed and colour is bright:
                    pen = QPen(colour, width, Qt.PenStyle.DashLine, Qt.PenCapStyle.FlatCap)
                pen.setCosmetic(True)
                painter.setPen(pen)
                if sketch.closed:
                    painter.drawPolygon(line)
                else:
                    painter.drawPolyline(line)
            painter.restore()
            painter.setPen(QPen(halo, 1))
            painter.setBrush(tokens().colour("accent"))
            if sketch.start:
                painter.drawEllipse(self._place(line.at(0)), 5, 5)
            if sketch.vertices:
                painter.setBrush(bright)
                for index in range(line.size()):
                    painter.drawEllipse(self._place(line.at(index)), 3, 3)
            painter.setBrush(Qt.BrushStyle.NoBrush)

    def _to_screen(self) -> QTransform:
        camera = self._camera
        return QTransform(camera.scale, 0, 0, camera.scale, camera.left, camera.top)

    def _place(self, point: QPointF) -> QPointF:
        return QPointF(*self._camera.to_screen(point.x(), point.y()))

    def _extent(self) -> QRectF:
        extent, to_screen = QRectF(), self._to_screen()
        for _, line in self._lines:
            extent = extent.united(to_screen.mapRect(line.boundingRect()).adjusted(-10, -10, 10, 10))
        return extent


def _polygon(points: NDArray[np.float64]) -> QPolygonF:
    from pyqtgraph.functions import create_qpolygonf, ndarray_from_qpolygonf  # late: the window starts without it

    polygon: QPolygonF = create_qpolygonf(len(points))
    ndarray_from_qpolygonf(polygon)[:] = points
    return polygon

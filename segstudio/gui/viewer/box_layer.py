"""Minimum-area rectangles: one thin outline per object, its length, width and angle where there is room."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from segstudio.core.axes import PixelSize
from segstudio.core.tiles import Window
from segstudio.gui.theme import FONT_SECONDARY, tokens
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.found_boxes import FoundBoxes
from segstudio.gui.viewer.plates import plate

#: A box gets its text when its long side is at least this many screen pixels.
_TEXT_FROM = 64
_MARK = 4.0
#: With more boxes in view there is no room for texts; a picture of them is shown instead.
TEXTS_AMONG = 400


class BoxLayer(QGraphicsItem):
    """Draws the boxes it is given one by one; only the selected ones where they are a crowd."""

    def __init__(self) -> None:
        super().__init__()
        # Painted anew only when something of it changes, not whenever the brush moves over it.
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self._boxes = FoundBoxes.none()
        self._seen: NDArray[np.intp] = np.zeros(0, np.intp)
        self._selected: frozenset[int] = frozenset()
        self._pixel_size: PixelSize | None = None
        self._camera = Camera()
        self._bounds = QRectF()

    def set_boxes(self, boxes: FoundBoxes) -> None:
        """Show other boxes."""
        self._boxes = boxes
        self._look()

    def set_selected(self, selected: frozenset[int]) -> None:
        """Draw some of them bright."""
        self._selected = selected
        self.update()

    def set_pixel_size(self, size: PixelSize | None) -> None:
        """Give lengths in micrometres, or in pixels for ``None``."""
        self._pixel_size = size
        self.update()

    def set_camera(self, camera: Camera, bounds: QRectF) -> None:
        """Follow the view."""
        self.prepareGeometryChange()
        self._camera, self._bounds = camera, bounds
        self._look()

    @property
    def crowded(self) -> bool:
        """Whether more boxes are in view than are drawn one by one."""
        return len(self._seen) > TEXTS_AMONG

    def _look(self) -> None:
        left, top = self._camera.to_image(0, 0)
        right, bottom = self._camera.to_image(self._bounds.width(), self._bounds.height())
        self._seen = self._boxes.within(Window(int(top), int(left), int(bottom) + 1, int(right) + 1))
        self.update()

    def boundingRect(self) -> QRectF:
        """Return the whole screen."""
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw outlines, marks at the long side, then texts that do not overlap."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        numbers = self._chosen() if self.crowded else self._seen
        if not len(numbers):
            return
        screen = self._boxes.corners(numbers) * self._camera.scale + (self._camera.left, self._camera.top)
        outlines = [QPolygonF([QPointF(x, y) for x, y in corners]) for corners in screen.tolist()]
        self._paint_each(painter, numbers, outlines)
        if self._boxes.exact:
            self._texts(painter, numbers, outlines)

    def _chosen(self) -> NDArray[np.intp]:
        """Return those of the boxes in sight that are selected; none when they are too many to be told apart."""
        numbers = np.intersect1d(self._seen, self._boxes.numbers(self._selected)) if self._selected else self._seen[:0]
        return numbers if len(numbers) <= TEXTS_AMONG else numbers[:0]

    def _paint_each(self, painter: QPainter, numbers: NDArray[np.intp], outlines: list[QPolygonF]) -> None:
        shadow = tokens().colour("halo")
        shadow.setAlphaF(0.4)
        painter.setPen(QPen(shadow, 3.0))
        for corners in outlines:
            painter.drawPolygon(corners)
        bright = tokens().colour("bright")
        for number, corners in zip(numbers.tolist(), outlines, strict=True):
            chosen = int(self._boxes.ids[number]) in self._selected
            colour = bright if chosen else QColor(*self._boxes.colours[number].tolist())
            painter.setPen(QPen(colour, 1.6 if chosen else 1.0))
            painter.drawPolygon(corners)
            self._mark(painter, number)

    def _mark(self, painter: QPainter, number: int) -> None:
        """Draw a tick at the end of the long axis, from where the angle is read."""
        length, angle = float(self._boxes.length[number]), float(self._boxes.angle[number])
        if length * self._camera.scale < 4 * _MARK:
            return
        centre = QPointF(*self._camera.to_screen(*self._boxes.centre[number].tolist()))
        axis = QLineF.fromPolar(length * self._camera.scale / 2, -angle)
        end = centre + axis.p2()
        inward = QLineF.fromPolar(_MARK * 1.5, -angle).p2()
        painter.drawLine(QLineF(end - inward, end + inward * 0.4))

    def _texts(self, painter: QPainter, numbers: NDArray[np.intp], outlines: list[QPolygonF]) -> None:
        font = QFont(painter.font())
        font.setPixelSize(FONT_SECONDARY)
        metrics = QFontMetricsF(font)
        # Texts keep off each other and off the boxes of others; in dense tissue only selected objects get one.
        crowded = self.crowded
        taken = [] if crowded else [corners.boundingRect() for corners in outlines]
        ids, length = self._boxes.ids, self._boxes.length
        order = sorted(
            zip(numbers.tolist(), outlines, strict=True),
            key=lambda item: (int(ids[item[0]]) not in self._selected, -length[item[0]]),
        )
        for number, corners in order:
            chosen = int(ids[number]) in self._selected
            if not chosen and (not taken or length[number] * self._camera.scale < _TEXT_FROM):
                break
            text = self._text(number)
            around = corners.boundingRect()
            place = QRectF(0, 0, metrics.horizontalAdvance(text), metrics.height())
            place.moveCenter(QPointF(around.center().x(), around.bottom() + metrics.height() * 0.6))
            crossed = any(place.intersects(other) for other in taken if other != around)
            if self._bounds.contains(place) and (chosen or not crossed):
                taken.append(place.adjusted(-4, -2, 4, 2))
                plate(painter, place, text, font)

    def _text(self, number: int) -> str:
        size = self._pixel_size
        length, width = float(self._boxes.length[number]), float(self._boxes.width[number])
        angle = f"{self._boxes.angle[number]:.0f}°"
        if size is None:
            return f"{length:.0f} × {width:.0f} px  {angle}"
        return f"{length * size.mean:.1f} × {width * size.mean:.1f} µm  {angle}"

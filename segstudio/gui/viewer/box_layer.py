"""What lies over the pictures of minimum-area rectangles: the selected ones, and sizes where there is room."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from segstudio.core.axes import PixelSize
from segstudio.core.tiles import Window
from segstudio.gui.theme import FONT_SECONDARY, tokens
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.found_boxes import FoundBoxes
from segstudio.gui.viewer.plates import plate

#: A box gets its text when its long side is at least this many screen pixels.
_TEXT_FROM = 64
#: With more boxes in view there is no room for texts.
TEXTS_AMONG = 400


class BoxLayer(QGraphicsItem):
    """Draws those of the boxes it is given that are selected, and the texts of all."""

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
        """Draw selected outlines, then texts that do not overlap."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        chosen = self._chosen()
        self._paint_bright(painter, chosen)
        texts = chosen if self.crowded else self._long()
        if self._boxes.exact and len(texts):
            self._texts(painter, np.union1d(texts, chosen))

    def _outlines(self, numbers: NDArray[np.intp]) -> list[QPolygonF]:
        screen = self._boxes.corners(numbers) * self._camera.scale + (self._camera.left, self._camera.top)
        return [QPolygonF([QPointF(x, y) for x, y in corners]) for corners in screen.tolist()]

    def _long(self) -> NDArray[np.intp]:
        """Return those of the boxes in sight that have room for a text."""
        return self._seen[self._boxes.length[self._seen] * self._camera.scale >= _TEXT_FROM]

    def _chosen(self) -> NDArray[np.intp]:
        """Return those of the boxes in sight that are selected; none when they are too many to be told apart."""
        if not self._selected or not len(self._seen):
            return self._seen[:0]
        numbers: NDArray[np.intp] = self._boxes.numbers(self._selected)
        at = np.minimum(np.searchsorted(self._seen, numbers), len(self._seen) - 1)
        numbers = numbers[self._seen[at] == numbers]
        return numbers if len(numbers) <= TEXTS_AMONG else numbers[:0]

    def _paint_bright(self, painter: QPainter, numbers: NDArray[np.intp]) -> None:
        painter.setPen(QPen(tokens().colour("bright"), 1.6))
        for corners in self._outlines(numbers):
            painter.drawPolygon(corners)

    def _texts(self, painter: QPainter, numbers: NDArray[np.intp]) -> None:
        font = QFont(painter.font())
        font.setPixelSize(FONT_SECONDARY)
        metrics = QFontMetricsF(font)
        # Texts keep off each other and off the boxes of others; in dense tissue only selected objects get one.
        taken = [] if self.crowded else [corners.boundingRect() for corners in self._outlines(self._seen)]
        ids, length = self._boxes.ids, self._boxes.length
        order = sorted(
            zip(numbers.tolist(), self._outlines(numbers), strict=True),
            key=lambda item: (int(ids[item[0]]) not in self._selected, -length[item[0]]),
        )
        for number, corners in order:
            chosen = int(ids[number]) in self._selected
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

"""Minimum-area rectangles: one thin outline per object, its length, width and angle where there is room."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRectF
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from segstudio.core.axes import PixelSize
from segstudio.gui.theme import FONT_SECONDARY, tokens
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.plates import plate

if TYPE_CHECKING:
    from segstudio.labels.boxes import RotatedBox

#: A box gets its text when its long side is at least this many screen pixels.
_TEXT_FROM = 64
_MARK = 4.0
#: With more boxes in view there is no room for texts; they are drawn as one picture.
_TEXTS_AMONG = 400
#: Fractional bits of the points that OpenCV draws between.
_SHIFT = 4


class BoxLayer(QGraphicsItem):
    """Draws the boxes it is given."""

    def __init__(self) -> None:
        super().__init__()
        # Painted anew only when something of it changes, not whenever the brush moves over it.
        self.setCacheMode(QGraphicsItem.CacheMode.DeviceCoordinateCache)
        self._boxes: Mapping[int, RotatedBox] = {}
        self._ids: NDArray[np.int64] = np.zeros(0, np.int64)
        self._corners: NDArray[np.float64] = np.zeros((0, 4, 2))
        self._colours: Mapping[int, QColor] = {}
        self._selected: frozenset[int] = frozenset()
        self._pixel_size: PixelSize | None = None
        self._camera = Camera()
        self._bounds = QRectF()

    def set_boxes(self, boxes: "Mapping[int, RotatedBox]", colours: Mapping[int, QColor]) -> None:
        """Show other boxes, each in the colour of its id."""
        self._boxes, self._colours = boxes, colours
        self._ids = np.array(list(boxes), np.int64)
        self._corners = _corners(boxes)
        self.update()

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
        self.update()

    def boundingRect(self) -> QRectF:
        """Return the whole screen."""
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Draw outlines, marks at the long side, then texts that do not overlap."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        screen = self._corners * self._camera.scale + (self._camera.left, self._camera.top)
        room = self._bounds.adjusted(-40, -40, 40, 40)
        inside = (screen.max(axis=1) >= (room.left(), room.top())) & (
            screen.min(axis=1) <= (room.right(), room.bottom())
        )
        seen = np.flatnonzero(inside.all(axis=1))
        if len(seen) > _TEXTS_AMONG:
            self._paint_many(painter, self._ids[seen], screen[seen])
        visible = []
        for number in seen.tolist() if len(seen) <= _TEXTS_AMONG else self._chosen(seen):
            object_id = int(self._ids[number])
            corners = QPolygonF([QPointF(x, y) for x, y in screen[number].tolist()])
            visible.append((object_id, self._boxes[object_id], corners))
        self._paint_each(painter, visible)
        self._texts(painter, visible, crowded=len(seen) > _TEXTS_AMONG)

    def _chosen(self, seen: NDArray[np.intp]) -> list[int]:
        """Return those of the boxes in sight that are selected; none when they are too many to be told apart."""
        chosen = [number for number in seen.tolist() if int(self._ids[number]) in self._selected]
        return chosen if len(chosen) <= _TEXTS_AMONG else []

    def _paint_each(self, painter: QPainter, visible: "list[tuple[int, RotatedBox, QPolygonF]]") -> None:
        shadow = tokens().colour("halo")
        shadow.setAlphaF(0.4)
        painter.setPen(QPen(shadow, 3.0))
        for _, _, corners in visible:
            painter.drawPolygon(corners)
        for object_id, box, corners in visible:
            chosen = object_id in self._selected
            colour = tokens().colour("bright") if chosen else self._colours.get(object_id, tokens().colour("hint"))
            painter.setPen(QPen(colour, 1.6 if chosen else 1.0))
            painter.drawPolygon(corners)
            self._mark(painter, box)

    def _paint_many(self, painter: QPainter, ids: NDArray[np.int64], screen: NDArray[np.float64]) -> None:
        """Draw thousands of outlines at once, colour by colour."""
        ratio = painter.device().devicePixelRatio()
        height, width = int(self._bounds.height() * ratio), int(self._bounds.width() * ratio)
        picture = np.zeros((height, width, 4), np.uint8)
        # OpenCV counts from the middle of the first pixel.
        points = np.round((screen * ratio - 0.5) * (1 << _SHIFT)).astype(np.int32)
        groups: dict[tuple[int, int, int, int], list[int]] = {}
        hint, bright = tokens().colour("hint"), tokens().colour("bright")
        for number, object_id in enumerate(ids.tolist()):
            colour = bright if object_id in self._selected else self._colours.get(object_id, hint)
            groups.setdefault((colour.red(), colour.green(), colour.blue(), 255), []).append(number)
        for rgba, numbers in groups.items():
            cv2.polylines(picture, list(points[numbers]), True, rgba, 1, cv2.LINE_AA, _SHIFT)
        image = QImage(picture.data, width, height, 4 * width, QImage.Format.Format_RGBA8888_Premultiplied)
        image.setDevicePixelRatio(ratio)
        painter.drawImage(QPointF(0, 0), image)

    def _mark(self, painter: QPainter, box: "RotatedBox") -> None:
        """Draw a tick at the end of the long axis, from where the angle is read."""
        if box.length * self._camera.scale < 4 * _MARK:
            return
        centre = QPointF(*self._camera.to_screen(*box.centre))
        axis = QLineF.fromPolar(box.length * self._camera.scale / 2, -box.angle)
        end = centre + axis.p2()
        inward = QLineF.fromPolar(_MARK * 1.5, -box.angle).p2()
        painter.drawLine(QLineF(end - inward, end + inward * 0.4))

    def _texts(self, painter: QPainter, visible: "list[tuple[int, RotatedBox, QPolygonF]]", *, crowded: bool) -> None:
        font = QFont(painter.font())
        font.setPixelSize(FONT_SECONDARY)
        metrics = QFontMetricsF(font)
        # Texts keep off each other and off the boxes of others; in dense tissue only selected objects get one.
        taken = [] if crowded else [corners.boundingRect() for _, _, corners in visible]
        order = sorted(visible, key=lambda item: (item[0] not in self._selected, -item[1].length))
        for object_id, box, corners in order:
            chosen = object_id in self._selected
            if not chosen and (not taken or box.length * self._camera.scale < _TEXT_FROM):
                break
            text = self._text(box)
            around = corners.boundingRect()
            place = QRectF(0, 0, metrics.horizontalAdvance(text), metrics.height())
            place.moveCenter(QPointF(around.center().x(), around.bottom() + metrics.height() * 0.6))
            crossed = any(place.intersects(other) for other in taken if other != around)
            if self._bounds.contains(place) and (chosen or not crossed):
                taken.append(place.adjusted(-4, -2, 4, 2))
                plate(painter, place, text, font)

    def _text(self, box: "RotatedBox") -> str:
        size = self._pixel_size
        angle = f"{box.angle:.0f}°"
        if size is None:
            return f"{box.length:.0f} × {box.width:.0f} px  {angle}"
        return f"{box.length * size.mean:.1f} × {box.width * size.mean:.1f} µm  {angle}"


def _corners(boxes: "Mapping[int, RotatedBox]") -> NDArray[np.float64]:
    """Return the corners of all boxes, (N, 4, 2) xy."""
    rows = np.array([(*box.centre, box.length, box.width, box.angle) for box in boxes.values()]).reshape(-1, 5)
    turn = np.deg2rad(rows[:, 4])
    along = np.stack([np.cos(turn), np.sin(turn)], axis=1) * rows[:, 2:3] / 2
    across = np.stack([-np.sin(turn), np.cos(turn)], axis=1) * rows[:, 3:4] / 2
    signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
    return np.asarray(
        rows[:, None, :2] + signs[None, :, :1] * along[:, None] + signs[None, :, 1:] * across[:, None], np.float64
    )

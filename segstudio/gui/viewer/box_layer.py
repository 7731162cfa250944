"""Minimum-area rectangles: one thin outline per object, its length, width and angle where there is room."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from segstudio.core.axes import PixelSize
from segstudio.gui.theme import FONT_SECONDARY, tokens
from segstudio.gui.viewer.camera import Camera

if TYPE_CHECKING:
    from segstudio.labels.boxes import RotatedBox

#: A box gets its text when its long side is at least this many screen pixels.
_TEXT_FROM = 64
_MARK = 4.0
#: With more boxes in view there is no room for texts.
_TEXTS_AMONG = 400


class BoxLayer(QGraphicsItem):
    """Draws the boxes it is given."""

    def __init__(self) -> None:
        super().__init__()
        self._boxes: Mapping[int, RotatedBox] = {}
        self._colours: Mapping[int, QColor] = {}
        self._selected: frozenset[int] = frozenset()
        self._pixel_size: PixelSize | None = None
        self._camera = Camera()
        self._bounds = QRectF()

    def set_boxes(self, boxes: "Mapping[int, RotatedBox]", colours: Mapping[int, QColor]) -> None:
        """Show other boxes, each in the colour of its id."""
        self._boxes, self._colours = boxes, colours
        self.update()

    def set_selected(self, selected: frozenset[int]) -> None:
        """Draw some of them bright."""
        self._selected = selected
        self.update()

    def set_pixel_size(self, size: PixelSize | None) -> None:
        """Give lengths in micrometres, or in pixels for ``None``."""
        self._pixel_size = size

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
        room = self._bounds.adjusted(-40, -40, 40, 40)
        visible = []
        for object_id, box in self._boxes.items():
            corners = QPolygonF([QPointF(*self._camera.to_screen(x, y)) for x, y in box.corners])
            if room.intersects(corners.boundingRect()):
                visible.append((object_id, box, corners))
        if len(visible) <= _TEXTS_AMONG:
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
        self._texts(painter, visible)

    def _mark(self, painter: QPainter, box: "RotatedBox") -> None:
        """Draw a tick at the end of the long axis, from where the angle is read."""
        if box.length * self._camera.scale < 4 * _MARK:
            return
        centre = QPointF(*self._camera.to_screen(*box.centre))
        axis = QLineF.fromPolar(box.length * self._camera.scale / 2, -box.angle)
        end = centre + axis.p2()
        inward = QLineF.fromPolar(_MARK * 1.5, -box.angle).p2()
        painter.drawLine(QLineF(end - inward, end + inward * 0.4))

    def _texts(self, painter: QPainter, visible: "list[tuple[int, RotatedBox, QPolygonF]]") -> None:
        font = QFont(painter.font())
        font.setPixelSize(FONT_SECONDARY)
        metrics = QFontMetricsF(font)
        # Texts keep off each other and off the boxes of others; in dense tissue only selected objects get one.
        taken = [corners.boundingRect() for _, _, corners in visible] if len(visible) <= _TEXTS_AMONG else []
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


def plate(painter: QPainter, place: QRectF, text: str, font: QFont) -> None:
    """Draw light text on a dark plate, readable on every image."""
    back = tokens().colour("halo")
    back.setAlphaF(0.55)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(back)
    painter.drawRoundedRect(place.adjusted(-5, -1, 5, 1), 3, 3)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setFont(font)
    painter.setPen(tokens().colour("bright"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)

"""The minimap: the whole image in a corner of the view, and which part of it is in sight."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPen,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from segstudio.core.tiles import Window
from segstudio.gui.theme import tokens
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.camera_view import CameraView
from segstudio.gui.viewer.plates import card
from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.io.coarse_cache import small_picture
from segstudio.io.coarse_levels import wants_coarse_levels
from segstudio.io.sources import ImageSource
from segstudio.session.display.shading import Rendering, shaded

#: Longest and shortest side of the picture, and the largest share of the view that a side takes; screen pixels.
_LONGEST, _SHORTEST, _SHARE = 152, 24, 0.3
#: Room between the minimap and the edges of the view, and between its frame and its picture; screen pixels.
_EDGE, _FRAME = 12, 4
#: From this share of the image on, nobody is lost who sees it.
_SEEN = 0.8
_WHEEL = 1.0016


class Minimap(QWidget):
    """Lies in the lower left corner of a view while a part of its image is out of sight.

    A press inside the frame of what is in sight takes hold of it; elsewhere it brings that place into the middle.

    Parameters
    ----------
    view
        Is moved; tells of a new camera by `follow`.
    loader
        Makes the picture on its threads, channel ``"minimap"``.
    below
        Widget in the same corner, over which it lies when that is shown.
    """

    entered = Signal(QPointF)
    """The pointer has come here from the view; logical screen pixels of the view."""

    def __init__(self, view: CameraView, loader: TileLoader, below: QWidget) -> None:
        super().__init__(view)
        self._view, self._loader, self._below = view, loader, below
        self._source: ImageSource | None = None
        self._plane = 0
        self._rendering: Rendering | None = None
        self._raw: NDArray[Any] | None = None
        self._aside: tuple[ImageSource | None, NDArray[Any] | None] = None, None
        self._picture: QImage | None = None
        self._sight = QRectF()
        self._held: QPointF | None = None
        self._clear: Window | None = None
        self._wanted, self._stepped_aside = True, False
        self.setToolTip(self.tr("The whole image. Click or drag to look elsewhere."))
        self.setAccessibleName(self.tr("Minimap"))
        self.setCursor(Qt.CursorShape.ArrowCursor)
        below.installEventFilter(self)
        self.hide()

    def set_source(self, source: ImageSource | None) -> None:
        """Show another image once `set_contrast` was called; ``None`` shows nothing."""
        self._loader.restart("minimap")
        self._source, self._rendering, self._clear, self._plane = source, None, None, 0
        self._raw = self._picture = None
        self._aside = None, None
        self.follow()

    def turn(self, plane: int) -> None:
        """Show another plane of the image, whose picture comes in the place of the one before."""
        if plane != self._plane:
            self._loader.restart("minimap")
            self._plane, self._raw = plane, None
            if not self.isHidden():
                self._read()

    def exchange(self, source: ImageSource | None) -> None:
        """Show an image in the same place as the one before, whose picture stays until the new one is there."""
        if source is self._source:
            return
        self._loader.restart("minimap")
        before = self._source, self._raw
        self._raw = self._aside[1] if source is self._aside[0] else None
        self._source, self._rendering, self._aside = source, None, before

    def set_rendering(self, rendering: Rendering) -> None:
        """Shade the picture anew; the old one stays until then."""
        self._rendering = rendering
        if self._raw is not None:
            self._shade(self._raw)
        elif not self.isHidden():
            self._read()

    def set_wanted(self, wanted: bool) -> None:
        """Say whether the user wants to see it at all."""
        self._wanted = wanted
        self.follow()

    def step_aside(self, at: QPointF | None, *, gesture: bool = False) -> None:
        """Leave the place to a gesture that comes near; come back when the pointer is elsewhere after it.

        Parameters
        ----------
        at
            Where the pointer is, logical screen pixels of the view; ``None`` when it is not over the view.
        gesture
            Whether a gesture goes on.
        """
        reach = QRectF(self.geometry()).adjusted(-_EDGE, -_EDGE, _EDGE, _EDGE)
        near = at is not None and reach.contains(at)
        aside = (gesture and (near or self._stepped_aside)) or (self._stepped_aside and near)
        if aside != self._stepped_aside:
            self._stepped_aside = aside
            self.follow()

    def keep_clear(self, window: Window | None) -> None:
        """Never cover this part of the image, which the user was brought to."""
        self._clear = window
        self.follow()

    def follow(self) -> None:
        """Follow the camera of the view: show itself, or what is in sight."""
        source, camera, view = self._source, self._view.camera, self._view
        if source is None or not self._wanted or self._stepped_aside:
            self.hide()
            return
        height, width = source.info.size
        left, top = camera.to_image(0, 0)
        right, bottom = camera.to_image(view.width_px, view.height_px)
        corners = [(min(max(x, 0), width), min(max(y, 0), height)) for x, y in ((left, top), (right, bottom))]
        sight = QRectF(QPointF(*corners[0]), QPointF(*corners[1]))
        self._place()
        seen = sight.width() * sight.height() >= _SEEN * width * height
        if seen or (self._clear is not None and self._covers(self._clear)):
            self.hide()
            return
        if sight != self._sight:
            self._sight = sight
            self.update()
        self.show()
        if self._raw is None:
            self._read()

    def _covers(self, window: Window) -> bool:
        """Return whether it would lie over a part of the image."""
        (left, top), (right, bottom) = (
            self._view.camera.to_screen(x, y) for x, y in ((window.x0, window.y0), (window.x1, window.y1))
        )
        return QRectF(self.geometry()).intersects(QRectF(QPointF(left, top), QPointF(right, bottom)))

    def _place(self) -> None:
        size = self._picture_size()
        ground = self._view.height() - _EDGE
        if not self._below.isHidden():
            ground = self._below.y() - _FRAME * 2
        whole = QSize(size.width() + 2 * _FRAME, size.height() + 2 * _FRAME)
        self.setGeometry(QRect(QPoint(_EDGE, ground - whole.height()), whole))

    def _picture_size(self) -> QSize:
        height, width = self._source.info.size if self._source is not None else (1, 1)
        room = min(_LONGEST, _SHARE * self._view.width_px, _SHARE * self._view.height_px)
        scale = room / max(height, width)
        return QSize(max(round(width * scale), _SHORTEST), max(round(height * scale), _SHORTEST))

    def _read(self) -> None:
        source = self._source
        if source is not None and self._rendering is not None:
            plane = min(self._plane, source.info.planes - 1)  # what a model made has one
            # That of a large image may have to be made first.
            slow = wants_coarse_levels(source) and source.decodes != "nothing"
            self._loader.load("minimap", "pixels", lambda: small_picture(source, plane), self._keep, slow=slow)

    def _keep(self, raw: NDArray[Any]) -> None:
        self._raw = raw
        self._shade(raw)

    def _shade(self, raw: NDArray[Any]) -> None:
        if self._source is None or self._rendering is None:
            return
        rendering = self._rendering
        longest = round(_LONGEST * self._view.ratio)
        self._loader.restart("minimap")
        self._loader.load(
            "minimap",
            "shades",
            lambda: _picture(shaded(raw, rendering), longest),
            self._show,
        )

    def _show(self, picture: QImage) -> None:
        self._picture = picture
        self.update()

    def _scale(self) -> tuple[float, float]:
        """Return screen pixels per image pixel along x and y."""
        height, width = self._source.info.size if self._source is not None else (1, 1)
        size = self._picture_size()
        return size.width() / width, size.height() / height

    def _frame(self) -> QRectF:
        """Return where the frame of what is in sight lies; never too small to be seen and held."""
        x, y = self._scale()
        sight = self._sight
        frame = QRectF(sight.x() * x, sight.y() * y, sight.width() * x, sight.height() * y).translated(_FRAME, _FRAME)
        grow = max(0.0, 6 - frame.width()) / 2, max(0.0, 6 - frame.height()) / 2
        return frame.adjusted(-grow[0], -grow[1], grow[0], grow[1])

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the picture, darker where it is out of sight, and the frame of what is in sight."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        card(painter, self.rect())
        place = QRectF(self.rect()).adjusted(_FRAME, _FRAME, -_FRAME, -_FRAME)
        if self._picture is not None:
            painter.drawImage(place, self._picture)
        frame = self._frame()
        outside = QPainterPath()
        outside.addRect(place)
        inside = QPainterPath()
        inside.addRect(frame)
        shadow = tokens().colour("surround")
        shadow.setAlphaF(0.35)
        painter.fillPath(outside.subtracted(inside), shadow)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        halo = tokens().colour("halo")
        halo.setAlphaF(0.6)
        for colour, width in ((halo, 3.0), (tokens().colour("bright"), 1.5)):
            painter.setPen(
                QPen(colour, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap, Qt.PenJoinStyle.MiterJoin)
            )
            painter.drawRect(frame)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Tell the view that the pointer is not over it any more."""
        self.entered.emit(self.mapToParent(event.position()))
        super().enterEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Take hold of the frame, or bring the place into the middle."""
        if event.button() != Qt.MouseButton.LeftButton:
            return
        at = event.position()
        self._held = at - self._middle() if self._frame().contains(at) else QPointF(0, 0)
        self._aim(at - self._held)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Move what is in sight along."""
        if self._held is not None:
            self._aim(event.position() - self._held)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Let go."""
        self._held = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Count as two presses."""
        self.mousePressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom around the middle of what is in sight."""
        self._view.zoom(_WHEEL ** (event.angleDelta().y() or event.angleDelta().x()))
        event.accept()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Keep over the widget in the same corner."""
        moves = (QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.Move, QEvent.Type.Resize)
        if event.type() in moves:
            self.follow()
        return super().eventFilter(watched, event)

    def _middle(self) -> QPointF:
        """Return where the middle of the view lies on the minimap."""
        column, row = self._view.camera.to_image(self._view.width_px / 2, self._view.height_px / 2)
        x, y = self._scale()
        return QPointF(column * x + _FRAME, row * y + _FRAME)

    def _aim(self, at: QPointF) -> None:
        """Bring what a point of the minimap shows into the middle of the view, as far as the image reaches."""
        view, whole = self._view, self._view.shown_window()
        if whole is None:
            return
        x, y = self._scale()
        size = view.width_px, view.height_px
        aimed = Camera(view.camera.scale).aimed((at.x() - _FRAME) / x, (at.y() - _FRAME) / y, *size)
        view.set_camera(aimed.filled(whole, *size, _EDGE))


def _picture(shown: NDArray[np.uint8], longest: int) -> QImage:
    height, width = shown.shape[:2]
    scale = min(1.0, longest / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = np.ascontiguousarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA))
    kind = QImage.Format.Format_Grayscale8 if small.ndim == 2 else QImage.Format.Format_RGB888
    # A copy, because the picture does not keep the array alive.
    return QImage(small.data, size[0], size[1], small.strides[0], kind).copy()

"""Finds the rotated boxes of the objects in sight, in the background and a moment after the last change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, QRectF, QTimer
from PySide6.QtGui import QColor

from segstudio.core.tiles import Window
from segstudio.gui.viewer.box_layer import BoxLayer
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.colouring import ObjectColours
from segstudio.gui.viewer.label_render import Colour
from segstudio.gui.viewer.palette import label_colours
from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.labels.label_map import LabelMap

if TYPE_CHECKING:
    from segstudio.labels.boxes import RotatedBox

#: Boxes are computed for the whole image up to this many pixels, for the visible part of larger ones.
_WHOLE = 2048 * 2048
_VISIBLE = 4096 * 4096
_DELAY_MS = 120


@dataclass(frozen=True)
class _Boxes:
    boxes: "Mapping[int, RotatedBox]"
    colours: Mapping[int, QColor]


class BoxesInView(QObject):
    """Keeps a box layer in step with a label plane and the view.

    Parameters
    ----------
    layer
        Shows the boxes.
    wanted
        Tells whether boxes are to be shown at all.
    """

    def __init__(self, layer: BoxLayer, loader: TileLoader, wanted: Callable[[], bool], parent: QObject) -> None:
        super().__init__(parent)
        self._layer = layer
        self._loader = loader
        self._wanted = wanted
        self._plane: LabelMap | None = None
        self._colours = ObjectColours()
        self._camera = Camera()
        self._bounds = QRectF()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._find)

    def set_plane(self, plane: LabelMap | None, colours: ObjectColours) -> None:
        """Follow another label plane; `colours` are those of its objects."""
        self._plane, self._colours = plane, colours
        self._layer.set_boxes({}, {})

    def set_camera(self, camera: Camera, bounds: QRectF) -> None:
        """Follow the view."""
        moved = camera != self._camera or bounds != self._bounds
        self._camera, self._bounds = camera, bounds
        self._layer.set_camera(camera, bounds)
        if moved and self._plane is not None and not _small(self._plane):
            self.find_soon()

    def find_soon(self) -> None:
        """Find the boxes anew once nothing has changed for a moment."""
        self._timer.start()

    @property
    def waiting(self) -> bool:
        """Whether boxes are about to be asked for."""
        return self._timer.isActive()

    def _find(self) -> None:
        plane = self._plane
        if plane is None or not self._wanted():
            return
        window = Window.whole(plane.shape)
        if not _small(plane):
            seen = self._camera.visible(self._bounds.width(), self._bounds.height(), plane.shape)
            window = seen.grow(64).clip(plane.shape)
        if window.height * window.width > _VISIBLE:
            # Zoomed out so far, boxes would be smaller than their lines.
            self._layer.set_boxes({}, {})
            return
        colours, palette = self._colours, label_colours()
        self._loader.restart("boxes")
        self._loader.load("boxes", window, lambda: _boxes_in(plane, window, colours, palette), self._take)

    def _take(self, found: _Boxes) -> None:
        self._layer.set_boxes(found.boxes, found.colours)


def _small(plane: LabelMap) -> bool:
    return plane.shape[0] * plane.shape[1] <= _WHOLE


def _boxes_in(plane: LabelMap, window: Window, colours: ObjectColours, palette: tuple[Colour, ...]) -> _Boxes:
    """Return the boxes of the objects that lie wholly inside `window`."""
    from segstudio.labels.boxes import rotated_boxes

    labels = plane.read(window)
    for edge, inner in (
        (labels[0], window.y0 > 0),
        (labels[-1], window.y1 < plane.shape[0]),
        (labels[:, 0], window.x0 > 0),
        (labels[:, -1], window.x1 < plane.shape[1]),
    ):
        cut = np.unique(edge[edge > 0]) if inner else ()
        if len(cut):
            labels[np.isin(labels, cut)] = 0
    boxes = {
        key: box._replace(centre=(box.centre[0] + window.x0, box.centre[1] + window.y0))
        for key, box in rotated_boxes(labels).items()
    }
    return _Boxes(boxes, {key: QColor(*palette[colours.number(key) - 1]) for key in boxes})

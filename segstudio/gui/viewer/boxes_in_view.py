"""Finds the rotated boxes of the objects in sight, in the background and a moment after the last change."""

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QObject, QRectF, QTimer
from PySide6.QtWidgets import QGraphicsScene

from segstudio.core.axes import PixelSize
from segstudio.core.tiles import Window
from segstudio.gui.theme import tokens
from segstudio.gui.viewer.box_layer import TEXTS_AMONG, BoxLayer
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.colouring import ObjectColours
from segstudio.gui.viewer.found_boxes import BoxStyle, FoundBoxes, draw_boxes
from segstudio.gui.viewer.label_render import Colour, sampled
from segstudio.gui.viewer.palette import rgb
from segstudio.gui.viewer.screen_layer import Draw, ScreenLayer
from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.labels.label_map import LabelMap

#: Boxes are computed for the whole image up to this many pixels, for the visible part of larger ones.
_WHOLE = 2048 * 2048
#: Where more is in view, boxes are found in what the screen shows of the labels.
_VISIBLE = 4096 * 4096
_DELAY_MS = 120


class BoxesInView(QObject):
    """Shows the boxes of a label plane, and keeps them in step with it and the view.

    Parameters
    ----------
    scene
        Gets two layers: pictures of all boxes, and one for texts and what is selected.
    z
        Of the pictures; the other layer lies over them.
    wanted
        Tells whether boxes are to be shown at all.
    """

    def __init__(
        self, scene: QGraphicsScene, z: float, loader: TileLoader, wanted: Callable[[], bool], parent: QObject
    ) -> None:
        super().__init__(parent)
        self._layer = BoxLayer()
        self._pictures = ScreenLayer("box pictures", loader)
        for at, item in ((z, self._pictures), (z + 0.5, self._layer)):
            item.setZValue(at)
            scene.addItem(item)
        self._loader = loader
        self._wanted = wanted
        self._plane: LabelMap | None = None
        self._colours = ObjectColours()
        self._palette: tuple[Colour, ...] = ()
        self._selected: frozenset[int] = frozenset()
        self._found = FoundBoxes.none()
        self._camera = Camera()
        self._bounds = QRectF()
        self._ratio = 1.0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_DELAY_MS)
        self._timer.timeout.connect(self._find)

    def set_plane(self, plane: LabelMap | None, colours: ObjectColours, palette: tuple[Colour, ...]) -> None:
        """Follow another label plane; `colours` are those of its objects."""
        self._plane, self._colours, self._palette = plane, colours, palette
        self._pictures.set_source(None, plane.shape if plane is not None else (0, 0))
        self._take(FoundBoxes.none())

    def set_pixel_size(self, size: PixelSize | None) -> None:
        """Give lengths in micrometres, or in pixels for ``None``."""
        self._layer.set_pixel_size(size)

    def set_camera(self, camera: Camera, bounds: QRectF, ratio: float) -> None:
        """Follow the view. Ask for pictures with `request`."""
        moved = camera != self._camera or bounds != self._bounds
        self._camera, self._bounds, self._ratio = camera, bounds, ratio
        self._layer.set_camera(camera, bounds)
        self._pictures.set_camera(camera, bounds, ratio)
        if moved and self._plane is not None and not _small(self._plane):
            self.find_soon()

    def set_selected(self, selected: frozenset[int]) -> None:
        """Draw some of them bright."""
        many = max(len(selected), len(self._selected)) > TEXTS_AMONG
        self._selected = selected
        self._layer.set_selected(selected)
        if many:
            self._pictures.restyle(self._drawing())

    def show(self, shown: bool, opacity: float) -> None:
        """Show the boxes, or hide them."""
        for item in (self._layer, self._pictures):
            item.setOpacity(opacity)
            item.setVisible(shown)
        if shown:
            self.find_soon()

    def request(self) -> None:
        """Ask for the pictures in sight that are missing."""
        self._pictures.request()

    def find_soon(self) -> None:
        """Find the boxes anew once nothing has changed for a moment, if they are shown."""
        if self._wanted():
            self._timer.start()

    @property
    def waiting(self) -> bool:
        """Whether boxes are about to be asked for."""
        return self._timer.isActive()

    def _find(self) -> None:
        plane = self._plane
        if plane is None or not self._wanted():
            return
        window, scale = Window.whole(plane.shape), 1.0
        if not _small(plane):
            seen = self._camera.visible(self._bounds.width(), self._bounds.height(), plane.shape)
            window = seen.grow(64).clip(plane.shape)
        if window.height * window.width > _VISIBLE:
            scale = min(1.0, self._camera.scale * self._ratio)
        colours, palette = self._colours, self._palette
        self._loader.restart("boxes")
        self._loader.load(
            "boxes", (window, scale), lambda: _boxes_in(plane, window, scale, colours, palette), self._take
        )

    def _take(self, found: FoundBoxes) -> None:
        self._found = found
        self._layer.set_boxes(found)
        self._pictures.restyle(self._drawing())

    def _drawing(self) -> Draw | None:
        found = self._found
        if not len(found):
            return None
        bright, halo = (rgb(tokens().colour(name).name()) for name in ("bright", "halo"))
        # A few are drawn over the pictures.
        style = BoxStyle(self._selected if len(self._selected) > TEXTS_AMONG else frozenset(), bright, halo)
        return lambda area, scale: draw_boxes(found, area, scale, style)


def _small(plane: LabelMap) -> bool:
    return plane.shape[0] * plane.shape[1] <= _WHOLE


def _boxes_in(
    plane: LabelMap, window: Window, scale: float, colours: ObjectColours, palette: tuple[Colour, ...]
) -> FoundBoxes:
    """Return the boxes of the objects that lie wholly inside `window`, as they are `scale` times as large."""
    from segstudio.labels.boxes import box_columns
    from segstudio.labels.contours import trace

    area = Window(*(int(value * scale) for value in (window.y0, window.x0, window.y1, window.x1)))
    labels = plane.read(window) if scale == 1 else sampled(plane, area, scale)
    for edge, inner in (
        (labels[0], window.y0 > 0),
        (labels[-1], window.y1 < plane.shape[0]),
        (labels[:, 0], window.x0 > 0),
        (labels[:, -1], window.x1 < plane.shape[1]),
    ):
        cut = np.unique(edge[edge > 0]) if inner else ()
        if len(cut):
            labels[np.isin(labels, cut)] = 0
    found = box_columns(trace(labels))
    if not len(found.ids):
        return FoundBoxes.none()
    colours.of(labels)  # by their neighbours, which a list of ids does not tell
    numbers = colours.of(found.ids[None].astype(np.int64))[0]
    return FoundBoxes.of(found, np.array(palette, np.uint8)[numbers - 1], area, scale)

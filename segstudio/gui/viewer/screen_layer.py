"""An overlay drawn in screen pixels, cached in square tiles, repaired where the labels change."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter, QRegion
from PySide6.QtWidgets import QGraphicsItem, QStyleOptionGraphicsItem, QWidget

from segstudio.core.tiles import TileKey, Window
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.tile_loader import TileLoader

#: Side of a tile in device pixels.
SIDE = 384
#: Changes up to this many device pixels are repaired at once, larger ones on the threads.
_AT_ONCE = 300_000
_KEPT = 400

#: Draws a window of the magnified plane: ``(window, device pixels per image pixel) -> (h, w) uint32``.
Draw = Callable[[Window, float], NDArray[np.uint32]]


@dataclass
class _Tile:
    pixels: NDArray[np.uint32]
    image: QImage
    stale: bool = False


class ScreenLayer(QGraphicsItem):
    """One overlay.

    Parameters
    ----------
    name
        Its channel at the loader.
    loader
        Draws tiles away from the GUI thread.
    """

    def __init__(self, name: str, loader: TileLoader) -> None:
        super().__init__()
        self._name = name
        self._loader = loader
        self._draw: Draw | None = None
        self._shape = (0, 0)
        self._camera = Camera()
        self._ratio = 1.0
        self._bounds = QRectF()
        self._tiles: dict[TileKey, _Tile] = {}
        self._versions: dict[TileKey, int] = {}
        # What was shown at the last zoom, drawn magnified until the new tiles are there.
        self._before: tuple[Camera, dict[TileKey, _Tile]] | None = None

    def set_source(self, draw: Draw | None, shape: tuple[int, int]) -> None:
        """Show another plane; ``None`` shows nothing."""
        self._draw, self._shape = draw, shape
        self._before = None
        self._forget()
        self.update()

    def restyle(self, draw: Draw | None) -> None:
        """Draw everything again; the old picture stays until the new one is there."""
        self._draw = draw
        self._loader.restart(self._name)
        for tile in self._tiles.values():
            tile.stale = True
        if draw is None:
            self._forget()
        self.request()
        self.update()

    def take_drawing(self, draw: Draw | None) -> None:
        """Draw otherwise from now on; what is there stays until it is invalidated."""
        self._draw = draw

    def set_camera(self, camera: Camera, bounds: QRectF, ratio: float) -> None:
        """Follow the view; `ratio` is device pixels per logical pixel. Ask for tiles with `request`."""
        if camera.scale != self._camera.scale or ratio != self._ratio:
            if self._ready_share() > 0.5:
                self._before = (self._camera, self._tiles)
            self._forget()
        if bounds != self._bounds:
            self.prepareGeometryChange()
        self._camera, self._bounds, self._ratio = camera, bounds, ratio
        self.update()

    def invalidate(self, window: Window) -> None:
        """Draw the tiles again that show pixels of `window`, at once where it is small."""
        if self._draw is None:
            return
        scale = self._camera.scale * self._ratio
        dirty = Window(
            math.floor(window.y0 * scale) - 6,
            math.floor(window.x0 * scale) - 6,
            math.ceil(window.y1 * scale) + 6,
            math.ceil(window.x1 * scale) + 6,
        )
        shown = dirty.intersect(self._shown())
        at_once = shown.height * shown.width <= _AT_ONCE
        for key in _keys(dirty):
            self._versions[key] = self._versions.get(key, 0) + 1
            self._loader.forget(self._name, key)
            tile = self._tiles.get(key)
            if tile is None:
                continue
            if at_once and not tile.stale:
                self._repair(key, tile, dirty)
            else:
                tile.stale = True
        self.request()
        x, y = self._camera.left, self._camera.top
        self.update(
            QRectF(
                shown.x0 / self._ratio + x,
                shown.y0 / self._ratio + y,
                shown.width / self._ratio,
                shown.height / self._ratio,
            )
        )

    def request(self) -> None:
        """Ask for the visible tiles that are missing or stale, those in the middle first."""
        if self._draw is None or not self.isVisible():
            return
        shown = self._shown()
        if shown.empty:
            return
        middle = ((shown.y0 + shown.y1) / 2 / SIDE - 0.5, (shown.x0 + shown.x1) / 2 / SIDE - 0.5)
        wanted = [key for key in _keys(shown) if key not in self._tiles or self._tiles[key].stale]
        wanted.sort(key=lambda key: (key[0] - middle[0]) ** 2 + (key[1] - middle[1]) ** 2)
        for key in wanted:
            self._ask(key, self._draw)

    def _ask(self, key: TileKey, draw: Draw) -> None:
        scale = self._camera.scale * self._ratio
        window, version = _window(key), self._versions.get(key, 0)
        self._loader.load(self._name, key, lambda: draw(window, scale), lambda pixels: self._take(key, version, pixels))

    def _take(self, key: TileKey, version: int, pixels: NDArray[np.uint32]) -> None:
        if version != self._versions.get(key, 0):
            # The labels changed while it was drawn.
            self.request()
            return
        if len(self._tiles) > _KEPT:
            self._drop_hidden()
        self._tiles[key] = _Tile(pixels, _image(pixels, self._ratio))
        if self._before is not None and self._ready_share() == 1:
            self._before = None
            self.update()
        self.update(self._place(key))

    def _repair(self, key: TileKey, tile: _Tile, dirty: Window) -> None:
        draw = self._draw
        place = _window(key)
        part = dirty.intersect(place)
        if draw is None or part.empty:
            return
        fresh = draw(part, self._camera.scale * self._ratio)
        tile.pixels[part.shift(-place.y0, -place.x0).slices] = fresh

    def _forget(self) -> None:
        self._loader.restart(self._name)
        self._tiles = {}
        self._versions = {}

    def _drop_hidden(self) -> None:
        shown = set(_keys(self._shown()))
        self._tiles = {key: tile for key, tile in self._tiles.items() if key in shown}

    def _ready_share(self) -> float:
        keys = list(_keys(self._shown()))
        return sum(key in self._tiles for key in keys) / len(keys) if keys else 1.0

    def _shown(self) -> Window:
        """Return the part of the magnified plane that is on the screen."""
        scale = self._camera.scale * self._ratio
        whole = Window(0, 0, math.ceil(self._shape[0] * scale), math.ceil(self._shape[1] * scale))
        top, left = -self._camera.top * self._ratio, -self._camera.left * self._ratio
        return Window(
            math.floor(top),
            math.floor(left),
            math.ceil(top + self._bounds.height() * self._ratio),
            math.ceil(left + self._bounds.width() * self._ratio),
        ).intersect(whole)

    def _place(self, key: TileKey) -> QRectF:
        size = SIDE / self._ratio
        return QRectF(key[1] * size + self._camera.left, key[0] * size + self._camera.top, size, size)

    def boundingRect(self) -> QRectF:
        """Return the whole screen."""
        return self._bounds

    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        """Copy the tiles to the screen."""
        shown = [key for key in _keys(self._shown()) if key in self._tiles]
        if self._before is not None:
            painter.save()
            missing = QRegion(self._bounds.toAlignedRect())
            for key in shown:
                missing -= QRegion(self._place(key).toAlignedRect())
            painter.setClipRegion(missing)
            self._paint_before(painter, *self._before)
            painter.restore()
        for key in shown:
            painter.drawImage(self._place(key).topLeft(), self._tiles[key].image)

    def _paint_before(self, painter: QPainter, camera: Camera, tiles: dict[TileKey, _Tile]) -> None:
        size = SIDE / self._ratio * self._camera.scale / camera.scale
        for key, tile in tiles.items():
            place = QRectF(key[1] * size + self._camera.left, key[0] * size + self._camera.top, size, size)
            if place.intersects(self._bounds):
                painter.drawImage(place, tile.image)


def _keys(window: Window) -> Iterator[TileKey]:
    if window.empty:
        return
    for row in range(window.y0 // SIDE, (window.y1 - 1) // SIDE + 1):
        for column in range(window.x0 // SIDE, (window.x1 - 1) // SIDE + 1):
            yield row, column


def _window(key: TileKey) -> Window:
    return Window(key[0] * SIDE, key[1] * SIDE, (key[0] + 1) * SIDE, (key[1] + 1) * SIDE)


def _image(pixels: NDArray[np.uint32], ratio: float) -> QImage:
    """Return an image that shares the memory of `pixels`: repairs are seen without a copy."""
    height, width = pixels.shape
    image = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_ARGB32_Premultiplied)
    image.setDevicePixelRatio(ratio)
    return image

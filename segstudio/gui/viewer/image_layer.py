"""The image on the screen: cached tiles of a pyramid that is made as it is needed, never the whole array."""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QTransform
from PySide6.QtWidgets import QGraphicsItemGroup, QGraphicsScene

from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.coarse_feed import CoarseFeed
from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.io.coarse_cache import small_picture
from segstudio.io.coarse_levels import first_level, wants_coarse_levels
from segstudio.io.pyramid import SIDE, PyramidKey, pyramid_tile, top_level
from segstudio.io.sources import ImageSource
from segstudio.session.display.shading import Rendering, shaded

if TYPE_CHECKING:
    from segstudio.gui.viewer.image_tile import ImageTile

_CACHE_BYTES = 256 * 2**20


class ImageLayer:
    """Keeps the visible tiles in the scene.

    Parameters
    ----------
    scene
        Gets one group of items, transformed as the camera says.
    loader
        Reads and shades tiles on its threads, channels `name` and `name` with ``" shades"``.
    z
        Layers with a higher one lie over it.

    Attributes
    ----------
    on_growth
        Called with the share that is done, 0 to 1, while a large image is prepared.
    """

    def __init__(self, scene: QGraphicsScene, loader: TileLoader, name: str = "image", z: int = 0) -> None:
        self._group = QGraphicsItemGroup()
        self._group.setZValue(z)
        scene.addItem(self._group)
        self._loader = loader
        self._tiles, self._shades, self._coarse = name, f"{name} shades", f"{name} coarse"
        self.source: ImageSource | None = None
        self._plane = 0
        self._raw: OrderedDict[PyramidKey, NDArray[Any]] = OrderedDict()
        self._raw_bytes = 0
        self._items: dict[PyramidKey, ImageTile] = {}
        self._stale: set[PyramidKey] = set()  # of the plane that was shown before
        self._outdated: set[PyramidKey] = set()  # shaded as was wanted before
        self._shading: set[PyramidKey] = set()
        self._rendering: Rendering | None = None
        self._feed: CoarseFeed | None = None
        self.on_growth: Callable[[float], None] = lambda share: None
        self._camera = Camera()
        self._size = (0.0, 0.0)
        self._ratio = 1.0

    def set_source(self, source: ImageSource | None) -> None:
        """Show another image once `set_rendering` was called; ``None`` shows nothing."""
        self._restart()
        self.source, self._rendering = source, None
        self._raw.clear()
        self._raw_bytes = 0
        for item in self._items.values():
            self._remove(item)
        self._items, self._stale, self._plane = {}, set(), 0
        self._outdated, self._shading = set(), set()

    def set_plane(self, plane: int) -> None:
        """Show another plane of the image; the one before stays to be seen until its tiles are there."""
        if plane == self._plane:
            return
        self._restart()
        self._plane = plane
        self._raw.clear()
        self._raw_bytes = 0
        self._shading.clear()
        self._stale = set(self._items)
        self.request()

    def _restart(self) -> None:
        """Drop what was asked for."""
        for channel in (self._tiles, self._shades, self._coarse):
            self._loader.restart(channel)
        if self._feed is not None:
            self._feed.give_up()
            self._feed = None
            self.on_growth(1.0)

    def set_rendering(self, rendering: Rendering) -> None:
        """Shade the tiles anew, those that are visible at once; the old ones stay until then."""
        if rendering != self._rendering:
            self._rendering = rendering
            self._outdated = set(self._items)
        self.request()

    def set_camera(self, camera: Camera, width: float, height: float, ratio: float) -> None:
        """Follow the view."""
        self._camera, self._size, self._ratio = camera, (width, height), ratio
        self._group.setTransform(QTransform.fromTranslate(camera.left, camera.top).scale(camera.scale, camera.scale))
        for key, item in self._items.items():
            item.smooth = self._smooth(key)
        if self._group.isVisible():
            self.request()

    def set_visible(self, visible: bool) -> None:
        """Show it, or hide it; hidden it asks for no more tiles, and keeps those it has."""
        self._group.setVisible(visible)
        if visible:
            self.request()

    def value(self, y: int, x: int) -> NDArray[Any] | None:
        """Return the pixel if its finest tile is loaded."""
        raw = self._raw.get(PyramidKey(0, y // SIDE, x // SIDE))
        if raw is None or y % SIDE >= raw.shape[0] or x % SIDE >= raw.shape[1]:
            return None
        return np.asarray(raw[y % SIDE, x % SIDE])

    @property
    def level(self) -> int:
        """Pyramid level that fits the zoom: its pixels are half to one device pixel large, or magnified."""
        if self.source is None:
            return 0
        finest = math.floor(math.log2(max(1.0, 1 / (self._camera.scale * self._ratio))) + 1e-6)
        return min(finest, self._top)

    @property
    def _top(self) -> int:
        return top_level(self.source.info.size) if self.source else 0

    def request(self) -> None:
        """Ask for the visible tiles that are missing, those in the middle first."""
        source = self.source
        if source is None or self._rendering is None:
            return
        again = self._stale | self._outdated
        wanted = [key for key in self._visible() if key not in self._items or key in again]
        for key in wanted:
            raw = self._raw.get(key)
            if raw is not None:
                self._shade(key, raw)
                continue
            self._read(source, key)
        if not wanted:
            self._tidy()

    def _read(self, source: ImageSource, key: PyramidKey) -> None:
        plane = self._plane
        if wants_coarse_levels(source) and key.level >= first_level(source):
            if self._feed is None:
                self._begin_feed(source, plane)
            work = self._feed.tile(key) if self._feed is not None else None
            if work is not None:
                self._loader.load(self._tiles, key, work, lambda raw: self._keep(key, raw))
            return
        self._loader.load(self._tiles, key, lambda: pyramid_tile(source, key, plane), lambda raw: self._keep(key, raw))

    def _begin_feed(self, source: ImageSource, plane: int) -> None:
        """Have the coarse levels of a large image made; until then some of its pixels are seen, where that is quick."""
        self._feed = CoarseFeed(source, plane, self._loader, self._coarse, self._grow)
        if source.decodes == "nothing":
            top = PyramidKey(self._top, 0, 0)
            self._loader.load(self._coarse, top, lambda: small_picture(source, plane), lambda raw: self._keep(top, raw))
        else:
            self.on_growth(0.0)

    def _grow(self, share: float) -> None:
        if share >= 1:
            top = PyramidKey(self._top, 0, 0)
            self._forget(top)  # it was made of some pixels
            self._outdated.update({top} & set(self._items))
        if self.source is not None and self.source.decodes != "nothing":
            self.on_growth(share)
        self.request()

    def _visible(self) -> Iterator[PyramidKey]:
        if self.source is None:
            return
        shape, level = self.source.info.size, self.level
        window = self._camera.visible(*self._size, shape)
        if window.empty:
            return
        side = SIDE << level
        keys = [
            PyramidKey(level, row, column)
            for row in range(window.y0 // side, (window.y1 - 1) // side + 1)
            for column in range(window.x0 // side, (window.x1 - 1) // side + 1)
        ]
        y, x = (window.y0 + window.y1) / 2 / side - 0.5, (window.x0 + window.x1) / 2 / side - 0.5
        yield from sorted(keys, key=lambda key: (key.row - y) ** 2 + (key.column - x) ** 2)

    def _forget(self, key: PyramidKey) -> None:
        old = self._raw.pop(key, None)
        self._raw_bytes -= 0 if old is None else old.nbytes

    def _keep(self, key: PyramidKey, raw: NDArray[Any]) -> None:
        self._forget(key)
        self._raw[key] = raw
        self._raw_bytes += raw.nbytes
        while self._raw_bytes > _CACHE_BYTES and len(self._raw) > 1:
            _, old = self._raw.popitem(last=False)
            self._raw_bytes -= old.nbytes
        self._shade(key, raw)

    def _shade(self, key: PyramidKey, raw: NDArray[Any]) -> None:
        rendering = self._rendering
        # A slider moves faster than tiles are shaded: each is finished, and then begun anew, else none would be seen.
        if rendering is None or self.source is None or key in self._shading:
            return
        self._shading.add(key)
        self._loader.load(
            self._shades,
            key,
            lambda: _packed(shaded(raw, rendering)),
            lambda shown: self._take(key, shown, rendering),
        )

    def _take(self, key: PyramidKey, shown: NDArray[np.uint32], rendering: Rendering) -> None:
        self._shading.discard(key)
        self._show(key, shown)
        if rendering == self._rendering:
            self._outdated.discard(key)
        else:
            self._outdated.add(key)
            self.request()

    def _show(self, key: PyramidKey, shown: NDArray[np.uint32]) -> None:
        from segstudio.gui.viewer.image_tile import ImageTile

        self._stale.discard(key)
        item = self._items.get(key)
        if item is not None:
            item.show_shades(shown)
            self._let_stale_go()
            return
        if self.source is None:
            return
        area = key.window.clip(self.source.info.size)
        item = ImageTile(shown, QRectF(area.x0, area.y0, area.width, area.height))
        item.smooth = self._smooth(key)
        item.setZValue(-key.level)
        item.setParentItem(self._group)
        self._items[key] = item
        self._let_stale_go()
        if all(wanted in self._items for wanted in self._visible()):
            self._tidy()

    def _let_stale_go(self) -> None:
        """Remove what shows another plane, once all that is visible shows this one."""
        if self._stale and not any(key in self._stale or key not in self._items for key in self._visible()):
            for key in tuple(self._stale):
                self._drop(key)

    def _smooth(self, key: PyramidKey) -> bool:
        return self._camera.scale * self._ratio * (1 << key.level) < 1

    def _tidy(self) -> None:
        """Let go of tiles of other levels once the right ones are there; the coarsest stay as a backdrop."""
        level = self.level
        for key in [key for key in self._items if key.level not in (level, self._top)]:
            self._drop(key)
        if len(self._items) > 4 * max(1, len(list(self._visible()))) + 64:
            visible = set(self._visible())
            for key in [key for key in self._items if key not in visible]:
                self._drop(key)

    def _drop(self, key: PyramidKey) -> None:
        self._stale.discard(key)
        self._outdated.discard(key)
        self._remove(self._items.pop(key))

    def _remove(self, item: "ImageTile") -> None:
        scene = item.scene()
        if scene is not None:
            scene.removeItem(item)


def _packed(shown: NDArray[np.uint8]) -> NDArray[np.uint32]:
    # Imported here, on a thread, so that the window never waits for it.
    from segstudio.gui.viewer.image_tile import packed

    return packed(shown)

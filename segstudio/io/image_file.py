"""Images that the program makes: tiled float TIFF, read by every program that reads TIFF."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from segstudio.core.axes import ImageInfo, Kind
from segstudio.core.tiles import TileGrid, Window
from segstudio.io.sources import BaseSource, open_image
from segstudio.labels.label_map import TILE

#: Up to so many bytes are read at once, and the file is let go: a new image can take its place on every system.
_IN_MEMORY = 256 * 2**20


def image_tiff_by_tile(shape: tuple[int, int, int], read: Callable[[Window], NDArray[np.float32]]) -> Iterator[bytes]:
    """Yield the content of a TIFF with float32 planes, one page a channel; in memory is only what is compressed.

    Parameters
    ----------
    shape
        ``(channels, rows, columns)``.
    read
        Returns ``(channels, h, w)`` of a window inside the image.
    """
    channels, height, width = shape
    grid = TileGrid((height, width), TILE)

    def tiles(channel: int) -> Iterator[NDArray[np.float32]]:
        for key in grid.keys():  # noqa: SIM118 - a method of the grid, no mapping
            window = grid.window(key)
            tile = np.zeros((TILE, TILE), np.float32)
            tile[: window.height, : window.width] = read(window)[channel]
            yield tile

    stream = BytesIO()
    with tifffile.TiffWriter(stream, bigtiff=channels * height * width * 4 > 1 << 31) as writer:
        for channel in range(channels):
            writer.write(
                tiles(channel),
                shape=(height, width),
                dtype=np.float32,
                tile=(TILE, TILE),
                compression="adobe_deflate",
                photometric="minisblack",
                metadata=None,
            )
    yield stream.getvalue()


def open_made(path: Path) -> BaseSource:
    """Open an image that `image_tiff_by_tile` wrote; its pages are channels.

    Raises
    ------
    BadInput
        As `open_image`.
    """
    source = open_image(path)
    made = _Pages(source) if source.info.planes > 1 and source.info.channels == 1 else source
    info = made.info
    if info.height * info.width * info.channels * np.dtype(info.dtype).itemsize > _IN_MEMORY:
        return made
    with made:
        return _Held(info, made.read())


class _Pages(BaseSource):
    """A gray image of several planes whose planes are its channels."""

    def __init__(self, source: BaseSource) -> None:
        self._source = source
        channels = source.info.planes
        # Three are shown as a colour, which targets with three channels mostly are.
        kind: Kind = "rgb" if channels == 3 else "channels"
        super().__init__(replace(source.info, channels=channels, planes=1, kind=kind, warnings=()))

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        return np.stack([self._source.read(window, page) for page in range(self.info.channels)], axis=2)

    def _let_go(self) -> None:
        """Close the file."""
        self._source.close()


class _Held(BaseSource):
    """An image in memory."""

    def __init__(self, info: ImageInfo, pixels: NDArray[Any]) -> None:
        super().__init__(info)
        self._pixels = pixels

    def _read(self, window: Window, plane: int) -> NDArray[Any]:
        return self._pixels[window.slices].copy()

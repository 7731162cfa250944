"""Images that the program makes: tiled float TIFF, read by every program that reads TIFF."""

from collections.abc import Callable, Iterator
from io import BytesIO

import numpy as np
import tifffile
from numpy.typing import NDArray

from segstudio.core.tiles import TileGrid, Window
from segstudio.labels.label_map import TILE


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

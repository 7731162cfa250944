"""Which windows of an image the network sees, and which part of each answer is kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window


@dataclass(frozen=True, slots=True)
class Tile:
    """One look at an image whose sides are multiples of the stride.

    Attributes
    ----------
    core
        What is kept. Cores cover the image without overlap.
    window
        What the network sees: the core and its halo, as far as the image goes.
    shares
        ``None`` when the core's answer is kept as it is. For tiles that are blended, whose core is the whole window:
        how much of the answer counts at each row and column, ``(h,)`` and ``(w,)`` float32; the products of all tiles
        add up to 1 at every pixel.
    """

    core: Window
    window: Window
    shares: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None


def padded_shape(shape: tuple[int, int], stride: int) -> tuple[int, int]:
    """Return `shape` with both sides rounded up to multiples of `stride`."""
    return -(-shape[0] // stride) * stride, -(-shape[1] // stride) * stride


def plan_tiles(shape: tuple[int, int], stride: int, size: int, halo: int) -> list[Tile]:
    """Cut a padded image into tiles, row by row.

    Parameters
    ----------
    shape
        Sides of the padded image, multiples of `stride`.
    stride
        Product of the network's strides; all cores begin and end at its multiples.
    size
        Largest side of a core; the cores of a row are about equal.
    halo
        Pixels around a core, a multiple of `stride`. At the image's edge the window ends: there the network pads
        as it does for the whole image.
    """
    rows = _cuts(shape[0], stride, size)
    columns = _cuts(shape[1], stride, size)
    cores = [Window(y0, x0, y1, x1) for y0, y1 in rows for x0, x1 in columns]
    return [
        Tile(core, Window(core.y0 - halo, core.x0 - halo, core.y1 + halo, core.x1 + halo).clip(shape)) for core in cores
    ]


def plan_blended(shape: tuple[int, int], stride: int, size: int) -> list[Tile]:
    """Cut a padded image into tiles of one size that overlap by about half, each fading out towards its edges.

    For networks that see the whole tile: their answers differ from tile to tile, and a seam between two cores would
    show. At the image's edges nothing fades.

    Parameters
    ----------
    shape
        Sides of the padded image, multiples of `stride`.
    stride
        Product of the network's strides.
    size
        Side of a tile, at least two strides.
    """
    rows, columns = (_fades(length, stride, size) for length in shape)
    tiles = []
    for y0, row_shares in rows:
        for x0, column_shares in columns:
            window = Window(y0, x0, y0 + len(row_shares), x0 + len(column_shares))
            tiles.append(Tile(window, window, (row_shares, column_shares)))
    return tiles


def _fades(length: int, stride: int, size: int) -> list[tuple[int, NDArray[np.float32]]]:
    """Return where tiles begin along one axis, and how much each counts at each of its places."""
    side = min(length, max(2, size // stride) * stride)
    count = 1 + -(-(length - side) // max(1, side // 2))
    starts = [round(index * (length - side) / max(1, count - 1) / stride) * stride for index in range(count)]
    weights = np.zeros((count, length))
    ramp = np.minimum(np.arange(side) + 0.5, side - np.arange(side) - 0.5) / side
    for weight, start in zip(weights, starts, strict=True):
        weight[start : start + side] = ramp
    weights /= weights.sum(axis=0)
    return [
        (start, weight[start : start + side].astype(np.float32)) for weight, start in zip(weights, starts, strict=True)
    ]


def _cuts(length: int, stride: int, size: int) -> list[tuple[int, int]]:
    count = -(-length // max(size, stride))
    side = -(-length // (count * stride)) * stride
    return [(start, min(start + side, length)) for start in range(0, length, side)]

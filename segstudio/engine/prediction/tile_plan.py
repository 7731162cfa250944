"""Which windows of an image the network sees, and which part of each answer is kept."""

from dataclasses import dataclass

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
    """

    core: Window
    window: Window


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


def _cuts(length: int, stride: int, size: int) -> list[tuple[int, int]]:
    count = -(-length // max(size, stride))
    side = -(-length // (count * stride)) * stride
    return [(start, min(start + side, length)) for start in range(0, length, side)]

"""A project with one image of any size, a pyramid in it, and as many objects as one likes: written, never in memory."""

from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.io.atomic import write_atomic
from segstudio.io.labels_file import label_tiff_by_tile
from segstudio.io.objects_file import write_objects
from segstudio.labels.objects import ObjectInfo
from segstudio.project.project import Project

_TILE = 512
_LEVELS = 7


def make_slide(folder: Path, side: int, objects: int) -> Path:
    """Write a project; return its folder.

    Parameters
    ----------
    side
        Of the image, pixels.
    objects
        Discs on a grid that fills the image; about so many.
    """
    image = folder / f"slide-{side}.ome.tif"
    write_pyramid(image, side)
    project, problems = Project.create(folder / "project", [image])
    assert not problems, problems
    files = project.files(project.images[0].id)
    project.close()
    row = round(objects**0.5)
    files.labels.parent.mkdir(parents=True, exist_ok=True)
    pieces = label_tiff_by_tile((side, side), row * row, lambda window: discs(window, side / row, row))
    write_atomic(files.labels, pieces)
    write_objects(files.objects, {number: ObjectInfo() for number in range(1, row * row + 1)}, row * row + 1)
    return folder / "project"


def discs(window: Window, step: float, row: int) -> NDArray[np.int32]:
    """Return the labels in a window of discs on a grid of `row` times `row`, `step` pixels apart."""
    y, x = np.mgrid[window.y0 : window.y1, window.x0 : window.x1].astype(np.float32)
    line, column = np.minimum(y // step, row - 1), np.minimum(x // step, row - 1)
    inside = (y - (line + 0.5) * step) ** 2 + (x - (column + 0.5) * step) ** 2 < (0.42 * step) ** 2
    return np.where(inside, line * row + column + 1, 0).astype(np.int32)


def write_pyramid(path: Path, side: int) -> None:
    """Write an 8-bit OME-TIFF whose levels lie in SubIFDs; a tile is compressed once, and lies there many times."""
    y, x = np.mgrid[:_TILE, :_TILE]
    cell = (np.sin(x / _TILE * 12 * np.pi) * np.sin(y / _TILE * 12 * np.pi)) ** 2
    noise = np.random.default_rng(0).normal(0, 6, cell.shape)
    tile = np.clip(30 + 180 * cell + noise, 0, 255).astype(np.uint8)
    encoded = bytes(imagecodecs.deflate_encode(tile, level=6))
    levels = [side >> level for level in range(_LEVELS) if side >> level >= _TILE]

    def tiles(length: int) -> Iterator[bytes]:
        for _ in range((-(-length // _TILE)) ** 2):
            yield encoded

    with tifffile.TiffWriter(path, bigtiff=True, ome=True) as writer:
        for number, length in enumerate(levels):
            first = {"subifds": len(levels) - 1, "metadata": {"axes": "YX"}} if number == 0 else {"subfiletype": 1}
            writer.write(
                tiles(length),
                shape=(length, length),
                dtype=np.uint8,
                tile=(_TILE, _TILE),
                compression="adobe_deflate",
                photometric="minisblack",
                **first,  # type: ignore[arg-type]
            )

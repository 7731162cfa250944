"""Synthetic microscopy whose truth is known: cells that touch, discs, tilted rectangles, folders of pairs.

Everything is deterministic: the same arguments give the same pixels.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray


@dataclass(frozen=True)
class Cells:
    """An image and its instances.

    Attributes
    ----------
    image
        ``(rows, columns)`` of the dtype asked for, or ``(rows, columns, 3)`` uint8 when coloured.
    labels
        ``(rows, columns)`` int32, 0 background, 1..N without gaps.
    """

    image: NDArray[Any]
    labels: NDArray[np.int32]

    @property
    def count(self) -> int:
        """Number of objects."""
        return int(self.labels.max())


def cells(
    shape: tuple[int, int] = (128, 128),
    count: int = 12,
    seed: int = 0,
    *,
    diameter: float = 20.0,
    dtype: str = "uint8",
    coloured: bool = False,
    noise: float = 0.04,
) -> Cells:
    """Return ellipses that touch each other but never overlap, brighter than the ground, blurred and noisy.

    Fewer than `count` come out where the image has no room. `diameter` is the mean, in pixels.
    """
    rng = np.random.default_rng(seed)
    labels = _ellipses(shape, count, diameter, rng)
    brightness = np.concatenate([[0.08], rng.uniform(0.45, 0.9, int(labels.max()))])
    plane = _blur(brightness[labels]) + rng.normal(0.0, noise, shape)
    return Cells(_as_dtype(np.clip(plane, 0.0, 1.0), dtype, coloured), labels)


def discs(shape: tuple[int, int], centres: list[tuple[float, float]], radius: float) -> NDArray[np.int32]:
    """Return discs of `radius` around `centres` ``(row, column)``, ids in the order given, later ones on top."""
    rows, columns = np.indices(shape)
    labels = np.zeros(shape, np.int32)
    for index, (y, x) in enumerate(centres, start=1):
        labels[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = index
    return labels


def rectangle(
    shape: tuple[int, int], centre: tuple[float, float], length: float, width: float, angle: float
) -> NDArray[np.int32]:
    """Return label 1 where pixel centres lie in a tilted rectangle.

    `centre` is ``(x, y)`` in pixel-corner coordinates; `angle` in degrees, of the long side, clockwise from +x.
    """
    rows, columns = np.indices(shape) + 0.5
    direction = np.deg2rad(angle)
    dx, dy = columns - centre[0], rows - centre[1]
    along = dx * np.cos(direction) + dy * np.sin(direction)
    across = dy * np.cos(direction) - dx * np.sin(direction)
    return ((np.abs(along) <= length / 2) & (np.abs(across) <= width / 2)).astype(np.int32)


def grid_of_squares(shape: tuple[int, int], size: int = 8, gap: int = 2) -> NDArray[np.int32]:
    """Return squares of `size` pixels, `gap` apart, ids row by row; fast for thousands of objects."""
    pitch = size + gap
    rows, columns = np.indices(shape)
    per_row = shape[1] // pitch
    inside = (rows % pitch < size) & (columns % pitch < size)
    inside &= (rows // pitch < shape[0] // pitch) & (columns // pitch < per_row)
    ids = rows // pitch * per_row + columns // pitch + 1
    return np.where(inside, ids, 0).astype(np.int32)


def write_pairs(
    folder: Path, count: int = 4, shape: tuple[int, int] = (96, 96), seed: int = 0, **options: Any
) -> list[Cells]:
    """Write ``images/cell_00.tif`` and ``masks/cell_00.tif`` ... into `folder`; return what was written.

    `options` go to `cells`. Masks are uint16.
    """
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(exist_ok=True)
    made = []
    for index in range(count):
        pair = cells(shape, seed=seed + index, **options)
        photometric = "rgb" if pair.image.ndim == 3 else "minisblack"
        tifffile.imwrite(folder / "images" / f"cell_{index:02d}.tif", pair.image, photometric=photometric)
        tifffile.imwrite(folder / "masks" / f"cell_{index:02d}.tif", pair.labels.astype(np.uint16))
        made.append(pair)
    return made


def write_splits(folder: Path, train: int = 4, val: int = 2, **options: Any) -> None:
    """Write ``train/`` and ``val/`` of the form that `write_pairs` makes."""
    write_pairs(folder / "train", train, seed=0, **options)
    write_pairs(folder / "val", val, seed=1000, **options)


def _ellipses(shape: tuple[int, int], count: int, diameter: float, rng: np.random.Generator) -> NDArray[np.int32]:
    nearest = np.full(shape, np.inf)
    labels = np.zeros(shape, np.int32)
    placed = np.empty((count, 3))
    number = 0
    for _ in range(count * 30):
        if number == count:
            break
        half = diameter / 2 * rng.uniform(0.8, 1.2)
        y, x = rng.uniform(half, shape[0] - half), rng.uniform(half, shape[1] - half)
        # A little nearer than both radii: neighbours meet along a line, as confluent cells do.
        others = placed[:number]
        if (np.hypot(y - others[:, 0], x - others[:, 1]) < 0.95 * (half + others[:, 2])).any():
            continue
        placed[number] = y, x, half
        number += 1
        turn, stretch = rng.uniform(0, np.pi), rng.uniform(1.0, 1.35)
        reach = half * stretch + 1
        top, left = max(int(y - reach), 0), max(int(x - reach), 0)
        near = np.s_[top : min(int(y + reach) + 1, shape[0]), left : min(int(x + reach) + 1, shape[1])]
        rows, columns = np.ogrid[near]
        along = (columns - x) * np.cos(turn) + (rows - y) * np.sin(turn)
        across = (rows - y) * np.cos(turn) - (columns - x) * np.sin(turn)
        distance = np.hypot(along / stretch, across * stretch) / half
        mine = (distance <= 1.0) & (distance < nearest[near])
        labels[near][mine], nearest[near][mine] = number, distance[mine]
    return labels


def _blur(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(plane, 1, mode="edge")
    height, width = plane.shape
    shifted = [padded[y : y + height, x : x + width] for y in range(3) for x in range(3)]
    return np.mean(shifted, axis=0)


def _as_dtype(plane: NDArray[np.float64], dtype: str, coloured: bool) -> NDArray[Any]:
    if coloured:
        stain = np.array([0.55, 0.75, 0.35])  # purple nuclei on a pale ground, as haematoxylin
        return (255 * (0.95 - plane[..., None] * stain)).clip(0, 255).astype(np.uint8)
    if np.issubdtype(np.dtype(dtype), np.integer):
        return (plane * (4000 if dtype == "uint16" else np.iinfo(dtype).max)).astype(dtype)
    return plane.astype(dtype)

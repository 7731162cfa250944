"""Small pictures of an image with its labels."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.labels.label_map import TILE, LabelMap
from segstudio.labels.packed_tile import COARSE

Rgb = tuple[int, int, int]
_FILL = 0.4
#: Two of so many diagonals of what is hatched are drawn.
_HATCH = 5


@dataclass(frozen=True)
class Shade:
    """How some objects are drawn: colour, strength of the filling, and whether that is hatched."""

    colour: Rgb
    fill: float = _FILL
    hatched: bool = False


def sampled(plane: LabelMap, shape: tuple[int, int]) -> NDArray[np.int32]:
    """Return the plane in `shape` ``(rows, columns)``: of each pixel that is larger now, what lies in its middle."""
    rows, columns = (
        ((np.arange(small) + 0.5) * large / small).astype(np.int64)
        for small, large in zip(shape, plane.shape, strict=True)
    )
    out = np.zeros(shape, np.int32)
    step = COARSE if all(large >= COARSE * small for small, large in zip(shape, plane.shape, strict=True)) else 1
    for key in plane.keys():  # noqa: SIM118 - a method of the map, no mapping
        tile = plane.coarse(key) if step > 1 else plane.tile(key)
        if tile is None:
            continue
        (top, bottom), (left, right) = (
            np.searchsorted(at, (number * TILE, (number + 1) * TILE))
            for at, number in ((rows, key[0]), (columns, key[1]))
        )
        down, across = (
            np.minimum(at % TILE // step, length - 1)
            for at, length in zip((rows[top:bottom], columns[left:right]), tile.shape, strict=True)
        )
        out[top:bottom, left:right] = tile[np.ix_(down, across)]
    return out


def with_labels(picture: NDArray[np.uint8], labels: NDArray[np.int32], colours: Sequence[Rgb]) -> NDArray[np.uint8]:
    """Return an RGB picture with objects in the colours of a palette, by their ids."""
    kinds = np.where(labels > 0, (labels - 1) % len(colours) + 1, 0)
    return _over(picture, labels, kinds, [Shade(colour) for colour in colours])


def with_shades(
    picture: NDArray[np.uint8], *layers: tuple[NDArray[np.int32], Mapping[Shade, Collection[int]]]
) -> NDArray[np.uint8]:
    """Return an RGB picture with objects of some label images, each group of ids in its shade; others are left out.

    Later layers lie over those before.
    """
    shown = np.zeros(picture.shape[:2], np.int32)
    kinds = np.zeros(picture.shape[:2], np.int64)
    shades: list[Shade] = []
    for labels, groups in layers:
        mine = _kinds(labels, groups.values(), len(shades))
        shown, kinds = np.where(mine > 0, labels, shown), np.where(mine > 0, mine, kinds)
        shades += groups
    return _over(picture, shown, kinds, shades)


def _kinds(labels: NDArray[np.int32], groups: Iterable[Collection[int]], before: int) -> NDArray[np.int64]:
    """Return for each pixel the number of the group of its id, counted from ``before + 1``; 0 for none."""
    numbered = {object_id: number for number, ids in enumerate(groups, before + 1) for object_id in ids}
    ids = np.array(sorted(numbered), np.int64)
    if not len(ids):
        return np.zeros(labels.shape, np.int64)
    numbers = np.array([numbered[object_id] for object_id in ids.tolist()])
    out = np.zeros(labels.shape, np.int64)
    inside = labels > 0
    values = labels[inside]
    at = np.minimum(np.searchsorted(ids, values), len(ids) - 1)
    out[inside] = np.where(ids[at] == values, numbers[at], 0)
    return out


def _over(
    picture: NDArray[np.uint8], labels: NDArray[np.int32], kinds: NDArray[np.int64], shades: Sequence[Shade]
) -> NDArray[np.uint8]:
    """Blend objects over a picture, with outlines at full strength; kind n is shade n - 1, kind 0 nothing."""
    rows, columns = np.nonzero(kinds)
    kind = kinds[rows, columns] - 1
    paint = np.array([shade.colour for shade in shades], np.float32).reshape(-1, 3)[kind]
    strength = np.array([shade.fill for shade in shades], np.float32)[kind]
    hatched = np.array([shade.hatched for shade in shades], bool)[kind]
    strength[hatched & ((rows + columns) % _HATCH > 1)] = 0
    strength[_edge(labels)[rows, columns]] = 1
    out = picture.copy()
    under = picture[rows, columns]
    out[rows, columns] = (under + (paint - under) * strength[:, None]).astype(np.uint8)
    return out


def _edge(labels: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Return the pixels with another id above, below, left or right."""
    edge = np.zeros(labels.shape, bool)
    below, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edge[1:] |= below
    edge[:-1] |= below
    edge[:, 1:] |= right
    edge[:, :-1] |= right
    return edge

"""Objects of an image of any size: decoded in blocks that overlap, joined where a block's edge cuts them.

An image of at most one block is decoded whole. In larger ones each block is decoded with a margin and gives its core.
Two objects of neighbouring blocks are one when they meet on the line between the cores and cover most of each other
where both blocks looked. An object that two blocks see alike comes out as in one look at the whole. What the pixels of
an object say of its class and its score is added up over the cores, whatever the blocks saw of it.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.engine.decoding.evidence import Tally, chained, tally
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Formulation
from segstudio.engine.prediction.map_store import MapStore
from segstudio.engine.prediction.tile_plan import Tile, plan_tiles

#: Side of a block's core, and what it sees beyond it on each side, pixels: more than a cell is long.
CORE, MARGIN = 2048, 256
#: Share of the smaller object, where both blocks looked, that the two must have in common to be one.
_COMMON = 0.5


@dataclass(frozen=True)
class Found:
    """The objects of an image.

    Attributes
    ----------
    shape
        ``(H, W)``.
    read
        Returns the labels in a window, int32, ids 1..n without gaps.
    classes, scores
        As in `Decoded`.
    """

    shape: tuple[int, int]
    read: Callable[[Window], NDArray[np.int32]]
    classes: dict[int, int]
    scores: dict[int, float]


@dataclass(frozen=True)
class _Seen:
    """What one block saw: its labels, with the ids of the whole image, in a window."""

    window: Window
    labels: NDArray[np.int32]

    def at(self, window: Window) -> NDArray[np.int32]:
        return self.labels[window.shift(-self.window.y0, -self.window.x0).slices]


def is_whole(shape: tuple[int, int]) -> bool:
    """Return whether an image of `shape` is decoded in one piece."""
    return shape[0] * shape[1] <= (CORE + 2 * MARGIN) ** 2


def decode_steps(
    formulation: Formulation, maps: MapStore, settings: DecodeSettings, labels: MapStore
) -> Generator[tuple[int, int], None, Found]:
    """Find the objects in `maps` step by step: yields blocks done and all blocks, returns the objects.

    Parameters
    ----------
    labels
        One int32 plane for large images; the result reads from it.
    """
    shape = (maps.shape[1], maps.shape[2])
    if is_whole(shape):
        decoded = formulation.decode(maps.read(Window.whole(shape)).astype(np.float32, copy=False), settings)
        yield 1, 1
        return Found(shape, lambda window: decoded.labels[window.slices], decoded.classes, decoded.scores)
    tiles = plan_tiles(shape, 1, CORE, MARGIN)
    each = settings.model_copy(update={"min_size": 0})  # an object is whole, and measured, only at the end
    joined = _Joined(shape, formulation)
    above: dict[int, _Seen] = {}
    left: _Seen | None = None
    for number, tile in enumerate(tiles, start=1):
        part = maps.read(tile.window).astype(np.float32, copy=False)
        seen = joined.add(formulation.decode(part, each), part, tile)
        labels.write(tile.core, seen.at(tile.core)[None])
        if left is not None and tile.core.x0 > 0:
            joined.join(left, seen, Window(0, tile.core.x0 - 1, shape[0], tile.core.x0 + 1))
        if tile.core.y0 > 0:
            joined.join(above[tile.core.x0], seen, Window(tile.core.y0 - 1, 0, tile.core.y0 + 1, shape[1]))
        left = seen
        bottom = Window(tile.core.y1 - MARGIN, 0, shape[0], shape[1]).intersect(tile.window)
        above[tile.core.x0] = _Seen(bottom, seen.at(bottom).copy())
        yield number, len(tiles)
    return joined.found(labels, settings.min_size)


class _Joined:
    """The objects of all blocks, by ids that run through them, and which of them are one."""

    def __init__(self, shape: tuple[int, int], formulation: Formulation) -> None:
        self._shape = shape
        self._formulation = formulation
        self._owner = [0]
        self._area, self._first, self._visible = ([np.zeros(1, np.int64)] for _ in range(3))
        self._classes, self._scores = [0], [0.0]
        self._tallies: list[Tally] = []

    def add(self, decoded: Decoded, maps: NDArray[np.float32], tile: Tile) -> _Seen:
        """Take in a block and its maps."""
        count, start = int(decoded.labels.max(initial=0)), len(self._owner) - 1
        inside = tile.core.shift(-tile.window.y0, -tile.window.x0)
        core = decoded.labels[inside.slices]
        ids, places = np.unique(core, return_index=True)
        rows, columns = np.divmod(places, core.shape[1])
        first = np.full(count + 1, np.iinfo(np.int64).max)
        first[ids] = (rows + tile.core.y0) * self._shape[1] + columns + tile.core.x0
        self._area.append(np.bincount(core.ravel(), minlength=count + 1)[1:])
        self._visible.append(np.bincount(decoded.labels.ravel(), minlength=count + 1)[1:])
        self._first.append(first[1:])
        numbers = range(1, count + 1)
        self._owner += [start + number for number in numbers]
        self._classes += [decoded.classes[number] for number in numbers]
        self._scores += [decoded.scores.get(number, 1.0) for number in numbers]
        if (evidence := self._formulation.evidence(maps[:, *inside.slices])) is not None:
            self._tallies.append(tally(core, evidence, count))
        return _Seen(tile.window, np.where(decoded.labels > 0, decoded.labels + np.int32(start), 0))

    def join(self, one: _Seen, other: _Seen, line: Window) -> None:
        """Find out which objects of two neighbouring blocks are the same; `line` lies on both sides of their seam."""
        shared = one.window.intersect(other.window)
        line = line.intersect(shared)
        met = set(_pairs(one.at(line), other.at(line))[0])
        if not met:
            return
        here, there = one.at(shared), other.at(shared)
        pairs, common = _pairs(here, there)
        areas, others = _areas(here), _areas(there)
        for (a, b), pixels in zip(pairs, common, strict=True):
            if (a, b) in met and pixels > _COMMON * min(areas[a], others[b]):
                self._owner[max(self._root(a), self._root(b))] = min(self._root(a), self._root(b))

    def found(self, labels: MapStore, min_size: int) -> Found:
        """Return the objects of at least `min_size` pixels, numbered as the rows of the image meet them."""
        count = len(self._owner)
        roots = np.array([self._root(number) for number in range(count)])
        area = np.bincount(roots, np.concatenate(self._area), count)
        first = np.full(count, np.iinfo(np.int64).max)
        np.minimum.at(first, roots, np.concatenate(self._first))
        kept = np.flatnonzero(area >= max(1, min_size))
        kept = kept[np.argsort(first[kept])]
        numbers = np.zeros(count, np.int32)
        numbers[kept] = np.arange(1, kept.size + 1)
        table = numbers[roots]
        if self._tallies:
            judged = self._formulation.judge(chained(self._tallies).joined(table[1:], kept.size))
        else:
            judged = self._best_seen(table)
        return Found(self._shape, lambda window: table[labels.read(window)[0]], *judged)

    def _best_seen(self, table: NDArray[np.int32]) -> tuple[dict[int, int], dict[int, float]]:
        """Return classes and scores as the block said them that saw most of an object: nearly always all of it."""
        order = np.argsort(np.concatenate(self._visible), kind="stable")
        best = {int(table[number]): int(number) for number in order if table[number] > 0}
        classes = {number: self._classes[best[number]] for number in sorted(best)}
        return classes, {number: self._scores[best[number]] for number in sorted(best)}

    def _root(self, number: int) -> int:
        owner = self._owner
        while owner[number] != number:
            owner[number] = owner[owner[number]]
            number = owner[number]
        return number


def _pairs(here: NDArray[np.int32], there: NDArray[np.int32]) -> tuple[list[tuple[int, int]], list[int]]:
    """Return the pairs of ids that lie on the same pixels, and on how many."""
    both = (here > 0) & (there > 0)
    keys, counts = np.unique((here[both].astype(np.int64) << 32) | there[both], return_counts=True)
    return list(zip((keys >> 32).tolist(), (keys & 0xFFFFFFFF).tolist(), strict=True)), counts.tolist()


def _areas(labels: NDArray[np.int32]) -> dict[int, int]:
    ids, counts = np.unique(labels, return_counts=True)
    return dict(zip(ids.tolist(), counts.tolist(), strict=True))

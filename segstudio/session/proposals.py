"""The objects that one prediction proposes: which wait for a decision, and how they become objects."""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Set
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import TileKey, Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import surrounds, without_crumbs
from segstudio.labels.positions import positions
from segstudio.session.predictions import Decisions, Proposal, bounds

if TYPE_CHECKING:
    from segstudio.labels.transaction import Transaction
    from segstudio.labels.undo import History

Outcome = Literal["pending", "accepted", "rejected"]

#: Parts of a proposal that objects cut off, smaller than this fraction of it, are dropped.
CRUMB = 0.1
#: More proposals than these come and go tile by tile, not one by one.
MANY = 64


class Proposals:
    """The proposals of one prediction.

    Parameters
    ----------
    labels
        (Y, X) label image of the prediction; ``None`` when nothing was predicted.
    table
        Class and score by proposal.
    decisions
        What was decided about them.
    """

    def __init__(self, labels: LabelMap | None, table: dict[int, Proposal], decisions: Decisions) -> None:
        self.labels = labels
        self.table = table
        self.decisions = decisions
        self.shown = labels.snapshot() if labels is not None else None
        """The pending proposals by proposal id, as `settle` left them."""
        self.waiting = set(table)
        """Those without a decision, as `settle` left them."""
        self._undone: set[int] = set()
        self._redoable: set[int] = set()
        self._restored: dict[int, bool] = {}
        self._windows: dict[int, Window] = {}

    def pending(self) -> list[int]:
        """Return the proposals that wait, the most doubtful first."""
        return sorted(self.waiting, key=lambda item: (self.table[item].score, item))

    def outcome(self, proposal_id: int) -> Outcome:
        """Return what became of a proposal.

        An accepted one is pending again when the acceptance was undone, or an earlier state restored that did not
        have the object; it stays settled when its object was merged into another or deleted since.
        """
        if proposal_id in self.decisions.rejected:
            return "rejected"
        accepted = proposal_id in self.decisions.accepted and proposal_id not in self._undone
        return "accepted" if accepted else "pending"

    def window(self, proposal_id: int) -> Window:
        """Return the window around a proposal."""
        if proposal_id not in self._windows and self.labels is not None:
            self._windows[proposal_id] = bounds(self.labels, proposal_id)
        return self._windows[proposal_id]

    def write(self, tx: "Transaction", wanted: Iterable[int], covered: float) -> dict[int, int]:
        """Make objects of proposals; return their ids by proposal.

        A proposal of which more than the fraction `covered` lies on objects that exist, or that would become a
        ring around one, is left alone.
        """
        ids, labels = list(dict.fromkeys(wanted)), self.labels
        if labels is None or not ids:
            return {}
        position = positions(np.array(sorted(ids)), max(labels.values() | set(ids)))
        areas, taken = _areas(labels, tx.planes.labels, labels.tiles_with_any(ids), position, len(ids))
        new = np.zeros(len(ids) + 1, labels.dtype)
        # Put together beside the document and written tile by tile: listeners hear of tiles, not of thousands of
        # objects.
        after, made = tx.planes.labels.snapshot(), dict[int, int]()
        for proposal_id, at in zip(ids, position(np.array(ids)).tolist(), strict=True):
            area, lies_on = int(areas[at]), int(taken[at])
            if lies_on == area or lies_on > covered * area:
                continue
            object_id = tx.next_id()
            if not lies_on:
                new[at] = object_id
            elif not _paste_free(labels, proposal_id, self.window(proposal_id), after, object_id):
                continue
            tx.set_object(object_id, ObjectInfo(self.table[proposal_id].class_id, "model", "accepted"))
            made[proposal_id] = object_id
        with tx.together():
            for key in labels.tiles_with_any(made):
                window = labels.grid.window(key)
                fresh = new[position(labels.read(window))]
                tx.write("labels", window, np.where(fresh > 0, fresh, after.read(window)))
        return made

    def free(self, onto: LabelMap, covered: float) -> Callable[[], int]:
        """Return a function, for any thread, that counts the waiting proposals `write` would make objects of.

        Parameters
        ----------
        onto
            The objects that exist.
        covered
            As in `write`.
        """
        mine = self.shown.snapshot() if self.shown is not None else None
        taken = onto.snapshot()
        return lambda: 0 if mine is None else _count_free(mine, taken, covered)

    def see_undone(self, objects: Container[int], history: "History") -> bool:
        """Tell acceptances that were undone from objects that were deleted or merged later.

        Parameters
        ----------
        objects
            Ids of the objects that are there.
        history
            An acceptance that can be redone was undone; one of which a restore of an earlier state has taken the
            object away was undone as well. The object of any other is gone because somebody decided so.

        Returns
        -------
        bool
            Whether an acceptance was given up for good: something else was done after it had been undone.
        """
        gone = {at: object_id for at, object_id in self.decisions.accepted.items() if object_id not in objects}
        made = history.to_come_back() if gone else set[int]()
        given_up = [at for at, object_id in gone.items() if at in self._redoable and object_id not in made]
        for proposal_id in given_up:
            del self.decisions.accepted[proposal_id]
        self._redoable = {at for at, object_id in gone.items() if object_id in made}
        self._see_restored(set(gone.values()) - made, history)
        self._undone = self._redoable | {at for at, object_id in gone.items() if self._restored.get(object_id)}
        return bool(given_up)

    def _see_restored(self, gone: set[int], history: "History") -> None:
        """Find out of the objects that have gone since the last time whether a restore took them away."""
        self._restored = {object_id: was for object_id, was in self._restored.items() if object_id in gone}
        new = gone - self._restored.keys()
        away = history.restored_away(new)
        self._restored |= {object_id: object_id in away for object_id in new}

    def settle(self) -> Window | None:
        """Bring what waits and what is shown in step with the decisions; return where that changed something."""
        waiting = {item for item in self.table if self.outcome(item) == "pending"}
        moved = waiting ^ self.waiting
        self.waiting = waiting
        if self.shown is None or self.labels is None or not moved:
            return None
        touched = Window(0, 0, 0, 0)
        if len(moved) > MANY:
            for key in self.labels.tiles_with_any(moved):
                self.shown.exchange(key, _only(self.labels, key, waiting))
                touched = touched.union(self.labels.grid.window(key))
            return touched
        for item in moved:
            window = self.window(item)
            pixels, mine = self.shown.read(window), self.labels.read(window) == item
            pixels[mine] = item if item in waiting else 0
            self.shown.write(window, pixels)
            touched = touched.union(window)
        return touched


def _areas(
    proposals: LabelMap,
    objects: LabelMap,
    keys: Iterable[TileKey],
    position: Callable[[NDArray[np.integer]], NDArray[np.integer]],
    count: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how many pixels each proposal has, and on how many of them an object lies, by position."""
    areas, taken = np.zeros((2, count + 1), np.int64)
    for key in keys:
        mine, there = position(proposals.read(proposals.grid.window(key))), objects.tile(key)
        areas += np.bincount(mine.ravel(), minlength=count + 1)
        if there is not None:
            taken += np.bincount(mine[there != 0], minlength=count + 1)
    return areas, taken


def _paste_free(proposals: LabelMap, proposal_id: int, window: Window, onto: LabelMap, object_id: int) -> bool:
    """Paint the free pixels of a proposal, without crumbs; nothing when that would make a ring around an object."""
    mine = proposals.read(window) == proposal_id
    there: NDArray[np.int32] = onto.read(window)
    free = mine & (there == 0)
    if surrounds(mine, free):
        return False
    there[without_crumbs(free, CRUMB * np.count_nonzero(mine))] = object_id
    onto.write(window, there)
    return True


def _only(labels: LabelMap, key: TileKey, ids: Set[int]) -> NDArray[np.int32] | None:
    """Return a tile, read-only, in which only `ids` are left; ``None`` when nothing is."""
    here, tile = labels.values_in(key), labels.share(key)
    if tile is None or here <= ids:
        return tile
    kept = np.array(sorted(here & ids), labels.dtype)
    if not len(kept):
        return None
    only = np.where(np.isin(tile, kept), tile, labels.dtype.type(0))
    only.flags.writeable = False
    return only


def _count_free(proposals: LabelMap, objects: LabelMap, covered: float) -> int:
    area: Counter[int] = Counter()
    lies_on: Counter[int] = Counter()
    for key in proposals.keys():  # noqa: SIM118 - a method of the map, no mapping
        mine, there = proposals.tile(key), objects.tile(key)
        if mine is None:
            continue
        for count, pixels in ((area, mine), (lies_on, mine[there > 0] if there is not None else mine[:0])):
            ids, numbers = np.unique(pixels, return_counts=True)
            count.update(dict(zip(ids.tolist(), numbers.tolist(), strict=True)))
    fit = [item for item, size in area.items() if item and lies_on[item] < size and lies_on[item] <= covered * size]
    return sum(not lies_on[item] or not _rings(proposals, objects, item) for item in fit)


def _rings(proposals: LabelMap, objects: LabelMap, item: int) -> bool:
    window = bounds(proposals, item)
    mine = proposals.read(window) == item
    return surrounds(mine, mine & (objects.read(window) == 0))

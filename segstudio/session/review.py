"""Predictions as proposals: step through them, accept or reject; what a hand drew is never touched."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.core.tiles import TileKey, Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import without_crumbs
from segstudio.session.background import Background
from segstudio.session.predictions import Decisions, Prediction, Proposal, bounds, prediction_at, read_prediction

if TYPE_CHECKING:
    from segstudio.labels.transaction import Transaction
    from segstudio.project.changes import DocumentChange
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import Project

Outcome = Literal["pending", "accepted", "rejected"]

#: A proposal of which more than this lies on objects that exist is left alone.
COVERED = 0.5
#: Parts of a proposal that objects cut off, smaller than this fraction of it, are dropped.
CRUMB = 0.1


@dataclass(frozen=True)
class Accepted:
    """What became of proposals that were to be accepted.

    Attributes
    ----------
    objects
        Ids of the new objects, by proposal.
    left
        Proposals left as they are, because they lie on objects that exist already.
    """

    objects: dict[int, int]
    left: tuple[int, ...] = ()


class Review:
    """The proposals of the image in front.

    Parameters
    ----------
    project, document
        Return what is open, or ``None``.
    background
        Reads and writes files.
    """

    changed = Signal(object)
    """`Window` in which the proposals shown have changed; the whole image when others were loaded."""
    focused = Signal(object)
    """`Window` around the proposal that came into focus."""

    def __init__(
        self,
        project: "Callable[[], Project | None]",
        document: "Callable[[], ImageDocument | None]",
        background: Background,
    ) -> None:
        self.prediction: Prediction | None = None
        self.shown: LabelMap | None = None
        """The pending proposals by proposal id; ``None`` when nothing was predicted."""
        self.current = 0
        """Proposal in focus, 0 for none."""
        self._project = project
        self._document = document
        self._background = background
        self._connected: ImageDocument | None = None
        self._asked = 0
        self._labels: LabelMap | None = None
        self._proposals: dict[int, Proposal] = {}
        self._decisions = Decisions()
        self._waiting: set[int] = set()
        self._undone: set[int] = set()
        self._windows: dict[int, Window] = {}

    # -- what there is -----------------------------------------------------------------------------

    @property
    def total(self) -> int:
        """How many objects were predicted."""
        return len(self._proposals)

    @property
    def pending_count(self) -> int:
        """How many proposals wait for a decision."""
        return len(self._waiting)

    @property
    def rejected_count(self) -> int:
        """How many proposals were rejected."""
        return len(self._decisions.rejected)

    def proposal(self, proposal_id: int) -> Proposal:
        """Return one proposal; raise ``KeyError``."""
        return self._proposals[proposal_id]

    def pending(self) -> list[int]:
        """Return the proposals that wait, the most doubtful first."""
        return sorted(self._waiting, key=lambda item: (self._proposals[item].score, item))

    def outcome(self, proposal_id: int) -> Outcome:
        """Return what became of a proposal.

        An accepted one is pending again when the acceptance was undone; it stays settled when its object was
        merged into another or deleted since.
        """
        if proposal_id in self._decisions.rejected:
            return "rejected"
        accepted = proposal_id in self._decisions.accepted and proposal_id not in self._undone
        return "accepted" if accepted else "pending"

    # -- loading -----------------------------------------------------------------------------------

    def load(self, prediction: Prediction | None, *, begin: bool = False, if_there: bool = False) -> None:
        """Show the proposals of a prediction of the image in front; ``None`` shows none.

        Decoding again the prediction that is shown keeps the decisions about objects that stay the same. `begin`
        brings the most doubtful proposal into focus; `if_there` shows none when its file is gone.
        """
        document = self._document()
        self._follow(document)
        self._asked += 1
        asked = self._asked
        if prediction is None or document is None:
            self._take(None, None, {}, Decisions())
            return
        if self.prediction is not None and self.prediction.image_id != prediction.image_id:
            # Until the file is read, nothing of the image that was in front may be accepted into this one.
            self._take(None, None, {}, Decisions())
        shape = document.planes.labels.shape
        again = prediction == self.prediction
        labels_before, decisions_before = self._labels, self._decisions

        def read() -> tuple[LabelMap, dict[int, Proposal], Decisions] | None:
            if if_there and not prediction.exists:
                return None
            labels, proposals = read_prediction(prediction, shape)
            if again and labels_before is not None:
                return labels, proposals, decisions_before.carried(labels_before, labels)
            return labels, proposals, Decisions.read(prediction.review_file)

        def take(found: tuple[LabelMap, dict[int, Proposal], Decisions] | None) -> None:
            if asked != self._asked:
                return
            if found is None:
                self._take(None, None, {}, Decisions())
            else:
                self._take(prediction, *found)
                if begin:
                    self.focus(next(iter(self.pending()), 0))

        self._background.run(read, take, lane="review")

    def show_latest(self) -> None:
        """Show the newest prediction of the image in front, if it has one."""
        project, document = self._project(), self._document()
        if project is None or document is None:
            self.load(None)
            return
        entry = project.entry(document.entry.id)
        self.load(prediction_at(project, entry.predicted, entry) if entry.predicted else None, if_there=True)

    def predicted(self, image_id: str, run: str, *, begin: bool = True) -> None:
        """Take note of a new prediction, and show it when its image is in front; `begin` as in `load`."""
        project, document = self._project(), self._document()
        if project is None:
            return
        project.set_predicted(image_id, run)
        if document is not None and document.entry.id == image_id:
            self.load(prediction_at(project, run, project.entry(image_id)), begin=begin)

    # -- deciding ----------------------------------------------------------------------------------

    def accept(self, proposal_ids: Iterable[int], *, only_where_empty: bool = False) -> Accepted:
        """Make objects of proposals, as one edit that can be undone; an error leaves everything as it was.

        Pixels that belong to an object already stay with it; crumbs that this cuts off a proposal are dropped. A
        proposal that lies mostly on such pixels is left pending.

        Parameters
        ----------
        only_where_empty
            Leave every proposal that touches an object.
        """
        document = self._document()
        wanted = [item for item in proposal_ids if item in self._waiting]
        if document is None or document.editing or not wanted:
            return Accepted({})
        tx = document.begin("Accept proposal" if len(wanted) == 1 else f"Accept {len(wanted)} proposals")
        try:
            made = self._write(tx, document.planes.labels.snapshot(), wanted, 0.0 if only_where_empty else COVERED)
        except BaseException:
            tx.abort()
            raise
        self._decisions.accepted.update(made)
        tx.commit()
        self._settle()
        self._keep()
        return Accepted(made, tuple(item for item in wanted if item not in made))

    def accept_all(self) -> Accepted:
        """Accept every proposal that waits."""
        return self.accept(self.pending())

    def accept_only_where_empty(self) -> Accepted:
        """Accept the proposals that touch no object."""
        return self.accept(self.pending(), only_where_empty=True)

    def reject(self, proposal_ids: Iterable[int]) -> None:
        """Take proposals out of sight; `restore_rejected` brings them back."""
        self._check_writable()
        self._decisions.rejected.update(item for item in proposal_ids if item in self._waiting)
        self._settle()
        self._keep()

    def reject_all(self) -> None:
        """Reject every proposal that waits."""
        self.reject(self.pending())

    def restore_rejected(self) -> None:
        """Let all rejected proposals wait again."""
        self._check_writable()
        self._decisions.rejected.clear()
        self._settle()
        self._keep()

    def at(self, y: int, x: int) -> int:
        """Return the pending proposal at a pixel, 0 for none."""
        return self.shown.value(y, x) if self.shown is not None else 0

    # -- one after the other -----------------------------------------------------------------------

    def focus(self, proposal_id: int) -> None:
        """Bring one proposal into focus; 0 leaves it."""
        before, self.current = self.current, proposal_id if proposal_id in self._waiting else 0
        if self._labels is None:
            return
        for item in {before, self.current} - {0}:
            self.changed.emit(self._window(item))
        if self.current:
            self.focused.emit(self._window(self.current))

    def next_pending(self) -> None:
        """Go to the next doubtful proposal; after the last comes the first."""
        self._step(1)

    def previous_pending(self) -> None:
        """Go back to the proposal before."""
        self._step(-1)

    def accept_current(self) -> Accepted:
        """Accept the proposal in focus and go on to the next; the first call only brings one into focus."""
        return self._decide(lambda item: self.accept([item]))

    def reject_current(self) -> None:
        """Reject the proposal in focus and go on to the next."""

        def reject(item: int) -> Accepted:
            self.reject([item])
            return Accepted({})

        self._decide(reject)

    def edit_current(self) -> int:
        """Accept the proposal in focus without going on; return the new object's id, to select it."""
        current = self.current
        return self.accept([current]).objects.get(current, 0) if current else 0

    def _decide(self, decide: Callable[[int], Accepted]) -> Accepted:
        current = self.current
        if current not in self._waiting:
            self.next_pending()
            return Accepted({})
        order = self.pending()
        following = order[order.index(current) + 1 :] + order[: order.index(current)]
        made = decide(current)
        self.focus(next((item for item in following if item in self._waiting), 0))
        return made

    def _step(self, by: int) -> None:
        order = self.pending()
        if not order:
            self.focus(0)
        elif self.current in order:
            self.focus(order[(order.index(self.current) + by) % len(order)])
        else:
            self.focus(order[0 if by > 0 else -1])

    # -- keeping in step ---------------------------------------------------------------------------

    def _write(self, tx: "Transaction", after: LabelMap, wanted: Iterable[int], covered: float) -> dict[int, int]:
        """Make objects of proposals; return their ids by proposal.

        They are put together in `after`, beside the document, and written tile by tile: listeners hear of tiles, not
        of thousands of objects.
        """
        made, touched = {}, set[TileKey]()
        for proposal_id in wanted:
            object_id = tx.next_id()
            if self._paste(after, proposal_id, object_id, covered):
                tx.set_object(object_id, ObjectInfo(self._proposals[proposal_id].class_id, "model", "accepted"))
                made[proposal_id] = object_id
                touched.update(after.grid.keys(self._window(proposal_id)))
        for key in sorted(touched):
            tx.write("labels", after.grid.window(key), after.read(after.grid.window(key)))
        return made

    def _paste(self, onto: LabelMap, proposal_id: int, object_id: int, covered: float) -> bool:
        """Paint the free pixels of a proposal; nothing when more than `covered` of it is taken."""
        window = self._window(proposal_id)
        if self._labels is None or window.empty:
            return False
        mine = self._labels.read(window) == proposal_id
        there: NDArray[np.int32] = onto.read(window)
        free = mine & (there == 0)
        area, left = np.count_nonzero(mine), np.count_nonzero(free)
        if not left or area - left > covered * area:
            return False
        there[free if left == area else without_crumbs(free, CRUMB * area)] = object_id
        onto.write(window, there)
        return True

    def _follow(self, document: "ImageDocument | None") -> None:
        if document is self._connected:
            return
        if self._connected is not None:
            self._connected.changed.disconnect(self._on_document, missing_ok=True)
        if document is not None:
            document.changed.connect(self._on_document)
        self._connected = document

    def _on_document(self, change: "DocumentChange") -> None:
        if self._decisions.accepted and not change.live:
            self._settle()

    def _take(
        self,
        prediction: Prediction | None,
        labels: LabelMap | None,
        proposals: dict[int, Proposal],
        decisions: Decisions,
    ) -> None:
        self.prediction, self._labels, self._proposals, self._decisions = prediction, labels, proposals, decisions
        self.shown = labels.snapshot() if labels is not None else None
        self._waiting = set(proposals)
        self.current = 0
        self._undone, self._windows = set(), {}
        self._settle()
        document = self._document()
        self.changed.emit(Window.whole(document.planes.shape) if document else Window(0, 0, 0, 0))

    def _settle(self) -> None:
        """Bring what is shown in step with the decisions and with the objects of the document."""
        self._see_undone()
        waiting = {item for item in self._proposals if self.outcome(item) == "pending"}
        moved = waiting ^ self._waiting
        self._waiting = waiting
        if self.current not in waiting:
            self.current = 0
        if self.shown is None or self._labels is None or not moved:
            return
        touched = Window(0, 0, 0, 0)
        for item in moved:
            window = self._window(item)
            pixels, mine = self.shown.read(window), self._labels.read(window) == item
            pixels[mine] = item if item in waiting else 0
            self.shown.write(window, pixels)
            touched = touched.union(window)
        self.changed.emit(touched)

    def _see_undone(self) -> None:
        """Tell acceptances that were undone from objects that were deleted or merged later."""
        document = self._document()
        if document is None:
            return
        for proposal_id, object_id in list(self._decisions.accepted.items()):
            if object_id in document.planes.objects:
                self._undone.discard(proposal_id)
            elif document.history.can_redo:
                # Only an undo leaves something to redo; any other edit that took the object away was a decision.
                self._undone.add(proposal_id)
            elif proposal_id in self._undone:
                self._undone.discard(proposal_id)
                del self._decisions.accepted[proposal_id]

    def _check_writable(self) -> None:
        project = self._project()
        if project is not None:
            project.check_writable()

    def _window(self, proposal_id: int) -> Window:
        if proposal_id not in self._windows and self._labels is not None:
            self._windows[proposal_id] = bounds(self._labels, proposal_id)
        return self._windows[proposal_id]

    def _keep(self) -> None:
        if self.prediction is not None:
            path, content = (
                self.prediction.review_file,
                Decisions(set(self._decisions.rejected), dict(self._decisions.accepted)),
            )
            self._background.run(lambda: content.write(path), lane="review")

"""Predictions as proposals: step through them, accept or reject; what a hand drew is never touched."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.core.tiles import Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.session.background import Background
from segstudio.session.predictions import Decisions, Prediction, Proposal, bounds, prediction_at, read_prediction

if TYPE_CHECKING:
    from segstudio.labels.transaction import Transaction
    from segstudio.project.document import DocumentChange, ImageDocument
    from segstudio.project.project import Project

Outcome = Literal["pending", "accepted", "rejected"]

#: A proposal of which more than this lies on objects that exist is left alone.
COVERED = 0.5


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
        object_id, document = self._decisions.accepted.get(proposal_id), self._document()
        if object_id is None or document is None:
            return "pending"
        # Only an undo leaves something to redo; any other edit that took the object away was a decision.
        return "pending" if object_id not in document.planes.objects and document.history.can_redo else "accepted"

    # -- loading -----------------------------------------------------------------------------------

    def load(self, prediction: Prediction | None) -> None:
        """Show the proposals of a prediction of the image in front; ``None`` shows none.

        Decoding again the prediction that is shown keeps the decisions about objects that stay the same.
        """
        document = self._document()
        self._follow(document)
        self._asked += 1
        asked = self._asked
        if prediction is None or document is None:
            self._take(None, None, {}, Decisions())
            return
        shape = document.planes.labels.shape
        again = prediction == self.prediction
        labels_before, decisions_before = self._labels, self._decisions

        def read() -> tuple[LabelMap, dict[int, Proposal], Decisions]:
            labels, proposals = read_prediction(prediction, shape)
            if again and labels_before is not None:
                return labels, proposals, decisions_before.carried(labels_before, labels)
            return labels, proposals, Decisions.read(prediction.review_file)

        def take(found: tuple[LabelMap, dict[int, Proposal], Decisions]) -> None:
            if asked == self._asked:
                self._take(prediction, *found)

        self._background.run(read, take, lane="review")

    def show_latest(self) -> None:
        """Show the newest prediction of the image in front, if it has one."""
        project, document = self._project(), self._document()
        if project is None or document is None:
            self.load(None)
            return
        entry = project.entry(document.entry.id)
        prediction = prediction_at(project, entry.predicted, entry) if entry.predicted else None
        self.load(prediction if prediction is not None and prediction.labels.is_file() else None)

    def predicted(self, image_id: str, run: str) -> None:
        """Take note of a new prediction, and show it when its image is in front."""
        project, document = self._project(), self._document()
        if project is None:
            return
        project.set_predicted(image_id, run)
        if document is not None and document.entry.id == image_id:
            self.load(prediction_at(project, run, project.entry(image_id)))

    # -- deciding ----------------------------------------------------------------------------------

    def accept(self, proposal_ids: Iterable[int], *, only_where_empty: bool = False) -> Accepted:
        """Make objects of proposals, as one edit that can be undone.

        Pixels that belong to an object already stay with it. A proposal that lies mostly on such pixels is left
        pending.

        Parameters
        ----------
        only_where_empty
            Leave every proposal that touches an object.
        """
        document, labels = self._document(), self._labels
        wanted = [item for item in proposal_ids if item in self._waiting]
        if document is None or labels is None or not wanted:
            return Accepted({})
        tx = document.begin("Accept proposal" if len(wanted) == 1 else f"Accept {len(wanted)} proposals")
        made = {}
        for proposal_id in wanted:
            object_id = self._paste(tx, labels, self._proposals[proposal_id], 0.0 if only_where_empty else COVERED)
            if object_id:
                made[proposal_id] = object_id
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
        self._decisions.rejected.update(item for item in proposal_ids if item in self._waiting)
        self._settle()
        self._keep()

    def reject_all(self) -> None:
        """Reject every proposal that waits."""
        self.reject(self.pending())

    def restore_rejected(self) -> None:
        """Let all rejected proposals wait again."""
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
            self.changed.emit(bounds(self._labels, item))
        if self.current:
            self.focused.emit(bounds(self._labels, self.current))

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

    @staticmethod
    def _paste(tx: "Transaction", labels: LabelMap, proposal: Proposal, covered: float) -> int:
        window = bounds(labels, proposal.id)
        mine = labels.read(window) == proposal.id
        there: NDArray[np.int32] = tx.read("labels", window)
        free = mine & (there == 0)
        if not free.any() or mine.sum() - free.sum() > covered * mine.sum():
            return 0
        object_id = tx.next_id()
        there[free] = object_id
        tx.set_object(object_id, ObjectInfo(proposal.class_id, "model", "accepted"))
        tx.write("labels", window, there)
        return object_id

    def _follow(self, document: "ImageDocument | None") -> None:
        if document is self._connected:
            return
        if self._connected is not None:
            self._connected.changed.disconnect(self._on_document, missing_ok=True)
        if document is not None:
            document.changed.connect(self._on_document)
        self._connected = document

    def _on_document(self, _change: "DocumentChange") -> None:
        if self._decisions.accepted:
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
        self._settle()
        document = self._document()
        self.changed.emit(Window.whole(document.planes.shape) if document else Window(0, 0, 0, 0))

    def _settle(self) -> None:
        """Bring what is shown in step with the decisions and with the objects of the document."""
        waiting = {item for item in self._proposals if self.outcome(item) == "pending"}
        moved = waiting ^ self._waiting
        self._waiting = waiting
        if self.current not in waiting:
            self.current = 0
        if self.shown is None or self._labels is None or not moved:
            return
        touched = Window(0, 0, 0, 0)
        for item in moved:
            window = bounds(self._labels, item)
            pixels, mine = self.shown.read(window), self._labels.read(window) == item
            pixels[mine] = item if item in waiting else 0
            self.shown.write(window, pixels)
            touched = touched.union(window)
        self.changed.emit(touched)

    def _keep(self) -> None:
        if self.prediction is not None:
            path, content = (
                self.prediction.review_file,
                Decisions(set(self._decisions.rejected), dict(self._decisions.accepted)),
            )
            self._background.run(lambda: content.write(path), lane="review")

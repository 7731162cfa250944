"""Predictions as proposals: show them, accept or reject; what a hand drew is never touched."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.tiles import Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.restore_points import restore_point
from segstudio.session.background import Background
from segstudio.session.predictions import Decisions, Prediction, Proposal, prediction_at, read_prediction
from segstudio.session.proposals import Outcome, Proposals

if TYPE_CHECKING:
    from segstudio.project.changes import DocumentChange
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import Project

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
        self.current = 0
        """Proposal in focus, 0 for none."""
        self._project = project
        self._document = document
        self._background = background
        self._connected: ImageDocument | None = None
        self._asked = 0
        self._proposals = Proposals(None, {}, Decisions())

    @property
    def shown(self) -> LabelMap | None:
        """The pending proposals by proposal id; ``None`` when nothing was predicted."""
        return self._proposals.shown

    @property
    def total(self) -> int:
        """How many objects were predicted."""
        return len(self._proposals.table)

    @property
    def pending_count(self) -> int:
        """How many proposals wait for a decision."""
        return len(self._proposals.waiting)

    @property
    def rejected_count(self) -> int:
        """How many proposals were rejected."""
        return len(self._proposals.decisions.rejected)

    def proposal(self, proposal_id: int) -> Proposal:
        """Return one proposal; raise ``KeyError``."""
        return self._proposals.table[proposal_id]

    def classes(self) -> dict[int, int]:
        """Return the class of each proposal, by its id."""
        return {proposal.id: proposal.class_id for proposal in self._proposals.table.values()}

    def pending(self) -> list[int]:
        """Return the proposals that wait, the most doubtful first."""
        return self._proposals.pending()

    def outcome(self, proposal_id: int) -> Outcome:
        """Return what became of a proposal (see `Proposals.outcome`)."""
        return self._proposals.outcome(proposal_id)

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
            self._take(None)
            return
        if self.prediction is not None and self.prediction.image_id != prediction.image_id:
            # Until the file is read, nothing of the image that was in front may be accepted into this one.
            self._take(None)
        shape = document.planes.labels.shape
        again = prediction == self.prediction
        before = self._proposals

        def read() -> Proposals | None:
            if if_there and not prediction.exists:
                return None
            labels, table = read_prediction(prediction, shape)
            if again and before.labels is not None:
                return Proposals(labels, table, before.decisions.carried(before.labels, labels))
            return Proposals(labels, table, Decisions.read(prediction.review_file))

        def take(found: Proposals | None) -> None:
            if asked != self._asked:
                return
            if found is None:
                self._take(None)
            else:
                self._take(prediction, found)
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

    def accept(self, proposal_ids: Iterable[int], *, only_where_empty: bool = False) -> Accepted:
        """Make objects of proposals, as one edit that can be undone; an error leaves everything as it was.

        Pixels that belong to an object already stay with it; crumbs that this cuts off a proposal are dropped. A
        proposal that lies mostly on such pixels, or around an object, is left pending.

        Parameters
        ----------
        only_where_empty
            Leave every proposal that touches an object.
        """
        document = self._document()
        wanted = [item for item in proposal_ids if item in self._proposals.waiting]
        if document is None or document.editing or not wanted:
            return Accepted({})
        name = "Accept proposal" if len(wanted) == 1 else f"Accept {len(wanted)} proposals"
        tx = document.begin(name, restore_point=restore_point(name, len(wanted)))
        try:
            made = self._proposals.write(tx, wanted, 0.0 if only_where_empty else COVERED)
        except BaseException:
            tx.abort()
            raise
        self._proposals.decisions.accepted.update(made)
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

    def count_free(self, then: Callable[[int], None]) -> None:
        """Call `then` with how many proposals `accept_all` would accept now; they are counted on a thread."""
        document, asked = self._document(), self._proposals
        if document is None:
            return
        count = asked.free(document.planes.labels, COVERED)
        self._background.run(count, lambda free: then(free) if asked is self._proposals else None, lane="review")

    def reject(self, proposal_ids: Iterable[int]) -> None:
        """Take proposals out of sight; `restore_rejected` brings them back."""
        self._check_writable()
        waiting = self._proposals.waiting
        self._proposals.decisions.rejected.update(item for item in proposal_ids if item in waiting)
        self._settle()
        self._keep()

    def reject_all(self) -> None:
        """Reject every proposal that waits."""
        self.reject(self.pending())

    def restore_rejected(self) -> None:
        """Let all rejected proposals wait again."""
        self._check_writable()
        self._proposals.decisions.rejected.clear()
        self._settle()
        self._keep()

    def at(self, y: int, x: int) -> int:
        """Return the pending proposal at a pixel, 0 for none."""
        return self.shown.value(y, x) if self.shown is not None else 0

    def focus(self, proposal_id: int) -> None:
        """Bring one proposal into focus; 0 leaves it."""
        before, self.current = self.current, proposal_id if proposal_id in self._proposals.waiting else 0
        if self.shown is None:
            return
        for item in {before, self.current} - {0}:
            self.changed.emit(self._proposals.window(item))
        if self.current:
            self.focused.emit(self._proposals.window(self.current))

    def _follow(self, document: "ImageDocument | None") -> None:
        if document is self._connected:
            return
        if self._connected is not None:
            self._connected.changed.disconnect(self._on_document, missing_ok=True)
        if document is not None:
            document.changed.connect(self._on_document)
        self._connected = document

    def _on_document(self, change: "DocumentChange") -> None:
        if self._proposals.decisions.accepted and not change.live:
            self._settle()

    def _take(self, prediction: Prediction | None, proposals: Proposals | None = None) -> None:
        self.prediction = prediction
        self._proposals = proposals or Proposals(None, {}, Decisions())
        self.current = 0
        self._settle()
        document = self._document()
        self.changed.emit(Window.whole(document.planes.shape) if document else Window(0, 0, 0, 0))

    def _settle(self) -> None:
        """Bring what is shown in step with the decisions and with the objects of the document."""
        document = self._document()
        if document is not None and self._proposals.see_undone(document.planes.objects, document.history.undone()):
            self._keep()
        touched = self._proposals.settle()
        if self.current not in self._proposals.waiting:
            self.current = 0
        if touched is not None:
            self.changed.emit(touched)

    def _check_writable(self) -> None:
        project = self._project()
        if project is not None:
            project.check_writable()

    def _keep(self) -> None:
        if self.prediction is not None:
            path, decisions = self.prediction.review_file, self._proposals.decisions
            content = Decisions(set(decisions.rejected), dict(decisions.accepted))
            self._background.run(lambda: content.write(path), lane="review")

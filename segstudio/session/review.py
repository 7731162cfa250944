"""Predictions as proposals: show them, accept or reject; what a hand drew is never touched."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.tiles import Window
from segstudio.labels.label_map import LabelMap
from segstudio.project.manifest import image_and_plane
from segstudio.session.acceptance import Acceptance, Accepted
from segstudio.session.background import Background
from segstudio.session.edits_ahead import EditsAhead, Wish
from segstudio.session.predictions import Decisions, Prediction, Proposal, prediction_at, read_prediction
from segstudio.session.proposals import MANY, Outcome, Proposals

if TYPE_CHECKING:
    from segstudio.project.changes import DocumentChange
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import Project

#: A proposal of which more than this lies on objects that exist is left alone.
COVERED = 0.5


class Review:
    """The proposals of the image in front.

    Parameters
    ----------
    project, document
        Return what is open, or ``None``.
    background
        Reads and writes files.
    ahead
        Works out acceptances of many; ``None`` does them in place.
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
        ahead: EditsAhead | None = None,
    ) -> None:
        self.prediction: Prediction | None = None
        self.current = 0
        """Proposal in focus, 0 for none."""
        self.accepting = False
        """Whether many are being accepted."""
        self._project = project
        self._document = document
        self._background = background
        self._ahead = ahead
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
        place = prediction_at(project, entry.predicted, entry, document.plane) if entry.predicted else None
        self.load(place, if_there=True)

    def predicted(self, plane_id: str, run: str, *, begin: bool = True) -> None:
        """Take note of a new prediction, and show it when its image, or plane, is in front; `begin` as in `load`."""
        project, document = self._project(), self._document()
        if project is None:
            return
        image_id, plane = image_and_plane(plane_id)
        project.set_predicted(image_id, run)
        if document is not None and (document.entry.id, document.plane) == (image_id, plane):
            self.load(prediction_at(project, run, project.entry(image_id), plane), begin=begin)

    def accept(self, proposal_ids: Iterable[int]) -> Accepted:
        """Make objects of proposals, as one edit that can be undone; an error leaves everything as it was.

        Pixels that belong to an object already stay with it; crumbs that this cuts off a proposal are dropped. A
        proposal that lies mostly on such pixels, or around an object, is left pending.
        """
        return self._accept(self._accepting(proposal_ids, COVERED))

    def accept_all(self, then: Callable[[Accepted], object] = lambda accepted: None) -> None:
        """Accept every proposal that waits, and call `then`; many are worked out on a thread before."""
        self._accept_waiting(COVERED, then)

    def accept_only_where_empty(self, then: Callable[[Accepted], object] = lambda accepted: None) -> None:
        """Accept the proposals that touch no object, as `accept_all` does."""
        self._accept_waiting(0.0, then)

    def _accepting(self, proposal_ids: Iterable[int], covered: float) -> Acceptance | None:
        document = self._document()
        wanted = [item for item in proposal_ids if item in self._proposals.waiting]
        possible = wanted and document is not None and not document.editing
        return Acceptance(self._proposals, wanted, covered) if possible else None

    def _accept(self, edit: Acceptance | None) -> Accepted:
        document = self._document()
        if document is None or edit is None:
            return Accepted({})
        tx = document.begin(edit.name, restore_point=edit.restore_point)
        try:
            edit.apply(tx)
        except BaseException:
            tx.abort()
            raise
        self._proposals.decisions.accepted.update(edit.made)
        tx.commit()
        self._settle()
        self._keep()
        return edit.accepted

    def _accept_waiting(self, covered: float, then: Callable[[Accepted], object]) -> None:
        document, many = self._document(), len(self._proposals.waiting) > MANY

        def edit() -> Acceptance | None:
            return self._accepting(self.pending(), covered)

        def done(accepted: Acceptance, _record: object) -> None:
            self.accepting = False
            self._proposals.decisions.accepted.update(accepted.made)
            self._settle()
            self._keep()
            then(accepted.accepted)

        def given_up() -> None:
            self.accepting = False

        # Another set of those that wait comes with each decision.
        wish = Wish(edit, done, lambda: self._proposals.waiting, given_up, seen=True)
        if many and document is not None and self._ahead is not None and not document.read_only:
            self.accepting = True
            if self._ahead.apply(document, wish):
                return
            self.accepting = False
        then(self._accept(edit()))

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
            self._connected.turned.disconnect(self._on_turned, missing_ok=True)
        if document is not None:
            document.changed.connect(self._on_document)
            document.turned.connect(self._on_turned)
        self._connected = document

    def _on_turned(self, _plane: int) -> None:
        self.show_latest()

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
        if document is not None and self._proposals.see_undone(document.planes.objects, document.history):
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

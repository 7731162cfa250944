"""What a model proposes for the image in front: how many wait, all at once or one by one."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QProgressBar, QWidget

from segstudio.gui.forms.parts import Section, button, caption, row, tool_button
from segstudio.gui.keys_in_use import in_brackets, key_of, name_keys
from segstudio.session.acceptance import LEFT, Accepted
from segstudio.session.notice import Notice
from segstudio.session.session import Session

#: Counted again at most so often, milliseconds.
_PAUSE_MS = 150


class Proposals(Section):
    """Counter and buttons of the review; keys are bound by the window."""

    keys_left = Signal()
    """The button that had the keys can do no more: they are for the image, not for the button beside it."""

    def __init__(self, session: Session) -> None:
        super().__init__(" ")
        self._session = session
        self._review, self._walk = session.review, session.walk
        self._left = -1
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._focus = caption(role="")
        self._focus.setToolTip(
            self.tr(
                "How clear the object is as a whole, 0 to 1: it puts the proposals in order. The threshold judges "
                "single pixels, so that objects above it may have a lower score."
            )
        )
        self._keys = caption()
        self._accept = button(self.tr("Accept"), self.accept_current, "check")
        self._reject = button(self.tr("Reject"), self._walk.reject_current, "x")
        self._edit = button(self.tr("Edit"), self.edit_current, "pencil-simple")
        self._previous = tool_button("caret-up", "", self._walk.previous_pending)
        self._next = tool_button("caret-down", "", self._walk.next_pending)
        name_keys(self, self._name_keys)
        self._accept_all = button("", self.accept_all, "checks", primary=True)
        self._accept_empty = button(self.tr("Accept where empty"), self.accept_where_empty)
        self._accept_empty.setToolTip(self.tr("Only proposals that touch no object you have"))
        self._reject_all = button(self.tr("Reject all"), self._review.reject_all)
        self._restore = button("", self._review.restore_rejected, "arrow-counter-clockwise")
        for widget in (self._bar, self._accept_all):
            self.body.addWidget(widget)
        self.body.addLayout(row(self._accept_empty, self._reject_all, stretch=0))
        self.body.addLayout(row(self._focus, self._previous, self._next, stretch=0))
        decide = row(self._accept, self._reject, self._edit)
        for number in range(3):
            decide.setStretch(number, 1)
        self.body.addLayout(decide)
        self.body.addWidget(self._keys)
        self.body.addWidget(self._restore)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(lambda: self._review.count_free(self._show_free))
        self._review.changed.connect(self._on_changed)
        session.image_changed.connect(self._on_changed)
        session.ahead.changed.connect(self.refresh)
        self.refresh()

    def accept_all(self) -> None:
        """Accept all proposals; say what was left and why."""
        self._review.accept_all(self._say)

    def accept_where_empty(self) -> None:
        """Accept the proposals that touch no object."""
        self._review.accept_only_where_empty(self._say)

    def accept_current(self) -> None:
        """Accept the proposal in focus."""
        self._say(self._walk.accept_current())

    def edit_current(self) -> None:
        """Accept the proposal in focus and select it, to be changed with any tool."""
        made = self._walk.edit_current()
        self._say(made)
        for object_id in made.objects.values():
            self._session.view.selected = frozenset({object_id})
            self._session.view.current_object = object_id
            self._session.view.tool = "brush"

    def refresh(self) -> None:
        """Bring counter and buttons up to date."""
        total, left, current = self._review.total, self._review.pending_count, self._review.current
        self.setVisible(self._review.prediction is not None)
        self.title.setText(self.tr("Proposals: {0} of {1} left").format(left, total))
        self._bar.setRange(0, max(1, total))
        self._bar.setValue(total - left)
        if left != self._left:  # how many of them are free is counted on a thread
            self._left = left
            self._accept_all.setText(self.tr("Accept all") if left else self.tr("All decided"))
            self._accept_all.setToolTip("")
        accepting = self._review.accepting
        if accepting:
            self._left = -1
            self._accept_all.setText(self.tr("Accepting …"))
        elif left:
            self._timer.start(_PAUSE_MS)
        for widget in (self._accept_all, self._accept_empty, self._reject_all):
            self._enable(widget, left > 0 and not accepting)
        for one in (self._accept, self._reject, self._edit):
            self._enable(one, current > 0 and not accepting)
            one.setVisible(left > 0)
        for arrow in (self._previous, self._next):
            arrow.setVisible(left > 0)
        self._focus.setText(self._describe(current) if current else self.tr("Look at them one by one:"))
        self._focus.setVisible(left > 0)
        self._keys.setVisible(left > 0)
        rejected = self._review.rejected_count
        self._restore.setVisible(rejected > 0)
        self._restore.setText(self.tr("Bring back {0} rejected").format(rejected))

    def _name_keys(self) -> None:
        """Say which keys do what the buttons do."""
        keys = [key_of(f"review.{verb}") for verb in ("accept", "reject", "previous", "next")]
        words = self.tr("{0} accepts, {1} rejects, {2} and {3} move on; doubtful ones first.")
        self._keys.setText(words.format(*keys) if all(keys) else self.tr("Doubtful ones first."))
        self._previous.setToolTip(self.tr("Previous proposal") + in_brackets("review.previous"))
        self._next.setToolTip(self.tr("Next proposal") + in_brackets("review.next"))

    def _show_free(self, free: int) -> None:
        """Say how many will really be accepted: those that do not lie on objects."""
        left = self._review.pending_count
        if not left or self._review.accepting:
            return
        all_of = self.tr("Accept all {0}").format(left)
        self._accept_all.setText(
            all_of
            if free == left
            else self.tr("Accept {0} of {1}").format(free, left)
            if free
            else self.tr("None is free to accept")
        )
        self._accept_all.setToolTip(
            "" if free == left else self.tr("The other {0} lie on objects that you have").format(left - free)
        )
        self._enable(self._accept_all, free > 0)

    def _enable(self, widget: QWidget, possible: bool) -> None:
        """Let `widget` be pressed, or not; Qt would hand its keys to the next button, which does something else."""
        if not possible and widget.hasFocus():
            self.keys_left.emit()
        widget.setEnabled(possible)

    def counter(self) -> str:
        """Return what is said about how many are left."""
        return self.title.text()

    def _describe(self, proposal_id: int) -> str:
        proposal, project = self._review.proposal(proposal_id), self._session.project
        names = {item.id: item.name for item in project.classes.classes} if project else {}
        name = names.get(proposal.class_id, self.tr("object"))
        return self.tr("Proposal {0}: {1}, score {2:.2f}").format(proposal_id, name, proposal.score)

    def _say(self, accepted: Accepted) -> None:
        if accepted.left:
            says = (
                self.tr("1 proposal was left: it lies on objects that you have.")
                if len(accepted.left) == 1
                else self.tr("{0} proposals were left: they lie on objects that you have.").format(len(accepted.left))
            )
            hint = self.tr("Delete the old object first where the proposal is better, or reject all that is left.")
            document = self._session.document
            image = document.entry.id if document is not None else ""
            self._session.noticed.emit(Notice(says, hint, about=LEFT, image=image))

    def _on_changed(self, _window: object) -> None:
        self.refresh()

"""The objects of the image in front that somebody has to look at: how many are left, one after the other."""

from PySide6.QtWidgets import QProgressBar

from segstudio.gui.forms.parts import Section, button, caption, row, tool_button
from segstudio.gui.keys_in_use import in_brackets, key_of, name_keys
from segstudio.gui.panels.object_table import STATE_MARKS
from segstudio.gui.theme import icon
from segstudio.session.session import Session


class ObjectReview(Section):
    """Counter and buttons of the review of objects; keys are bound by the window. Hidden while nothing waits."""

    def __init__(self, session: Session) -> None:
        super().__init__(" ")
        self._session, self._walk = session, session.object_walk
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(4)
        self._says = caption(role="")
        self._keys = caption()
        self._accept = button(self.tr("Accept"), self._walk.accept, "check")
        self._doubt = button(self.tr("Suspicious"), self._walk.doubt)
        self._doubt.setIcon(icon(*STATE_MARKS["suspicious"]))
        self._previous = tool_button("caret-up", "", self._walk.previous)
        self._next = tool_button("caret-down", "", self._walk.next)
        self.body.addWidget(self._bar)
        self.body.addLayout(row(self._says, self._previous, self._next, stretch=0))
        decide = row(self._accept, self._doubt)
        for number in range(2):
            decide.setStretch(number, 1)
        self.body.addLayout(decide)
        self.body.addWidget(self._keys)
        name_keys(self, self._name_keys)
        self._walk.changed.connect(self.refresh)
        session.document_changed.connect(lambda _document: self.refresh())
        self.refresh()

    def refresh(self) -> None:
        """Bring counter and buttons up to date."""
        walk, document = self._walk, self._session.document
        done = walk.total - walk.left
        self.setVisible(document is not None and walk.total > 0)
        self.title.setText(self.tr("Objects reviewed: {0} of {1}").format(f"{done:,}", f"{walk.total:,}"))
        self._bar.setRange(0, max(1, walk.total))
        self._bar.setValue(done)
        self._says.setText(self._words())
        can = document is not None and not document.read_only and walk.left > 0
        for widget in (self._accept, self._doubt):
            widget.setEnabled(can)

    def _words(self) -> str:
        walk, document = self._walk, self._session.document
        info = document.stack.objects.get(walk.current) if document is not None else None
        if info is not None and walk.left:
            return self.tr("Object {0}: {1}").format(walk.current, info.state)
        if walk.left:
            return self.tr("Look at them one by one:")
        if walk.suspicious:
            return self.tr("All are looked at, {0} suspicious.").format(f"{walk.suspicious:,}")
        return self.tr("All objects of this image are accepted.")

    def _name_keys(self) -> None:
        """Say which keys do what the buttons do."""
        ids = ("objects.accept", "objects.doubt", "objects.next", "objects.previous")
        keys = [key_of(action_id) for action_id in ids]
        words = self.tr("{0} accepts, {1} marks as suspicious, {2} and {3} move on.")
        self._keys.setText(words.format(*keys) if all(keys) else "")
        self._keys.setVisible(all(keys))
        self._previous.setToolTip(self.tr("Previous object to review") + in_brackets("objects.previous"))
        self._next.setToolTip(self.tr("Next object to review") + in_brackets("objects.next"))

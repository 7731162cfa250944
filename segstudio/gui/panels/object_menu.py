"""What can be done with chosen objects: their state, their class, deleting them. One step of undo each."""

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

from segstudio.gui.panels.object_table import STATE_MARKS
from segstudio.gui.theme import icon
from segstudio.labels.edits import Delete, Edit, Relabel
from segstudio.labels.objects import ReviewState
from segstudio.labels.state_edit import SetState
from segstudio.session.session import Session


class ObjectMenu(QMenu):
    """The menu for the objects `ids` of the image in front."""

    def __init__(self, session: Session, ids: frozenset[int], parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._ids = session, tuple(sorted(ids))
        document, project = session.document, session.project
        self._possible = bool(ids) and document is not None and not document.read_only
        words: dict[ReviewState, str] = {
            "accepted": self.tr("Accept"),
            "suspicious": self.tr("Mark as suspicious"),
            "unreviewed": self.tr("Mark as unreviewed"),
        }
        for state, text in words.items():
            self._offer(self, text, SetState(self._ids, state)).setIcon(icon(*STATE_MARKS[state]))
        self.addSeparator()
        classes = self.addMenu(self.tr("Class"))
        classes.setEnabled(self._possible)
        for item in project.classes.classes if project is not None else ():
            self._offer(classes, item.name.replace("&", "&&"), Relabel(self._ids, item.id))
        self.addSeparator()
        one = self.tr("Delete") if len(ids) == 1 else self.tr("Delete {0} objects").format(f"{len(ids):,}")
        self._offer(self, one, Delete(self._ids)).setIcon(icon("trash"))

    def _offer(self, menu: QMenu, text: str, edit: Edit) -> QAction:
        action = QAction(text, menu)
        action.setEnabled(self._possible)
        action.triggered.connect(lambda _checked=False: change_objects(self._session, edit))
        menu.addAction(action)
        return action


def change_objects(session: Session, edit: Edit) -> None:
    """Do an edit on the image in front; one of thousands of objects is worked out on a thread."""
    if session.document is not None and not session.document.read_only:
        session.ahead.do(session.document, edit)

"""The history of an image: earlier states to look at and to go back to."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QModelIndex, QObject, QSize, Qt, QTimer
from PySide6.QtWidgets import QDialog, QHBoxLayout, QListView, QStackedWidget, QVBoxLayout, QWidget

from segstudio.gui.dialogs.history_preview import HistoryPreview, shades
from segstudio.gui.dialogs.history_rows import HistoryRowDelegate, HistoryRows
from segstudio.gui.forms.parts import EmptyState, button, caption, on_theme, row
from segstudio.gui.reading_only import allow, why_grey
from segstudio.gui.theme import SPACING
from segstudio.labels.restoring import NAME
from segstudio.project.snapshot_file import Snapshot
from segstudio.session.earlier_states import Preview
from segstudio.session.session import Session

_SIZE = QSize(880, 560)
_LIST_WIDTH = 300
_EMPTY, _STATES = range(2)
#: A pointer that only passes over a row asks for nothing, milliseconds; after an edit what would change is new.
_REST_MS, _EDITED_MS = 120, 400


class HistoryDialog(QDialog):
    """Stays open beside the image, and follows the one in front.

    Parameters
    ----------
    finish_stroke
        Ends a stroke that is being painted.
    """

    def __init__(self, session: Session, finish_stroke: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("history")
        self.setWindowTitle(self.tr("History"))
        self._session = session
        self._finish_stroke = finish_stroke
        self._asked = 0
        self._pointed: Snapshot | None = None
        self._as_now: Snapshot | None = None
        self._empty = EmptyState("clock-counter-clockwise")
        self._rows = HistoryRows(session, self)
        self.preview = HistoryPreview()
        self.list = self._make_list()
        self.restore = button(self.tr("Restore"), self._restore, "clock-counter-clockwise", primary=True)
        self.restore.setDefault(True)
        self.undo = button(self.tr("Undo the restore"), self._undo, "arrow-u-up-left")
        self.undo.setAutoDefault(False)
        self._about = caption("")
        self._pages = QStackedWidget()
        self._lay_out()
        self._rest = self._timer(_REST_MS, self._ask)
        self._edited = self._timer(_EDITED_MS, self._ask)
        on_theme(self, self._on_theme)
        self.finished.connect(self._end)
        session.earlier.changed.connect(self._show_states)
        session.document_changed.connect(self._on_document)
        session.front.saved.connect(session.earlier.look)
        session.image_changed.connect(self._on_edited)
        session.project_changed.connect(self._on_project)
        session.earlier.look()
        self._show_states()

    def chosen(self) -> Snapshot | None:
        """Return the state that *Restore* goes back to."""
        return self._rows.state(self.list.currentIndex().row())

    def says(self) -> str:
        """Return what is said instead of a list."""
        return self._empty.text() if self._pages.currentIndex() == _EMPTY else ""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Preview what is chosen again when the pointer leaves the list."""
        if event.type() == QEvent.Type.Leave and watched is self.list.viewport():
            self._point_at(None)
        return super().eventFilter(watched, event)

    def _make_list(self) -> QListView:
        made = QListView()
        made.setObjectName("earlier-states")
        made.setModel(self._rows)
        made.setItemDelegate(HistoryRowDelegate(made))
        made.setMouseTracking(True)
        made.setFixedWidth(_LIST_WIDTH)
        made.setUniformItemSizes(True)
        made.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        made.setAccessibleName(self.tr("Earlier states"))
        made.entered.connect(lambda index: self._point_at(self._rows.state(index.row())))
        made.viewport().installEventFilter(self)
        made.selectionModel().currentChanged.connect(self._on_chosen)
        return made

    def _lay_out(self) -> None:
        states = QWidget()
        line = QHBoxLayout(states)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(2 * SPACING)
        line.addWidget(self.list)
        right = QVBoxLayout()
        right.setSpacing(SPACING)
        right.addWidget(self.preview, 1)
        line.addLayout(right, 1)
        nothing = QWidget()
        middle = QVBoxLayout(nothing)
        middle.addStretch(1)
        middle.addWidget(self._empty)
        middle.addStretch(1)
        self._pages.addWidget(nothing)
        self._pages.addWidget(states)
        column = QVBoxLayout(self)
        column.setSpacing(SPACING)
        column.addWidget(self._pages, 1)
        column.addLayout(row(self._about, self.undo, self.restore, stretch=0))
        self.resize(_SIZE)

    def _timer(self, pause: int, call: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(pause)
        timer.timeout.connect(call)
        return timer

    def _show_states(self) -> None:
        image, states = self._session.earlier.image, self._session.earlier.states
        before = self.chosen()
        self._rows.show_states(states or (), image.id if image is not None else "")
        self._pages.setCurrentIndex(_STATES if states else _EMPTY)
        self._about.setVisible(bool(states))
        self._about.setText(
            self.tr("The project is open for reading only: nothing can be restored in it.")
            if why_grey(self._session)
            else self.tr(
                "The labels of this image are damaged. Restore opens it again; the damaged file is kept beside."
            )
            if self._session.earlier.damaged
            else self.tr(
                "Kept: the last ten, and the last of each of 30 days. A restore is an edit: Undo takes it back."
            )
        )
        name = image.name if image is not None else ""
        self.setWindowTitle(self.tr("History of {0}").format(name) if name else self.tr("History"))
        if image is None:
            self._empty.say(self.tr("No image is open."))
        elif states is None:
            self._empty.say(self.tr("Looking for earlier states …"))
        elif self._session.earlier.damaged:
            self._empty.say(
                self.tr(
                    "There is no earlier state of {0}. Restore its label file from a backup, or move that file out of "
                    "the project to label the image anew."
                ).format(name)
            )
        else:
            self._empty.say(
                self.tr(
                    "There is no earlier state of {0} yet. One is kept for every ten minutes of work, and one before "
                    "each large change: accepting many proposals, importing a mask, removing a class, deleting many "
                    "objects. Single strokes are taken back with Undo, also tomorrow."
                ).format(name)
            )
        wanted = self._rows.row_of(before.number) if before is not None else 0
        self.list.setCurrentIndex(self._rows.index(max(0, wanted)))
        self._pointed = self._as_now = None
        self._show_buttons()
        self._ask()

    def _on_chosen(self, _now: QModelIndex, _before: QModelIndex) -> None:
        self._pointed = self._as_now = None
        self._show_buttons()
        self._ask()

    def _point_at(self, state: Snapshot | None) -> None:
        self._pointed = state
        self._rest.start()

    def _ask(self) -> None:
        """Preview the state under the pointer, or the one that is chosen."""
        self._rest.stop()
        self._edited.stop()
        self._asked += 1
        mine, state = self._asked, self._pointed or self.chosen()
        if state is None:
            self.preview.show_preview(None)
            return
        self.preview.wait_for(f"{self._rows.title(state)} · {self._rows.when(state)}")
        self._session.earlier.preview(
            state.number,
            self.preview.wanted_size,
            shades(),
            lambda preview: self._show_preview(state, preview),
            lambda: mine == self._asked,
        )

    def _show_preview(self, state: Snapshot, preview: Preview) -> None:
        found = preview.changes
        if state == self.chosen():
            # An image that cannot be opened does not have these labels, even where they are none.
            self._as_now = state if not (found or self._session.earlier.damaged) else None
            self._show_buttons()
        self.preview.show_preview(preview, state.objects - len(found.back) - len(found.other))

    def _restore(self) -> None:
        state = self.chosen()
        if state is not None:
            self._finish_stroke()
            self._session.earlier.restore(state.number)

    def _undo(self) -> None:
        self._finish_stroke()
        if self._session.document is not None:
            self._session.steps.undo(self._session.document)

    def _show_buttons(self) -> None:
        document, as_now = self._session.document, self._as_now is not None
        tip = (
            self.tr("The labels are like that now.")
            if as_now
            else self.tr("Labels, regions and classes become what they were; the state of now is kept here first")
        )
        allow(self.restore, self._session, possible=self.chosen() is not None and not as_now, tip=tip)
        self.restore.setVisible(bool(self._rows.rowCount()))
        self.undo.setVisible(document is not None and document.can_undo and document.history.undo_name == NAME)

    def _on_edited(self, _image_id: str) -> None:
        self._as_now = None
        self._show_buttons()
        self._edited.start()

    def _on_document(self, _document: object) -> None:
        if self._session.project is not None:
            self._session.earlier.look()
            self._show_states()

    def _on_theme(self) -> None:
        self._rows.paint_anew()
        self._ask()

    def _on_project(self, _project: object) -> None:
        self._end()  # a dialog that is hidden already, as its window is, closes without a word
        self.close()

    def _end(self) -> None:
        self._asked += 1
        self._rest.stop()
        self._edited.stop()
        session = self._session
        for signal, slot in (
            (session.earlier.changed, self._show_states),
            (session.document_changed, self._on_document),
            (session.front.saved, session.earlier.look),
            (session.image_changed, self._on_edited),
            (session.project_changed, self._on_project),
        ):
            signal.disconnect(slot, missing_ok=True)

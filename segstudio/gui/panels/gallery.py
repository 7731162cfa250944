"""The objects of the plane in front as small pictures: sort, keep, mark, fix, delete, one or many at once."""

from collections.abc import Callable

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QImage, QShowEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedLayout, QToolButton, QVBoxLayout, QWidget

from segstudio.gui.bind import follow
from segstudio.gui.figure_words import figure_name, figure_text
from segstudio.gui.forms.parts import ElidedLabel, EmptyState, on_theme, tool_button
from segstudio.gui.panels.crop_grid import SIDE, Cell, CropGrid
from segstudio.gui.panels.object_menu import ObjectMenu, change_objects
from segstudio.gui.panels.object_table import STATE_MARKS
from segstudio.gui.theme import icon
from segstudio.labels.edits import Delete, Edit
from segstudio.labels.objects import ReviewState
from segstudio.labels.state_edit import SetState
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.session.object_crops import ObjectCrops
from segstudio.session.object_order import FIGURES, ordered
from segstudio.session.session import Session

#: More changed objects than these are put in order anew.
_MANY = 200


class GalleryPanel(QWidget):
    """Pictures of objects; the selection is that of the canvas and the table."""

    fix_wanted = Signal(int)
    """Id of an object that the user wants to see on the canvas, to correct it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._document: ImageDocument | None = None
        self._crops = ObjectCrops(session.background, SIDE, lambda: session.view.display)
        self._stale, self._unmeasured, self._asked = True, False, 0
        key = Qt.Key
        accept, delete = (lambda: self.mark("accepted")), self.delete
        keys: dict[Qt.Key, Callable[[], object]] = {
            **dict.fromkeys((key.Key_Return, key.Key_Enter, key.Key_K), accept),
            **dict.fromkeys((key.Key_Delete, key.Key_Backspace), delete),
            key.Key_S: lambda: self.mark("suspicious"),
            key.Key_F: self.fix,
        }
        self.grid = CropGrid(self._picture, self._cell, keys)
        self.grid.setObjectName("gallery")
        self.grid.setAccessibleName(self.tr("Pictures of the objects"))
        self._sort, self._shown = QComboBox(), QComboBox()
        self._way = tool_button("sort-ascending", "", self._turn)
        self._descending = self._ordered = False
        self._count = ElidedLabel()
        self._count.setProperty("role", "secondary")
        self._marks = {state: icon(*mark) for state, mark in STATE_MARKS.items()}
        self._empty = EmptyState("selection")
        self._build()
        self._connect()
        self._on_document(session.document)

    def mark(self, state: ReviewState) -> None:
        """Say what the chosen objects are, as one step, and go on behind them."""
        ids = self._chosen()
        self._do(SetState(tuple(sorted(ids)), state), ids)

    def delete(self) -> None:
        """Delete the chosen objects, as one step, and go on behind them."""
        ids = self._chosen()
        self._do(Delete(tuple(sorted(ids))), ids)

    def fix(self) -> None:
        """Have the object that the keys are at shown on the canvas, in the hand of the brush."""
        object_id = self.grid.current()
        if object_id and self._writable():
            view = self._session.view
            view.selected, view.current_object, view.tool = frozenset({object_id}), object_id, "brush"
        if object_id:
            self.fix_wanted.emit(object_id)

    def _do(self, edit: Edit, ids: frozenset[int]) -> None:
        if not ids or not self._writable():
            return
        following = self.grid.after(ids)
        change_objects(self._session, edit)
        if following:
            self.grid.go_to(following)
            self._session.view.selected = frozenset({following})

    def _chosen(self) -> frozenset[int]:
        """Return the selected objects that have a picture here."""
        return self.grid.among(self._session.view.selected)

    def _build(self) -> None:
        for name in ("id", "state", "class", "source", *FIGURES):
            self._sort.addItem(figure_name(name), name)
        for text, name in (
            (self.tr("All objects"), "all"),
            (self.tr("To review"), "review"),
            (self.tr("Suspicious"), "suspicious"),
            (self.tr("Unreviewed"), "unreviewed"),
            (self.tr("Accepted"), "accepted"),
        ):
            self._shown.addItem(text, name)
        self._sort.setAccessibleName(self.tr("Sort by"))
        self._sort.setToolTip(self.tr("What the pictures are sorted by"))
        self._shown.setAccessibleName(self.tr("Show"))
        self._shown.setToolTip(self.tr("Which objects are shown"))
        self._buttons = [
            self._button("accepted", self.tr("Keep: accept the chosen objects (Enter or K)")),
            self._button("suspicious", self.tr("Mark the chosen objects as suspicious (S)")),
            tool_button("pencil-simple", self.tr("Fix: show the object on the canvas (F or double-click)"), self.fix),
            tool_button("trash", self.tr("Delete the chosen objects (Delete)"), self.delete),
        ]
        top = QHBoxLayout()
        top.setSpacing(8)
        for widget in (self._shown, self._sort, self._way):
            top.addWidget(widget)
        top.addWidget(self._count, 1)
        for widget in self._buttons:
            top.addWidget(widget)
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(12, 8, 12, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.grid, 1)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(page)
        self._say_way()

    def _button(self, state: ReviewState, tip: str) -> QToolButton:
        made = tool_button(STATE_MARKS[state][0], tip, lambda: self.mark(state))
        made.setIcon(icon(*STATE_MARKS[state]))
        return made

    def _connect(self) -> None:
        session = self._session
        session.document_changed.connect(self._on_document)
        session.objects.changed.connect(self._on_objects)
        self._crops.made.connect(lambda _ids: self.grid.refresh())
        self.grid.wanted.connect(self._crops.want)
        self.grid.chosen.connect(self._on_chosen)
        self.grid.opened.connect(lambda _object_id: self.fix())
        self.grid.menu_wanted.connect(self._open_menu)
        for box in (self._sort, self._shown):
            box.currentIndexChanged.connect(lambda _index: self._on_other_order())
            box.activated.connect(lambda _index: self._on_order_chosen())
        follow(session.view, "selected", self, self._on_selected)
        follow(session.view, "display", self, lambda _display: self._crops.redraw())
        on_theme(self, self.grid.refresh)

    def _on_document(self, document: ImageDocument | None) -> None:
        if self._document is not None:
            self._document.changed.disconnect(self._on_changed, missing_ok=True)
            self._document.turned.disconnect(self._on_turned, missing_ok=True)
        self._document = document
        if document is not None:
            document.changed.connect(self._on_changed)
            document.turned.connect(self._on_turned)
        self._begin()

    def _on_turned(self, _plane: int) -> None:
        self._begin()

    def _begin(self) -> None:
        """Show the objects of another image, or plane."""
        self._crops.load(self._document)
        self.grid.show_ids([])
        self._stale = True
        self._on_objects()

    def _on_objects(self) -> None:
        """Put the objects in order once they are listed, and again once they are measured; later edits move none."""
        objects = self._session.objects
        if self.isVisible() and not objects.listing:
            if self._stale or (self._unmeasured and objects.measured):
                self._arrange()
            else:
                self.grid.refresh()

    def _on_other_order(self) -> None:
        self._ordered = True
        self._arrange()

    def _on_order_chosen(self) -> None:
        """Put the objects in the same order anew when that is chosen once more."""
        if not self._ordered:
            self._arrange()
        self._ordered = False

    def _arrange(self) -> None:
        """Put all objects in order, on a thread."""
        objects, project = self._session.objects, self._session.project
        self._stale, self._unmeasured = False, not objects.measured
        self._asked += 1
        rows, asked, by, shown = objects.rows(), self._asked, self._sort.currentData(), self._shown.currentData()
        descending = self._descending
        places = {item.id: place for place, item in enumerate(project.classes.classes)} if project is not None else {}

        def take(ids: list[int]) -> None:
            if asked == self._asked:
                self.grid.show_ids(ids)
                self._show_count()

        self._session.background.run(
            lambda: ordered(rows, by, descending=descending, shown=shown, classes=places), take, lane="gallery"
        )

    def _on_changed(self, change: DocumentChange) -> None:
        """Take out what is gone; new objects, and many at once, put all in order anew."""
        document = self._document
        if document is None or change.live or "labels" not in change.planes:
            return
        if len(change.object_ids) > _MANY:
            self._stale = True
            return
        labels = document.planes.labels
        here = {item for item in change.object_ids if labels.tiles_with(item)}
        known = self.grid.among(change.object_ids)
        if known - here:
            self.grid.drop(known - here)
        self._stale = self._stale or (self._shown.currentData() == "all" and bool(here - known))
        self._show_count()

    def _turn(self) -> None:
        self._descending = not self._descending
        self._say_way()
        self._arrange()

    def _say_way(self) -> None:
        name, tip = (
            ("sort-descending", self.tr("Largest first; click for the smallest first"))
            if self._descending
            else ("sort-ascending", self.tr("Smallest first; click for the largest first"))
        )
        self._way.setIcon(icon(name))
        self._way.setToolTip(tip)
        self._way.setAccessibleName(tip)

    def _picture(self, object_id: int) -> QImage | None:
        pixels = self._crops.pictures.get(object_id)
        return None if pixels is None else QImage(pixels.data, SIDE, SIDE, 3 * SIDE, QImage.Format.Format_RGB888)

    def _cell(self, object_id: int) -> Cell:
        row, project = self._session.objects.row(object_id), self._session.project
        if row is None or project is None:
            return Cell("", self._marks["unreviewed"])
        words = figure_text(row, self._sort.currentData(), self._session.objects.unit, project.classes)
        return Cell(words, self._marks[row.state])

    def _on_chosen(self, ids: frozenset[int]) -> None:
        self._session.view.selected = ids

    def _on_selected(self, ids: frozenset[int]) -> None:
        self.grid.select(ids)
        self._show_count()

    def _show_count(self) -> None:
        document, ids = self._document, self.grid.ids
        some = document is not None and bool(document.planes.objects)
        self._pages.setCurrentIndex(1 if some else 0)
        self._empty.say(
            self.tr("This image has no objects yet.")
            if document is not None
            else self.tr("Open an image to see its objects.")
        )
        text = self.tr("1 object") if len(ids) == 1 else self.tr("{0} objects").format(f"{len(ids):,}")
        chosen = len(self._session.view.selected)
        self._count.setText(self.tr("{0}, {1} chosen").format(text, f"{chosen:,}") if chosen else text)
        for widget in self._buttons:
            widget.setEnabled(chosen > 0 and self._writable())

    def _open_menu(self, place: QPoint) -> None:
        menu = ObjectMenu(self._session, self._chosen(), self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(place)

    def _writable(self) -> bool:
        return self._document is not None and not self._document.read_only

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what has changed meanwhile."""
        super().showEvent(event)
        self._on_objects()
        self._show_count()

"""The images of the project: a list with filter and progress that chooses the one in front."""

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QLineEdit, QListView, QProgressBar, QToolButton, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import caption
from segstudio.gui.forms.plain import plain
from segstudio.gui.panels.image_filter import ImageFilter
from segstudio.gui.panels.image_menu import ImageMenu
from segstudio.gui.panels.image_rows import IMAGE_ID, ImageRowDelegate, ImageRows
from segstudio.gui.reading_only import allow
from segstudio.gui.theme import icon
from segstudio.session.session import Session

_SELECT = QItemSelectionModel.SelectionFlag.Select
_MARGIN = 8
_ONLY = QItemSelectionModel.SelectionFlag.ClearAndSelect


class ImagesPanel(QWidget):
    """Chooses the image in front; asks for more images."""

    add_wanted = Signal()
    find_wanted = Signal(str)
    """The image with this id is to be found in a folder the user names."""
    axes_wanted = Signal(str)
    """The user wants to say what the axes of this image mean."""
    pixel_size_wanted = Signal(list)
    """The user wants to say how large the pixels of these images are."""
    selection_changed = Signal(list)
    """Ids of the images that are selected in the list."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._filtering = False
        self._rows = ImageRows(session, self)
        self._sorted = ImageFilter(self._rows, self)
        self._filter = QLineEdit()
        self._filter.setPlaceholderText(self.tr("Filter: name or state"))
        self._filter.setToolTip(self.tr("Shows the images with this in their name, or in this state, as “empty”"))
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._on_filter)
        self._view = QListView()
        self._view.setObjectName("images")
        self._view.setModel(self._sorted)
        self._view.setItemDelegate(ImageRowDelegate(self._view))
        self._view.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self._view.setUniformItemSizes(True)
        self._view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._view.customContextMenuRequested.connect(self._open_menu)
        self._view.selectionModel().currentChanged.connect(self._on_current_changed)
        self._view.selectionModel().selectionChanged.connect(self._on_selection)
        self._none = caption(self.tr("No image has this in its name, or is in this state."), role="")
        self._none.hide()
        self._progress = plain(QLabel())
        self._progress.setProperty("role", "secondary")
        self._progress.setWordWrap(True)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(4)
        self._build()
        session.project_changed.connect(self._on_project_changed)
        session.images_changed.connect(self._on_images_changed)
        session.targets.changed.connect(self._show_progress)
        session.image_changed.connect(self._on_image_changed)
        session.document_changed.connect(self._on_document_changed)
        session.front.loading.connect(self._on_loading)
        self._on_project_changed(session.project)

    def minimumSizeHint(self) -> QSize:
        """Return the least size in which the states of images are not cut off, a scroll bar beside them."""
        beside = self._view.verticalScrollBar().sizeHint().width() + 2 * (self._view.frameWidth() + _MARGIN)
        row = ImageRowDelegate.least_width(self._view.fontMetrics())
        return QSize(row + beside, super().minimumSizeHint().height())

    def selected_ids(self) -> list[str]:
        """Return the images selected in the list, in its order."""
        indexes = sorted(self._view.selectionModel().selectedIndexes(), key=lambda index: index.row())
        return [index.data(IMAGE_ID) for index in indexes]

    def shown_ids(self) -> frozenset[str]:
        """Return the images that the filter leaves in the list."""
        return self._sorted.shown_ids()

    def _build(self) -> None:
        self._add = QToolButton()
        self._add.setIcon(icon("ph.plus"))
        self._add.clicked.connect(self.add_wanted)
        top = QHBoxLayout()
        top.addWidget(self._filter, 1)
        top.addWidget(self._add)
        column = QVBoxLayout(self)
        column.setContentsMargins(_MARGIN, _MARGIN, _MARGIN, _MARGIN)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._none)
        column.addWidget(self._view, 1)
        column.addWidget(self._bar)
        column.addWidget(self._progress)

    def _on_filter(self, words: str) -> None:
        """Show the images with these words in their name or state; the one in front stays in front."""
        chosen = self.selected_ids()
        self._filtering = True  # the view makes another row the current one when that is filtered out
        self._sorted.show(words)
        selection = self._view.selectionModel()
        selection.clear()
        front = self._index_of(self._session.front.wanted)
        if front.isValid():
            self._go_to(front)
        for image_id in chosen:
            selection.select(self._index_of(image_id), _SELECT)
        self._filtering = False
        self._none.setVisible(self._rows.rowCount() > 0 and self._sorted.rowCount() == 0)

    def _on_project_changed(self, _project: object) -> None:
        self._rows.reload()
        self._show_progress()
        allow(self._add, self._session, tip=self.tr("Add images to the project"))

    def _on_images_changed(self) -> None:
        if self._rows.is_stale():
            chosen = self.selected_ids()
            self._rows.reload()
            self._show_wanted()
            for image_id in chosen:
                self._view.selectionModel().select(self._index_of(image_id), _SELECT)
        self._rows.refresh()
        self._show_progress()

    def _on_image_changed(self, image_id: str) -> None:
        self._rows.refresh_row(image_id)
        self._show_progress()

    def _show_progress(self) -> None:
        done, total = self._session.states.labelled_count()
        pairs = len(self._session.targets.splits)
        words = (
            self.tr("{done} of {total} labelled") if done or not pairs else self.tr("{pairs} of {total} have targets")
        )
        if done and pairs:
            words = self.tr("{done} of {total} labelled, {pairs} with targets")
        self._progress.setText(words.format(done=done, pairs=pairs, total=total) if total else "")
        done = done or pairs
        self._bar.setRange(0, max(total, 1))
        self._bar.setValue(done)
        self._bar.setVisible(total > 0)

    def _on_document_changed(self, _document: object) -> None:
        self._show_wanted()

    def _on_loading(self, name: str) -> None:
        if not name:  # done; an image that could not be opened leaves the one before in front
            self._show_wanted()

    def _show_wanted(self) -> None:
        """Go to the image that was asked for last, which may still be opening; never ask for another one."""
        index = self._index_of(self._session.front.wanted)
        if index.isValid() and index != self._view.currentIndex():
            self._go_to(index)
        elif not index.isValid() and self._filter.text():
            self._view.selectionModel().clear()  # the filter hides its row

    def _go_to(self, index: QModelIndex) -> None:
        # Not the view's own way: it extends the selection while Shift or Ctrl is held, as for Shift+D.
        self._view.selectionModel().setCurrentIndex(index, _ONLY)
        self._view.scrollTo(index)

    def _index_of(self, image_id: str) -> QModelIndex:
        return self._sorted.mapFromSource(self._rows.index(self._rows.row_of(image_id)))

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid() and not self._filtering:
            self._session.select(current.data(IMAGE_ID))

    def _on_selection(self) -> None:
        """Tell what is selected; after a click beside the rows that is still the image in front."""
        front = self._index_of(self._session.front.wanted)
        if not self._filtering and front.isValid() and not self._view.selectionModel().hasSelection():
            self._view.selectionModel().select(front, _SELECT)  # tells it
        else:
            self.selection_changed.emit(self.selected_ids())

    def _open_menu(self, place: QPoint) -> None:
        ids = self.selected_ids()
        if not ids:
            return
        asking = self.find_wanted.emit, self.pixel_size_wanted.emit, self.axes_wanted.emit
        menu = ImageMenu(self._session, ids, *asking, self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._view.viewport().mapToGlobal(place))

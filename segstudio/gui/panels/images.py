"""The images of the project: thumbnail, name, state, split, filter and progress."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from PySide6.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QListView,
    QProgressBar,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.panels.image_menu import ImageMenu
from segstudio.gui.theme import icon, tokens
from segstudio.project.manifest import ImageEntry
from segstudio.session.session import Session
from segstudio.session.thumbnails import thumbnail

_THUMBNAIL = 44
_STATES = {
    "empty": ("ph.circle", "secondary", "Empty"),
    "labelled": ("ph.circle-half-fill", "accent", "Labelled"),
    "predicted": ("ph.magic-wand", "warning", "Predicted"),
    "reviewed": ("ph.check-circle", "good", "Reviewed"),
}
_USES = {"train": "training", "val": "validation", "test": "testing only"}
_ID = Qt.ItemDataRole.UserRole
_STATE = Qt.ItemDataRole.UserRole + 1
_SPLIT = Qt.ItemDataRole.UserRole + 2
_AUTOMATIC = Qt.ItemDataRole.UserRole + 3

_SELECT = QItemSelectionModel.SelectionFlag.Select

_Index = QModelIndex | QPersistentModelIndex


class _Rows(QAbstractListModel):
    """One row an image; thumbnails come from the background when a row is first painted."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._ids: list[str] = []
        self._pictures: dict[tuple[str, str], QPixmap] = {}
        self._splits: Mapping[str, str] = {}

    def reload(self) -> None:
        """Take over the images of the project."""
        self.beginResetModel()
        project = self._session.project
        self._ids = [entry.id for entry in project.images] if project else []
        known = {_picture_key(entry) for entry in project.images} if project else set()
        self._pictures = {key: picture for key, picture in self._pictures.items() if key in known}
        self.endResetModel()

    def refresh(self) -> None:
        """Bring the states of all rows up to date; only visible ones are painted."""
        if self._ids:
            self.dataChanged.emit(self.index(0), self.index(len(self._ids) - 1))

    def refresh_row(self, image_id: str) -> None:
        """Repaint the row of one image, and all when its first label moves others to another split."""
        splits = self._session.states.splits()
        if splits is not self._splits:
            self._splits = splits
            self.refresh()
            return
        row = self.row_of(image_id)
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))

    def is_stale(self) -> bool:
        """Return whether the project has other images now."""
        project = self._session.project
        return project is not None and self._ids != [entry.id for entry in project.images]

    def row_of(self, image_id: str) -> int:
        """Return the row of an image, -1 when it is not there."""
        return self._ids.index(image_id) if image_id in self._ids else -1

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._ids)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        project = self._session.project
        if project is None or not index.isValid():
            return None
        entry = project.entry(self._ids[index.row()])
        state = self._session.states.state(entry.id)
        if role == Qt.ItemDataRole.DisplayRole:
            return entry.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return (
                f"{entry.name}\n{entry.width} × {entry.height} pixels, {entry.dtype}\n"
                f"{_STATES[state][2]}\n{self._use(entry)}"
            )
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(entry)
        if role == _SPLIT:
            return self._session.states.splits().get(entry.id, "")
        return {_ID: entry.id, _STATE: state, _AUTOMATIC: entry.split == "auto"}.get(role)

    def _use(self, entry: ImageEntry) -> str:
        use = _USES[self._session.states.splits()[entry.id]]
        return f"For {use} (automatic: right-click to choose)" if entry.split == "auto" else f"For {use}, as you chose"

    def _picture(self, entry: ImageEntry) -> QPixmap:
        key = _picture_key(entry)
        if key not in self._pictures:
            self._pictures[key] = QPixmap()
            project = self._session.project
            if project is not None:
                path = project.image_path(entry.id)
                self._session.background.run(
                    lambda: thumbnail(path, _THUMBNAIL * 2),
                    lambda pixels: self._show(entry, pixels),
                    lambda _error: None,
                )
        return self._pictures[key]

    def _show(self, entry: ImageEntry, pixels: NDArray[np.uint8]) -> None:
        height, width, _ = pixels.shape
        image = QImage(pixels.data, width, height, width * 3, QImage.Format.Format_RGB888)
        self._pictures[_picture_key(entry)] = QPixmap.fromImage(image.copy())
        self.refresh_row(entry.id)


def _picture_key(entry: ImageEntry) -> tuple[str, str]:
    """Return what a thumbnail is of: another place or another content of the file needs another one."""
    return entry.path, entry.fingerprint


class _RowDelegate(QStyledItemDelegate):
    """Thumbnail, name over state, split at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(180, _THUMBNAIL + 12)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        colours = tokens()
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        area = option.rect.adjusted(8, 6, -8, -6)
        self._draw_picture(painter, area, index.data(Qt.ItemDataRole.DecorationRole))
        picture, colour, words = _STATES[index.data(_STATE)]
        text = area.adjusted(_THUMBNAIL + 8, 0, 0, 0)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(QColor(colours.on_accent if chosen else colours.text))
        metrics = option.fontMetrics
        split = index.data(_SPLIT)
        right = metrics.horizontalAdvance(split) + 8 if split else 0
        name = metrics.elidedText(index.data(Qt.ItemDataRole.DisplayRole), Qt.TextElideMode.ElideMiddle, text.width())
        upper = QRect(text.left(), text.top() + 2, text.width(), metrics.height())
        painter.drawText(upper, Qt.AlignmentFlag.AlignVCenter, name)
        lower = QRect(text.left(), text.bottom() - metrics.height() - 1, text.width(), metrics.height())
        painter.drawPixmap(
            QPoint(lower.left(), lower.top() + 1), icon(picture, "on_accent" if chosen else colour).pixmap(14, 14)
        )
        painter.setPen(QColor(colours.on_accent if chosen else colours.secondary))
        words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, lower.width() - 20 - right)
        painter.drawText(lower.adjusted(20, 0, -right, 0), Qt.AlignmentFlag.AlignVCenter, words)
        if not (chosen or index.data(_AUTOMATIC)):
            painter.setPen(QColor(colours.text))
        painter.drawText(lower, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, split)

    @staticmethod
    def _draw_picture(painter: QPainter, area: QRect, picture: QPixmap) -> None:
        frame = QRect(area.left(), area.top(), _THUMBNAIL, _THUMBNAIL)
        painter.fillRect(frame, QColor(tokens().background))
        if not picture.isNull():
            size = picture.size().scaled(frame.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(QPoint(0, 0), size)
            target.moveCenter(frame.center())
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
            painter.drawPixmap(target, picture)


class ImagesPanel(QWidget):
    """Chooses the image in front; asks for more images."""

    add_wanted = Signal()
    find_wanted = Signal(str)
    """The image with this id is to be found in a folder the user names."""
    pixel_size_wanted = Signal(list)
    """The user wants to say how large the pixels of these images are."""
    selection_changed = Signal(list)
    """Ids of the images that are selected in the list."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._rows = _Rows(session, self)
        self._sorted = QSortFilterProxyModel(self)
        self._sorted.setSourceModel(self._rows)
        self._sorted.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._filter = QLineEdit()
        self._filter.setPlaceholderText(self.tr("Filter by name"))
        self._filter.setClearButtonEnabled(True)
        self._filter.textChanged.connect(self._sorted.setFilterFixedString)
        self._view = QListView()
        self._view.setObjectName("images")
        self._view.setModel(self._sorted)
        self._view.setItemDelegate(_RowDelegate(self._view))
        self._view.setSelectionMode(QListView.SelectionMode.ExtendedSelection)
        self._view.setUniformItemSizes(True)
        self._view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self._view.customContextMenuRequested.connect(self._open_menu)
        self._view.selectionModel().currentChanged.connect(self._on_current_changed)
        self._view.selectionModel().selectionChanged.connect(
            lambda _new, _old: self.selection_changed.emit(self.selected_ids())
        )
        self._progress = QLabel()
        self._progress.setProperty("role", "secondary")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(4)
        self._build()
        session.project_changed.connect(self._on_project_changed)
        session.images_changed.connect(self._on_images_changed)
        session.image_changed.connect(self._on_image_changed)
        session.document_changed.connect(self._on_document_changed)
        session.front.loading.connect(self._on_loading)
        self._on_project_changed(session.project)

    def selected_ids(self) -> list[str]:
        """Return the images selected in the list, in its order."""
        indexes = sorted(self._view.selectionModel().selectedIndexes(), key=lambda index: index.row())
        return [index.data(_ID) for index in indexes]

    def _build(self) -> None:
        add = QToolButton()
        add.setIcon(icon("ph.plus"))
        add.setToolTip(self.tr("Add images to the project"))
        add.clicked.connect(self.add_wanted)
        top = QHBoxLayout()
        top.addWidget(self._filter, 1)
        top.addWidget(add)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self._view, 1)
        column.addWidget(self._bar)
        column.addWidget(self._progress)

    def _on_project_changed(self, _project: object) -> None:
        self._rows.reload()
        self._show_progress()

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
        self._progress.setText(self.tr("{done} of {total} labelled").format(done=done, total=total) if total else "")
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
            self._view.setCurrentIndex(index)

    def _index_of(self, image_id: str) -> QModelIndex:
        return self._sorted.mapFromSource(self._rows.index(self._rows.row_of(image_id)))

    def _on_current_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        if current.isValid():
            self._session.select(current.data(_ID))

    def _open_menu(self, place: QPoint) -> None:
        ids = self.selected_ids()
        if not ids:
            return
        menu = ImageMenu(self._session, ids, self.find_wanted.emit, self.pixel_size_wanted.emit, self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(self._view.viewport().mapToGlobal(place))

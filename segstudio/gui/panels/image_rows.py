"""The rows of the list of images: what each tells, and how it is painted."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QPoint, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QApplication, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.core.errors import UserError
from segstudio.gui.forms.plain import plain_tip
from segstudio.gui.theme import icon, tokens
from segstudio.project.annotation_reader import DAMAGED_LABELS
from segstudio.project.manifest import ImageEntry
from segstudio.session.image_files import CHANGED, MISSING
from segstudio.session.session import Session
from segstudio.session.thumbnails import thumbnail

_THUMBNAIL = 44
#: Pixels left and right of a row, and for the picture of a state with what lies after it.
_EDGE, _ICON = 8, 20
_STATES = {
    "empty": ("ph.circle", "secondary", "Empty"),
    "labelled": ("ph.circle-half-fill", "accent", "Labelled"),
    "complete": ("ph.circle-fill", "accent", "Complete"),
    "predicted": ("ph.magic-wand", "warning", "Predicted"),
    "target": ("ph.target", "accent", "Target"),
    "no target": ("ph.circle", "secondary", "No target"),
    "reviewed": ("ph.check-circle", "good", "Reviewed"),
    "gone": ("ph.warning", "warning", "File gone"),
    "damaged": ("ph.warning-octagon", "error", "Labels damaged"),
    "changed": ("ph.warning", "warning", "Image changed"),
}
_WORDS = {
    "complete": "Completely labelled: what is no object is background",
    "labelled": "Labelled in part",
    "gone": "The image file is not where it was. Right-click to find it",
    "damaged": "The labels cannot be opened; nothing was written over them. Edit › History shows earlier states",
    "changed": "The image file is not the one that was labelled. Right-click to use it all the same",
    "no target": "Nothing is labelled, and no image of this name is in the folder targets",
}
#: States of images that cannot be opened, by the code of the error; what they are used for makes room for the words.
_REFUSED = {DAMAGED_LABELS: "damaged", CHANGED: "changed"}
_USES = {"train": "training", "val": "validation", "test": "testing only"}
#: Words are a fraction of a pixel wider than what is told of them.
_ROUNDED = 2
#: Role of the image id.
IMAGE_ID = Qt.ItemDataRole.UserRole
_STATE = Qt.ItemDataRole.UserRole + 1
_SPLIT = Qt.ItemDataRole.UserRole + 2
_AUTOMATIC = Qt.ItemDataRole.UserRole + 3

_Index = QModelIndex | QPersistentModelIndex


class ImageRows(QAbstractListModel):
    """One row an image; thumbnails come from the background when a row is first painted."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._ids: list[str] = []
        self._pictures: dict[tuple[str, ...], QPixmap] = {}
        self._missed: dict[str, tuple[str, ...]] = {}
        self._splits: Mapping[str, str] = {}
        self._complete: dict[str, bool] = {}
        self._shown: dict[str, tuple[object, ...]] = {}
        session.completeness.changed.connect(lambda _complete: self._note_complete())
        session.document_changed.connect(lambda _document: self._note_complete())
        session.project_changed.connect(lambda _project: self._complete.clear())
        session.targets.changed.connect(self.refresh)
        session.files.missing.connect(self._on_looked)
        session.front.refusals_changed.connect(self.refresh)

    def reload(self) -> None:
        """Take over the images of the project."""
        self.beginResetModel()
        project = self._session.project
        self._ids = [entry.id for entry in project.images] if project else []
        self._shown.clear()
        known = {_picture_key(entry) for entry in project.images} if project else set()
        self._pictures = {key: picture for key, picture in self._pictures.items() if key in known}
        self.endResetModel()

    def refresh(self) -> None:
        """Bring the states of all rows up to date; only visible ones are painted."""
        self._shown.clear()
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
        if row >= 0 and self._shown.get(image_id) != (shows := self._shows(row)):
            self._shown[image_id] = shows
            self.dataChanged.emit(self.index(row), self.index(row))

    def _shows(self, row: int) -> tuple[object, ...]:
        """Return what can be seen in a row: at the end of each stroke there is no time to paint the same again."""
        picture = self.data(self.index(row), Qt.ItemDataRole.DecorationRole)
        key = picture.cacheKey() if isinstance(picture, QPixmap) else 0
        return (key, *(self.data(self.index(row), role) for role in (_STATE, _SPLIT, _AUTOMATIC)))

    def is_stale(self) -> bool:
        """Return whether the project has other images now."""
        project = self._session.project
        return project is not None and self._ids != [entry.id for entry in project.images]

    def row_of(self, image_id: str) -> int:
        """Return the row of an image, -1 when it is not there."""
        return self._ids.index(image_id) if image_id in self._ids else -1

    def id_at(self, row: int) -> str:
        """Return the image in a row."""
        return self._ids[row]

    def names(self) -> dict[str, str]:
        """Return the name of each image by its id."""
        project = self._session.project
        return {entry.id: entry.name for entry in project.images} if project is not None else {}

    def state_words(self, row: int) -> str:
        """Return what the state of an image is called in its row."""
        project = self._session.project
        return _STATES[self._shown_state(project.entry(self._ids[row]))][2] if project is not None else ""

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._ids)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        project = self._session.project
        if project is None or not index.isValid():
            return None
        if role == IMAGE_ID:  # asked also for images that have just left the project
            return self._ids[index.row()]
        entry = project.entry(self._ids[index.row()])
        if role == Qt.ItemDataRole.DisplayRole:  # the filter asks for all of them at each letter
            return entry.name
        state = self._state(entry)
        if role == Qt.ItemDataRole.ToolTipRole:
            planes = f"{entry.planes} planes of " if entry.planes > 1 else ""
            return plain_tip(
                f"{entry.name}\n{planes}{entry.width} × {entry.height} pixels, {entry.dtype}\n"
                f"{self._about(entry, state)}\n{self._use(entry, state)}"
            )
        if role == Qt.ItemDataRole.DecorationRole:
            return self._picture(entry)
        if role == _SPLIT and self._shown_state(entry) in _REFUSED.values():
            return ""
        if role == _SPLIT:
            return self._split(entry, state) if entry.split != "auto" or self._decided(entry, state) else ""
        return {_STATE: self._shown_state(entry), _AUTOMATIC: entry.split == "auto"}.get(role)

    def _shown_state(self, entry: ImageEntry) -> str:
        """Return what is most urgent about an image; more is not known of it than was seen when it was opened last."""
        return self._trouble(entry) or self._state(entry)

    def _trouble(self, entry: ImageEntry) -> str:
        refusal = self._session.front.refusals.get(entry.id)
        if refusal is not None and refusal.code in _REFUSED:
            return _REFUSED[refusal.code]
        files = self._session.files
        return "gone" if entry.id in files.gone else "changed" if entry.id in files.touched else ""

    def _state(self, entry: ImageEntry) -> str:
        """Return how far the work on an image is; where nothing is labelled, a target is what can be learned."""
        state: str = self._session.states.state(entry.id)
        targets = self._session.targets.splits
        if state == "labelled" and self._is_complete(entry):
            return "complete"
        if state == "empty" and targets:
            return "target" if entry.id in targets else "no target"
        return state

    def _about(self, entry: ImageEntry, state: str) -> str:
        words = [_WORDS[trouble]] if (trouble := self._trouble(entry)) else []
        words += [_WORDS.get(state, _STATES[state][2])] if state != "target" else []
        if entry.id in self._session.targets.splits:
            words.append("Has a target: the image of its name in the folder targets")
        return "\n".join(words)

    def _decided(self, entry: ImageEntry, state: str) -> bool:
        """Return whether it is known what an automatic image is used for: it has labels, or a target."""
        return state not in ("empty", "no target", "predicted") or entry.id in self._session.targets.splits

    def _split(self, entry: ImageEntry, state: str) -> str:
        """Return what an image is used for; as one of a pair of images while it has no labels."""
        pairs = self._session.targets.splits
        if state in ("target", "predicted") and entry.id in pairs:
            return pairs[entry.id]
        return self._session.states.splits().get(entry.id, "")

    def _use(self, entry: ImageEntry, state: str) -> str:
        if entry.split == "auto" and not self._decided(entry, state):
            return "For training or validation: decided when it is labelled (right-click to choose)"
        use = _USES[self._split(entry, state)]
        return f"For {use} (automatic: right-click to choose)" if entry.split == "auto" else f"For {use}, as you chose"

    def _is_complete(self, entry: ImageEntry) -> bool:
        """Return whether an image is stated to be complete; its file is looked at in the background, once."""
        project = self._session.project
        if entry.id not in self._complete and project is not None:
            self._complete[entry.id] = False
            if entry.marked:
                files, shape = project.files(entry.id), entry.shape
                self._session.background.run(
                    lambda: files.complete(shape),
                    lambda complete: self._take_complete(entry.id, complete),
                    lambda _error: None,
                )
        return self._complete.get(entry.id, False)

    def _take_complete(self, image_id: str, complete: bool) -> None:
        document = self._session.document
        if document is None or document.entry.id != image_id:  # what is drawn is newer than the file
            self._complete[image_id] = complete
            self.refresh_row(image_id)

    def _note_complete(self) -> None:
        document = self._session.document
        if document is not None:
            self._complete[document.entry.id] = self._session.completeness.complete
            self.refresh_row(document.entry.id)

    def _picture(self, entry: ImageEntry) -> QPixmap:
        key = _picture_key(entry)
        if key not in self._pictures:
            self._pictures[key] = QPixmap()
            project = self._session.project
            if project is not None:
                path = project.image_path(entry.id)
                self._session.background.run(
                    lambda: thumbnail(path, _THUMBNAIL * 2, axes=entry.read_as),
                    lambda pixels: self._show(entry, pixels),
                    lambda error: self._miss(entry, error),
                )
        return self._pictures[key]

    def _miss(self, entry: ImageEntry, error: UserError) -> None:
        if error.code == MISSING:
            self._missed[entry.id] = _picture_key(entry)

    def _on_looked(self, _missing: object) -> None:
        """Draw the thumbnails of files anew that are there again."""
        for image_id in self._missed.keys() - self._session.files.gone:
            self._pictures.pop(self._missed.pop(image_id), None)
        self.refresh()

    def _show(self, entry: ImageEntry, pixels: NDArray[np.uint8]) -> None:
        height, width, _ = pixels.shape
        image = QImage(pixels.data, width, height, width * 3, QImage.Format.Format_RGB888)
        self._pictures[_picture_key(entry)] = QPixmap.fromImage(image.copy())
        self.refresh_row(entry.id)


def _picture_key(entry: ImageEntry) -> tuple[str, ...]:
    """Return what a thumbnail is of: another place or another content of the file needs another one."""
    return entry.path, entry.fingerprint, entry.read_as


class ImageRowDelegate(QStyledItemDelegate):
    """Thumbnail, name over state, split at the right."""

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return QSize(180, _THUMBNAIL + 12)

    @staticmethod
    def least_width(metrics: QFontMetrics) -> int:
        """Return the width of a row in which each state can be read beside what the image is used for."""
        use = 8 + max(metrics.horizontalAdvance(words) for words in _USES)
        states = [
            metrics.horizontalAdvance(words) + (_ROUNDED if state in _REFUSED.values() else use)
            for state, (_picture, _colour, words) in _STATES.items()
        ]
        return 2 * _EDGE + _THUMBNAIL + 8 + _ICON + max(states)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        colours = tokens()
        style = option.widget.style() if option.widget else QApplication.style()
        style.drawPrimitive(QStyle.PrimitiveElement.PE_PanelItemViewItem, option, painter, option.widget)
        area = option.rect.adjusted(_EDGE, 6, -_EDGE, -6)
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
        words = metrics.elidedText(words, Qt.TextElideMode.ElideRight, lower.width() - _ICON - right)
        painter.drawText(lower.adjusted(_ICON, 0, -right, 0), Qt.AlignmentFlag.AlignVCenter, words)
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

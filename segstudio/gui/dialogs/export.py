"""Asks what to export where; then says what was written, and what the format could not hold."""

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QSize, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from segstudio.config.form_spec import form_spec
from segstudio.core.errors import BadInput, UserError
from segstudio.export.base import Exported, Exporter, exporters
from segstudio.gui.forms.form import Form
from segstudio.gui.forms.parts import Column, button, caption, heading, set_role
from segstudio.gui.forms.path_line import PathLine
from segstudio.gui.forms.plain import plain
from segstudio.project.project import ImageEntry
from segstudio.session.export_items import export_items, export_labels, left_out_sentence, with_labels
from segstudio.session.job_specs import all_saved_first
from segstudio.session.notice import Level
from segstudio.session.session import Session

_THIS, _SELECTED, _ALL = range(3)
_USUAL = "label-tiff"
_SAID_HEIGHT = 112
_NAME = Qt.ItemDataRole.UserRole
_MOST_LOSSES = 8
_ROW_HEIGHT = 28


class ExportDialog(QDialog):
    """Chooses format, images and folder.

    Parameters
    ----------
    selected
        Ids of the images that are selected in the list.
    """

    def __init__(self, session: Session, selected: Iterable[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._selected = tuple(selected)
        self._offers: dict[str, Exporter] = dict(exporters)
        self.setWindowTitle(self.tr("Export"))
        self.resize(640, 520)
        self.formats = QListWidget()
        self.formats.setFixedWidth(220)
        # What most programs read comes first.
        for name, offer in sorted(self._offers.items(), key=lambda item: (item[0] != _USUAL, item[1].title)):
            item = QListWidgetItem(offer.title)
            item.setData(_NAME, name)
            item.setToolTip(offer.description)
            item.setSizeHint(QSize(0, _ROW_HEIGHT))
            self.formats.addItem(item)
        self._title, self._says = heading(""), caption()
        self._form = Form(())
        self._scope = QButtonGroup(self)
        self._place = PathLine()
        self._proposed = ""
        self._folder = Path()
        self._report, self._losses = caption(role=""), caption()
        for words in (self._report, self._losses):
            words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        self._bar.hide()
        self._export = button(self.tr("Export"), self.start, "export", primary=True)
        self._open = button(self.tr("Open the folder"), self._open_folder, "folder-open")
        self._open.setAutoDefault(False)
        self._open.hide()
        self._close = button(self.tr("Close"), self.close)
        self._close.setAutoDefault(False)
        self._build()
        self._closed = False
        self.finished.connect(self._on_finished)
        self.formats.currentItemChanged.connect(self._on_format)
        self.formats.setCurrentRow(0)

    def choose(self, name: str, place: Path) -> None:
        """Choose a format and a folder, as the user would."""
        for number in range(self.formats.count()):
            if self.formats.item(number).data(_NAME) == name:
                self.formats.setCurrentRow(number)
        self._place.setText(str(place))

    def report(self) -> str:
        """Return what is said about the last export."""
        return f"{self._report.text()}\n{self._losses.text()}".strip()

    def start(self, *, replace: bool = False) -> None:
        """Export, as soon as every label is in its file; asks before files are replaced unless `replace`."""
        session, project, place = self._session, self._session.project, self._place.text().strip()
        if project is None or not place:
            return
        name, settings, chosen = self._name(), self._form.settings(), self._chosen()
        self._set_busy(True)
        self._say("", "")

        left_out: dict[str, BadInput] = {}

        def work() -> Exported:
            # What is labelled is known when all is saved: strokes that were taken back leave an empty label file.
            ids = None if chosen is None else with_labels(project, chosen)
            items = export_items(project, ids, left_out=left_out)
            return export_labels(items, name, Path(place), settings, replace=replace)

        def done(made: Exported) -> None:
            says, losses = _written(made, left_out_sentence(left_out)), _not_held(made)
            level: Level = "warning" if left_out else "good"
            if self._is_gone():
                session.notice(says, " ".join(losses) if made.losses else "", level)
                return
            self._set_busy(False)
            self._say(says, level, "\n".join(losses))
            self._folder = made.folder
            self._open.show()

        def failed(error: UserError) -> None:
            if self._is_gone():
                session.report(error)
                return
            self._set_busy(False)
            if error.code == "would-replace" and self._may_replace(error):
                self.start(replace=True)
            else:
                self._say(str(error), "error")

        session.background.run(all_saved_first(project, work), done, failed, lane="export")

    def _is_gone(self) -> bool:
        """Return whether it was closed while it exported: what became of that is then said in the window."""
        return self._closed or not isValid(self)  # with its window it goes without being closed

    def _on_finished(self) -> None:
        self._closed = True

    def _images_row(self) -> QHBoxLayout:
        images = QHBoxLayout()
        images.setSpacing(16)
        for number, text in (
            (_THIS, self.tr("This image")),
            (_SELECTED, self.tr("Selected ({0})").format(len(self._selected))),
            (_ALL, self.tr("All labelled")),
        ):
            choice = QRadioButton(text)
            self._scope.addButton(choice, number)
            images.addWidget(choice)
        images.addStretch(1)
        self._scope.button(_THIS).setEnabled(self._session.document is not None)
        self._scope.button(_SELECTED).setEnabled(bool(self._selected))
        self._scope.button(_ALL).setChecked(True)
        return images

    def _build(self) -> None:
        browse = QPushButton(self.tr("Browse…"))
        browse.setAutoDefault(False)
        browse.clicked.connect(lambda _checked=False: self._browse())
        where = QHBoxLayout()
        where.addWidget(self._place, 1)
        where.addWidget(browse)
        self._right = QVBoxLayout()
        self._right.setSpacing(8)
        for widget in (self._title, self._says, self._form):
            self._right.addWidget(widget)
        self._right.addSpacing(8)
        self._right.addWidget(heading(self.tr("Images")))
        self._right.addLayout(self._images_row())
        self._right.addSpacing(8)
        self._right.addWidget(heading(self.tr("Where")))
        self._right.addLayout(where)
        self._right.addSpacing(8)
        self._right.addWidget(self._bar)
        self._room = self._said()
        self._right.addWidget(self._room, 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self._open)
        buttons.addStretch(1)
        buttons.addWidget(self._close)
        buttons.addWidget(self._export)
        left = QVBoxLayout()
        label = QLabel(self.tr("Format"))
        label.setProperty("role", "secondary")
        left.addWidget(label)
        left.addWidget(self.formats, 1)
        top = QHBoxLayout()
        top.setSpacing(16)
        top.addLayout(left)
        top.addLayout(self._right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(16)
        column.addLayout(top, 1)
        column.addLayout(buttons)

    def _said(self) -> Column:
        """Return the room for what was done: the buttons below stay where they are."""
        room = Column()
        room.body.addWidget(self._report)
        room.body.addWidget(self._losses)
        room.body.addStretch(1)
        room.setMinimumHeight(_SAID_HEIGHT)
        policy = room.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        room.setSizePolicy(policy)
        room.hide()
        return room

    def _may_replace(self, error: UserError) -> bool:
        box = QMessageBox(QMessageBox.Icon.Question, self.tr("Replace files?"), error.message, parent=self)
        box.setInformativeText(self.tr("They are of an earlier export, perhaps of another format."))
        plain(box)
        replace = box.addButton(self.tr("Replace"), QMessageBox.ButtonRole.AcceptRole)
        keep = box.addButton(self.tr("Keep them"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(keep)
        box.setEscapeButton(keep)
        box.exec()
        return box.clickedButton() is replace

    def _own_folder(self, name: str) -> str:
        """Return the folder that is proposed for a format: one each, since many write files of the same names."""
        project = self._session.project
        return str(project.folder / "export" / name) if project is not None and name else ""

    def _name(self) -> str:
        item = self.formats.currentItem()
        return str(item.data(_NAME)) if item else ""

    def _chosen(self) -> list[ImageEntry] | None:
        """Return the images that the user chose; None for all that are labelled."""
        project, document = self._session.project, self._session.document
        if project is None:
            return []
        scope = self._scope.checkedId()
        if scope == _THIS:
            return [project.entry(document.entry.id)] if document else []
        if scope == _SELECTED:
            return [entry for entry in project.images if entry.id in self._selected]
        return None

    def _on_format(self, item: QListWidgetItem | None) -> None:
        if item is None:
            return
        if self._place.text() == self._proposed:
            self._proposed = self._own_folder(item.data(_NAME))
            self._place.setText(self._proposed)
        offer = self._offers[item.data(_NAME)]
        self._title.setText(offer.title)
        self._says.setText(offer.description)
        fields = form_spec(offer.Settings.model_json_schema())
        old, self._form = self._form, Form(fields, [field.path for field in fields])
        self._right.replaceWidget(old, self._form)
        old.hide()
        old.deleteLater()
        self._say("", "")
        self._open.hide()

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, self.tr("Folder for the files"), self._place.text())
        if folder:
            self._place.setText(folder)

    def _say(self, text: str, role: str, losses: str = "") -> None:
        set_role(self._report, role)
        self._report.setText(text)
        self._losses.setText(losses)
        self._room.setVisible(bool(text))

    def _set_busy(self, busy: bool) -> None:
        self._bar.setVisible(busy)
        self._export.setEnabled(not busy)

    def _open_folder(self) -> None:
        if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder))):
            self._say(self.tr("No program opened the folder: {0}").format(self._folder), "warning")


def _written(made: Exported, left_out: str) -> str:
    says = _tr("{0} written to {1}.").format(_files(len(made.written)), made.folder)
    return f"{says} {left_out}".strip()


def _not_held(made: Exported) -> list[str]:
    """Return the lines that say what the format could not hold."""
    if not made.losses:
        return [_tr("The files hold everything that this format is for.")]
    more = len(made.losses) - _MOST_LOSSES
    lines = [_tr("What this format could not hold:"), *(f"• {loss}" for loss in made.losses[:_MOST_LOSSES])]
    return [*lines, _tr("• and {0} more").format(more)] if more > 0 else lines


def _tr(words: str) -> str:
    return QCoreApplication.translate("ExportDialog", words)  # also when the dialog is gone


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count} files"

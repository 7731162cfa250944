"""The one question when a folder of images is opened: where to keep the project."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.forms.path_line import PathLine
from segstudio.project.layout import is_project


class NewProjectDialog(QDialog):
    """Asks where labels, models and predictions of these images are kept.

    Parameters
    ----------
    suggested
        Where the project may go; see `suggested_folder`.
    has_masks
        Whether label images of the same names were found beside the images.
    count
        How many images were found.
    existing
        A project that lies beside the images already, which is offered first.
    """

    open_wanted = Signal()
    """The existing project is to be opened instead."""

    def __init__(
        self,
        suggested: Path,
        *,
        has_masks: bool = False,
        count: int = 0,
        existing: Path | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("New project"))
        self.setMinimumWidth(560)
        self._where = PathLine(str(suggested))
        self._where.setObjectName("project-folder")
        browse = QPushButton(self.tr("Choose…"))
        browse.setAutoDefault(False)  # it would look like the button to press
        browse.clicked.connect(self._browse)
        row = QHBoxLayout()
        row.addWidget(self._where, 1)
        row.addWidget(browse)
        self._masks = QCheckBox(self.tr("Import the labels in the folder masks"))
        self._masks.setToolTip(self.tr("An image with a mask of the same name counts as completely labelled"))
        self._masks.setChecked(has_masks)
        self._masks.setVisible(has_masks)
        says = QLabel(
            self.tr("Your images stay where they are and are never changed. Labels, models and predictions go here:")
        )
        says.setWordWrap(True)
        self.found = QLabel(
            self.tr("1 image found.") if count == 1 else self.tr("{0} images found.").format(f"{count:,}")
        )
        self.found.setProperty("role", "heading")
        self.found.setVisible(count > 0)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        create = buttons.addButton(self.tr("Create project"), QDialogButtonBox.ButtonRole.AcceptRole)
        first = create
        there = QLabel()
        there.setWordWrap(True)
        there.setVisible(existing is not None)
        if existing is not None:
            there.setText(self.tr("There is a project for these images already: {0}").format(existing.name))
            first = buttons.addButton(self.tr("Open it"), QDialogButtonBox.ButtonRole.ActionRole)
            first.clicked.connect(self.reject)
            first.clicked.connect(self.open_wanted)
            create.setText(self.tr("Create another project"))
            says.setText(self.tr("Another project has labels, models and predictions of its own. They go here:"))
        first.setProperty("role", "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setSpacing(12)
        column.addWidget(self.found)
        column.addWidget(there)
        column.addWidget(says)
        column.addLayout(row)
        column.addWidget(self._masks)
        column.addSpacing(8)
        column.addWidget(buttons)
        first.setDefault(True)  # not before it is in the dialog, which would choose another one

    @property
    def folder(self) -> Path:
        """Where the project goes."""
        return Path(self._where.text()).expanduser()

    @property
    def import_masks(self) -> bool:
        """Whether to import the label images."""
        return self._masks.isChecked()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Let Enter press the button that has the keys."""
        button = self.focusWidget()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and isinstance(button, QPushButton):
            button.click()
        else:
            super().keyPressEvent(event)

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, self.tr("Keep the project in"), str(self.folder.parent))
        if chosen:
            self._where.setText(str(Path(chosen) / self.folder.name))


def suggested_folder(images: list[Path]) -> Path:
    """Return a folder beside the images that does not exist yet; asks the disk.

    Parameters
    ----------
    images
        What the user opened: a folder, or image files.
    """
    base = _folder_of(images)
    candidate = base.with_name(f"{base.name} SegStudio")
    number = 2
    while candidate.exists():
        candidate = base.with_name(f"{base.name} SegStudio {number}")
        number += 1
    return candidate


def existing_project(images: list[Path]) -> Path | None:
    """Return the project that `suggested_folder` once led to, ``None`` when there is none; asks the disk."""
    base = _folder_of(images)
    folder = base.with_name(f"{base.name} SegStudio")
    return folder if is_project(folder) else None


def _folder_of(images: list[Path]) -> Path:
    return images[0] if images[0].is_dir() else images[0].parent

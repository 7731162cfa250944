"""Which images of a file that holds several are wanted."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import caption
from segstudio.session.file_parts import FileParts

_NAME = 0


class FilePartsDialog(QDialog):
    """Lists what the files hold, with a box to tick before each.

    Parameters
    ----------
    files
        At least one.
    """

    def __init__(self, files: Sequence[FileParts], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Choose the images"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(560, 420)
        self.tree = QTreeWidget()
        self.tree.setColumnCount(2)
        self.tree.setHeaderLabels([self.tr("Image"), self.tr("What it is")])
        self.tree.setAccessibleName(self.tr("Images in the files"))
        self._rows = [(file, _row(file)) for file in files]
        self.tree.addTopLevelItems([row for _, row in self._rows])
        self.tree.expandAll()
        self.tree.resizeColumnToContents(_NAME)
        self.tree.setColumnWidth(_NAME, min(self.tree.columnWidth(_NAME), 320))
        one = self.tr("“{0}” holds several images. Tick those that you want to work on.").format(files[0].path.name)
        several = self.tr("{0} of the files hold several images. Tick those that you want to work on.")
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addWidget(caption(one if len(files) == 1 else several.format(len(files)), role=""))
        column.addWidget(self.tree, 1)
        column.addWidget(self._make_buttons())
        self._counting = QTimer(self)
        self._counting.setSingleShot(True)
        self._counting.timeout.connect(self._count)
        # Once for all: a tick before a file is told of each of its images.
        self.tree.itemChanged.connect(lambda *_: self._counting.start(0))
        self._count()

    def chosen(self) -> dict[Path, list[Path]]:
        """Return for each file the images of it that are wanted."""
        return {file.path: [file.path / name for name in _ticked(row)] for file, row in self._rows}

    def _make_buttons(self) -> QDialogButtonBox:
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.take = buttons.addButton(self.tr("Add"), QDialogButtonBox.ButtonRole.AcceptRole)
        self.take.setDefault(True)
        self.take.setProperty("role", "primary")
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)
        return buttons

    def _count(self) -> None:
        count = sum(map(len, self.chosen().values()))
        words = self.tr("Add 1 image") if count == 1 else self.tr("Add {0} images").format(count)
        self.take.setText(words if count else self.tr("Add"))
        self.take.setEnabled(count > 0)


def _row(file: FileParts) -> QTreeWidgetItem:
    top = QTreeWidgetItem([file.path.name, ""])
    top.setFlags(top.flags() | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemIsAutoTristate)
    for part in file.parts:
        item = QTreeWidgetItem(top, [part.name, part.words])
        item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable | Qt.ItemFlag.ItemNeverHasChildren)
        item.setCheckState(_NAME, Qt.CheckState.Checked if part.name in file.usual else Qt.CheckState.Unchecked)
    return top


def _ticked(row: QTreeWidgetItem) -> list[str]:
    items = (row.child(number) for number in range(row.childCount()))
    return [item.text(_NAME) for item in items if item.checkState(_NAME) == Qt.CheckState.Checked]

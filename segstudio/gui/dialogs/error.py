"""What a program fault looks like: one readable message, the report folded away, the program lives on."""

import platform

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from segstudio import __version__


class ErrorDialog(QMessageBox):
    """Shows an unexpected error once; its report holds no image data."""

    def __init__(self, title: str, trace: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setIcon(QMessageBox.Icon.Warning)
        self.setWindowTitle(self.tr("Something went wrong in SegStudio"))
        self.setText(self.tr("SegStudio met a fault of its own: {title}").format(title=title))
        self.setInformativeText(
            self.tr("Your labels are safe: every finished stroke is on the disk. You can go on working.")
        )
        self.report = f"SegStudio {__version__}, Qt {qVersion()}, {platform.platform()}\n\n{trace}"
        self.setDetailedText(self.report)
        copy: QPushButton = self.addButton(self.tr("Copy report"), QMessageBox.ButtonRole.ActionRole)
        copy.clicked.disconnect()
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.report))
        self.addButton(self.tr("Go on"), QMessageBox.ButtonRole.AcceptRole)
        self.setModal(False)

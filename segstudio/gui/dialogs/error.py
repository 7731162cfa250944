"""What a program fault looks like: one readable message, the report folded away, the program lives on."""

from pathlib import Path

from PySide6.QtWidgets import QMessageBox, QWidget

from segstudio.gui.report import Report
from segstudio.session.background import Background


class ErrorDialog(QMessageBox):
    """Shows an unexpected error once; its report holds no image data.

    Parameters
    ----------
    log
        The program's log, of which the report has the last lines.
    background
        Reads it.
    """

    def __init__(self, title: str, trace: str, log: Path | None, background: Background, parent: QWidget) -> None:
        super().__init__(parent)
        self.setIcon(QMessageBox.Icon.Warning)
        self.setWindowTitle(self.tr("Something went wrong in SegStudio"))
        self.setText(self.tr("SegStudio met a fault of its own: {title}").format(title=title))
        self.setInformativeText(
            self.tr("Your labels are safe: every finished stroke is on the disk. You can go on working.")
        )
        self.report = Report(self, f"{title}\n\n{trace}", log, background)
        self.addButton(self.tr("Go on"), QMessageBox.ButtonRole.AcceptRole)
        self.setModal(False)

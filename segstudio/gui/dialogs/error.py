"""What a program fault looks like: one readable message, the report folded away, the program lives on."""

from pathlib import Path

from PySide6.QtWidgets import QMessageBox, QWidget

from segstudio.gui.forms.plain import plain
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
        self._calm = self.tr("Your labels are safe: every finished stroke is on the disk. You can go on working.")
        self.setInformativeText(self._calm)
        plain(self)
        self.report = Report(self, f"{title}\n\n{trace}", log, background)
        self.addButton(self.tr("Go on"), QMessageBox.ButtonRole.AcceptRole)
        self.setModal(False)
        self._times, self._others = 1, 0

    def count(self, times: int) -> None:
        """Say how often the same came by now."""
        self._times = times
        self._say()

    def count_other(self) -> None:
        """Say that another one came, which only the log tells of."""
        self._others += 1
        self._say()

    def _say(self) -> None:
        words = [self._calm]
        if self._times > 1:
            words.append(self.tr("This came {0} times.").format(self._times))
        if self._others:
            words.append(self.tr("Other faults since then, in the log: {0}.").format(self._others))
        self.setInformativeText(" ".join(words))

"""Everything behind the menu Help, and what is said when the program itself is at fault."""

import traceback
from pathlib import Path

from PySide6.QtCore import QObject, Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QWidget

from segstudio import __version__
from segstudio.gui.actions import ActionTable
from segstudio.gui.dialogs.error import ErrorDialog
from segstudio.gui.dialogs.help import HelpWindow
from segstudio.gui.dialogs.key_map import KeyMap
from segstudio.session.background import Background


class HelpDesk(QObject):
    """Opens help pages, the key map, the log and reports.

    Parameters
    ----------
    log_file
        Where the program's log is written, for "Show log" and for reports.
    background
        Reads it.
    """

    def __init__(self, window: QWidget, log_file: Path | None, background: Background) -> None:
        super().__init__(window)
        self._window = window
        self._log_file = log_file
        self._background = background
        self._pages: HelpWindow | None = None
        self._fault: ErrorDialog | None = None

    def show_keys(self, actions: ActionTable) -> None:
        """Show every key and gesture."""
        keys = KeyMap(actions, self._window)
        keys.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        keys.open()

    def show_pages(self) -> None:
        """Show the help pages."""
        if self._pages is None:
            self._pages = HelpWindow(self._window)
        self._pages.open_page()

    def show_log(self) -> None:
        """Open the program's log with the system's viewer."""
        if self._log_file is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log_file)))

    def show_about(self) -> None:
        """Say what this is."""
        says = self.tr("Label, train, segment, correct and measure cells on your own computer.")
        licence = self.tr("BSD-3-Clause licence.")
        QMessageBox.about(self._window, "SegStudio", f"SegStudio {__version__}\n\n{says}\n{licence}")

    def show_fault(self, error: BaseException) -> None:
        """Show an error that nobody caught; while one is shown the next goes to the log only."""
        if self._fault is not None and self._fault.isVisible():
            return
        trace = "".join(traceback.format_exception(error))
        self._fault = ErrorDialog(
            f"{type(error).__name__}: {error}", trace, self._log_file, self._background, self._window
        )
        self._fault.open()

"""Everything behind the menu Help, and what is said when the program itself is at fault."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from PySide6.QtCore import QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QPushButton, QWidget

from segstudio import __version__
from segstudio.gui.actions import ActionTable
from segstudio.gui.dialogs.error import ErrorDialog
from segstudio.gui.dialogs.help import HelpWindow
from segstudio.gui.dialogs.key_map import KeyMap
from segstudio.gui.faults import place_of, title_of, told
from segstudio.gui.report import Failure, ReportBox
from segstudio.project.refusals import Refusal
from segstudio.session.background import Background
from segstudio.session.notice import Notice

#: What was closed by the user is shown again when it comes anew after so many seconds of quiet.
_QUIET_S: Final = 5.0
#: What is said about the log.
_LOG: Final = "log"


class HelpDesk(QObject):
    """Opens help pages, the key map, the log and reports.

    Parameters
    ----------
    log_file
        Where the program's log is written, for "Show log" and for reports.
    background
        Reads it.
    unsaved
        Returns what is nowhere safe at this moment, by name, and why if that is known.
    """

    offered = Signal(object, object)
    """A `Notice`, and the button with which the user takes the offer, or ``None``."""

    def __init__(
        self,
        window: QWidget,
        log_file: Path | None,
        background: Background,
        unsaved: Callable[[], Mapping[str, Refusal | None]],
    ) -> None:
        super().__init__(window)
        self._window = window
        self._log_file = log_file
        self._background = background
        self._unsaved = unsaved
        self._pages: HelpWindow | None = None
        self._fault: ErrorDialog | None = None
        self._place = ""
        self._before = 0
        self._told: dict[str, tuple[int, float]] = {}

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
        """Open the program's log with the system's viewer; say where it is when there is no viewer."""
        if self._log_file is None:
            says = self.tr("There is no log: the folder for it cannot be written to.")
            self.offered.emit(Notice(says, "", "warning", about=_LOG, outlives=True), None)
        elif not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._log_file))):
            says = self.tr("This desktop has no program that shows the log.")
            hint = self.tr("Open it with a text editor: {0}").format(self._log_file)
            self.offered.emit(Notice(says, hint, "warning", about=_LOG, outlives=True), None)

    def show_about(self) -> None:
        """Say what this is."""
        says = self.tr("Label, train, segment, correct and measure cells on your own computer.")
        licence = self.tr("BSD-3-Clause licence.")
        QMessageBox.about(self._window, "SegStudio", f"SegStudio {__version__}\n\n{says}\n{licence}")

    def show_fault(self, error: BaseException) -> None:
        """Show an error that nobody caught, once: while it is shown, or comes with each repaint, it is counted."""
        place, now = place_of(error), time.monotonic()
        count, last = self._told.get(place, (0, -_QUIET_S))
        self._told[place] = (count + 1, now)
        if self._fault is not None and self._fault.isVisible():
            if self._place == place:
                self._fault.count(count + 1 - self._before)
            else:
                self._fault.count_other()
        elif now - last >= _QUIET_S:
            self._place, self._before = place, count
            self._show(error)

    def tell_crash(self, crash: str) -> None:
        """Say that the program crashed the last time, when it did, and offer the report."""
        if not crash:
            return
        button = QPushButton(self.tr("Show report"))
        says = self.tr("SegStudio ended unexpectedly the last time.")
        # Nobody can tell what the disk had refused at that moment, nor what became of it since.
        hint = self.tr(
            "What was not saved yet may be missing. If anything that was saved is damaged, a message says so when you "
            "open the project."
        )
        button.clicked.connect(lambda: self._show_crash(crash, hint))
        self.offered.emit(Notice(says, hint, "warning", about="crash", outlives=True), button)

    def _show_crash(self, crash: str, hint: str) -> None:
        title = next((line for line in crash.splitlines() if line.startswith("Fatal")), "Fatal Python error")
        failure = Failure(
            title=self.tr("SegStudio ended unexpectedly"),
            message=self.tr("SegStudio ended unexpectedly the last time: {0}").format(title),
            hint=hint,
            report=crash,
            leave=self.tr("Close"),
            picture="warning",
        )
        box = ReportBox(failure, self._log_file, self._background, self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

    def _show(self, error: BaseException) -> None:
        if self._fault is not None:
            self._fault.deleteLater()
        unsaved, title = self._unsaved(), title_of(error)
        self._fault = ErrorDialog(title, told(error), unsaved, self._log_file, self._background, self._window)
        self._fault.open()

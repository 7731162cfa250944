"""The report that a user sends when something failed: message, versions, details, the last lines of the log."""

import os
import platform
import re
from pathlib import Path

from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QPushButton

from segstudio import __version__
from segstudio.session.background import Background

_LINES = 60
_BYTES = 64_000


def versions() -> str:
    """Return what the program runs on."""
    return f"SegStudio {__version__}, Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}"


def log_tail(path: Path) -> str:
    """Return the last lines of a log; call it on a thread."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _BYTES))
        lines = file.read().decode("utf-8", "replace").splitlines()
    return "\n".join(lines[-_LINES:])


def without_names(text: str, home: Path | None = None) -> str:
    """Return `text` without the name of the user: their home folder is ``~``, and so is any folder of their name.

    Examples
    --------
    >>> without_names("/home/ada/cells/a.tif and /scans/ada/b.tif", Path("/home/ada"))
    '~/cells/a.tif and /scans/~/b.tif'
    """
    folder = home or Path.home()
    for written in {str(folder), folder.as_posix(), str(folder).replace("\\", "\\\\")} - {"", "/", "."}:
        text = text.replace(written, "~")
    name = re.escape(folder.name)
    return re.sub(rf"(?<=[\\/]){name}(?=[\\/\s\"':,;]|$)", "~", text) if name else text


class Report:
    """The report behind a message box: fills its details and its button "Copy report".

    Parameters
    ----------
    box
        Where the report is shown.
    text
        Message and details of what failed.
    log
        The log that tells more, ``None`` for none; it is read on a thread.
    """

    def __init__(self, box: QMessageBox, text: str, log: Path | None, background: Background) -> None:
        self.text = without_names(f"{versions()}\n\n{text}")
        self._box = box
        self.button: QPushButton = box.addButton(box.tr("Copy report"), QMessageBox.ButtonRole.ActionRole)
        self.button.clicked.disconnect()  # it shall not close the box
        self.button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text))
        box.setDetailedText(self.text)
        if log is not None:
            self.button.setEnabled(False)
            background.run(lambda: log_tail(log), self._add, lambda _error: self._add(""))

    def _add(self, tail: str) -> None:
        self.text += f"\n\n{self._box.tr('Last lines of the log:')}\n{without_names(tail)}" if tail else ""
        self._box.setDetailedText(self.text)
        self.button.setEnabled(True)

"""The report that a user sends when something failed: message, versions, details, the last lines of the log."""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, qVersion
from PySide6.QtGui import QFontDatabase, QGuiApplication
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from segstudio import __version__
from segstudio.gui.forms.parts import button, caption, heading, row
from segstudio.gui.later import later
from segstudio.gui.program_log import write_waiting_lines
from segstudio.gui.theme import FONT_BASE, SPACING, SPACING_GROUP, icon
from segstudio.session.background import Background

_LINES = 60
_BYTES = 64_000
#: Least room of the report when it is unfolded: traces have lines of about 100 characters.
_WIDTH, _LINES_SHOWN = 720, 18
_WORDS_WIDTH = 380
#: How long the button says that it has copied.
_COPIED_MS = 2_000


def versions() -> str:
    """Return what the program runs on."""
    return f"SegStudio {__version__}, Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}"


def log_tail(path: Path) -> str:
    """Return the last lines of a log; call it on a thread."""
    write_waiting_lines()
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


@dataclass(frozen=True, slots=True)
class Failure:
    """What a `ReportBox` says of something that failed.

    Attributes
    ----------
    title
        Of the window.
    message, hint
        What is said at once.
    report
        Message and details.
    leave
        The words of the button that closes the box.
    picture
        Icon and colour; none when empty.
    """

    title: str
    message: str
    hint: str
    report: str
    leave: str
    picture: str = ""


class ReportBox(QDialog):
    """A message whose report is folded away, and can be copied in any case; unfolded, it can be made larger.

    Parameters
    ----------
    log
        The log that tells more, ``None`` for none.
    background
        Reads it.

    Attributes
    ----------
    failure
        What is said.
    text
        The report, with the last lines of the log when they are read.
    """

    def __init__(self, failure: Failure, log: Path | None, background: Background, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(failure.title)
        self.failure = failure
        self.text = without_names(f"{versions()}\n\n{failure.report}")
        self._hint = caption(failure.hint, "")
        self._details = QPlainTextEdit(self.text)
        self._fold = button(self.tr("Show details"), self._unfold)
        self._copy = button(self.tr("Copy report"), self._copy_text, "copy")
        self._leave = button(failure.leave, self.accept, primary=True)
        self._lay_out(failure)
        if log is not None:
            self._copy.setEnabled(False)
            background.run(lambda: log_tail(log), self._add, lambda _error: self._add(""))

    @property
    def hint(self) -> str:
        """What is said below the message."""
        return self._hint.text()

    def say(self, hint: str) -> None:
        """Say something else below the message."""
        self._hint.setText(hint)

    def _lay_out(self, failure: Failure) -> None:
        details = self._details
        details.setObjectName("report")
        details.setReadOnly(True)
        details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(FONT_BASE)
        details.setFont(font)
        details.setMinimumSize(_WIDTH, details.fontMetrics().lineSpacing() * _LINES_SHOWN)
        details.hide()
        words = QVBoxLayout()
        words.setSpacing(SPACING)
        said = heading(failure.message)
        said.setWordWrap(True)
        words.addWidget(said)
        words.addWidget(self._hint)
        self._hint.setMinimumWidth(_WORDS_WIDTH)
        head = QHBoxLayout()
        head.setSpacing(SPACING_GROUP)
        if failure.picture:
            sign = QLabel()
            sign.setPixmap(icon(failure.picture, failure.picture).pixmap(32, 32))
            head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(words, 1)
        for item in (self._fold, self._copy):
            item.setAutoDefault(False)
        self._leave.setDefault(True)
        buttons = row(self._fold, self._copy, self._leave)
        buttons.insertStretch(1)
        column = QVBoxLayout(self)
        column.setSpacing(SPACING_GROUP)
        column.addLayout(head)
        column.addWidget(details, 1)
        column.addLayout(buttons)
        self._leave.setFocus()

    def _unfold(self) -> None:
        shown = self._details.isHidden()
        self._details.setVisible(shown)
        self._fold.setText(self.tr("Hide details") if shown else self.tr("Show details"))
        self.setSizeGripEnabled(shown)
        self.adjustSize()

    def _copy_text(self) -> None:
        QGuiApplication.clipboard().setText(self.text)
        self._copy.setMinimumWidth(self._copy.width())
        self._copy.setText(self.tr("Copied"))
        later(self, lambda: self._copy.setText(self.tr("Copy report")), _COPIED_MS)

    def _add(self, tail: str) -> None:
        if not isValid(self):  # it was closed before the log was read
            return
        if tail:
            added = f"\n{self.tr('Last lines of the log:')}\n{without_names(tail)}"
            self.text += f"\n{added}"
            self._details.appendPlainText(added)
        self._copy.setEnabled(True)

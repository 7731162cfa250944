"""Safe mode: standard layout, no last project, no plug-ins, no preferences; nothing of them is deleted or changed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Final

from PySide6.QtCore import QCoreApplication, QSettings
from PySide6.QtWidgets import QMessageBox

from segstudio.core.registry import NO_PLUG_INS
from segstudio.gui.start_mark import Trouble
from segstudio.session.notice import Notice

#: Name of the flag on the command line.
FLAG: Final = "--safe-mode"


def wants_safe_mode(trouble: Trouble) -> bool:
    """Ask whether to start in safe mode, for the last start went wrong; before there is a window."""
    box = QMessageBox(QMessageBox.Icon.Question, "SegStudio", "")
    box.setObjectName("safe-mode")
    box.setText(_words(trouble))
    box.setInformativeText(
        _tr(
            "Your labels stay as they are. In safe mode it starts with standard layout and settings, without "
            "plug-ins, and opens no project by itself. Nothing is deleted: the next start is a usual one again."
        )
    )
    safe = box.addButton(_tr("Start in safe mode"), QMessageBox.ButtonRole.AcceptRole)
    usual = box.addButton(_tr("Start as usual"), QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(safe)
    box.setEscapeButton(usual)
    box.exec()
    return box.clickedButton() is safe


def advice(trouble: Trouble) -> Notice:
    """Return the same for a window that nobody could be asked before: no screen draws it."""
    hint = _tr("If it happens again, start it in safe mode: segstudio {0}").format(FLAG)
    return Notice(_words(trouble), hint, "warning", outlives=True)


@contextmanager
def safe_mode() -> Iterator[None]:
    """Give the program, and the workers it starts, preferences and a layout that are new and soon forgotten."""
    folder = Path(mkdtemp(prefix="segstudio-safe-"))
    own = {"SEGSTUDIO_CONFIG": str(folder), NO_PLUG_INS: "1"}
    before = {name: os.environ.get(name) for name in own}
    ini, user = QSettings.Format.IniFormat, QSettings.Scope.UserScope
    settings = Path(QSettings(ini, user, "SegStudio", "window").fileName()).parents[1]
    os.environ.update(own)
    QSettings.setPath(ini, user, str(folder))
    try:
        yield
    finally:
        QSettings.setPath(ini, user, str(settings))
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        shutil.rmtree(folder, ignore_errors=True)


def notice(*, named: bool) -> Notice:
    """Return what tells the user that this is safe mode.

    Parameters
    ----------
    named
        Whether a project or images were named at the start, which are opened in this mode too.
    """
    if named:
        return Notice(
            _tr("This is safe mode: standard layout and settings, no plug-ins."),
            _tr("The next start is a usual one."),
            outlives=True,
        )
    return Notice(
        _tr("This is safe mode: standard layout and settings, no plug-ins, no project opened by itself."),
        _tr("Open your project by File › Open project. The next start is a usual one."),
        outlives=True,
    )


def _words(trouble: Trouble) -> str:
    if trouble == "no-start":
        return _tr("SegStudio did not come up the last time it was started.")
    return _tr("SegStudio ended within seconds the last times it was started.")


def _tr(text: str) -> str:
    return QCoreApplication.translate("SafeMode", text)

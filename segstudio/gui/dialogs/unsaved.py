"""The question when a project closes whose last strokes could not be written to its disk."""

import time

from PySide6.QtCore import QCoreApplication, QEventLoop
from PySide6.QtWidgets import QMessageBox, QWidget

from segstudio.gui.forms.plain import plain
from segstudio.project.refusals import Refusal, refusal_of
from segstudio.session.safe_keeping import if_not_back, names_of, otherwise_of, place_of, said_of, was_removed
from segstudio.session.session import Session

#: So long a disk has to take what was drawn last, seconds.
_PATIENCE = 1.0
_STEP_MS = 20


def agree_on_unsaved(session: Session, parent: QWidget) -> bool:
    """Ask what becomes of strokes that are not on the disk of the project, if any; return whether to close."""
    while True:
        _let_settle(session)
        unsaved, rescued = session.unsaved(0), session.rescued()
        if unsaved:
            answer = _ask_to_lose(unsaved, parent)
        elif rescued:
            answer = _ask_to_leave(rescued, if_not_back(session.project), parent)
        else:
            return True
        if answer is not None:
            return answer
        session.safe_keeping.retry()


def _let_settle(session: Session) -> None:
    """Wait a moment for a disk that is slow; the window is painted meanwhile."""
    end = time.monotonic() + _PATIENCE
    while (session.unsaved(0) or session.rescued()) and time.monotonic() < end:
        QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents, _STEP_MS)
        time.sleep(_STEP_MS / 1000)


def _ask_to_lose(unsaved: dict[str, Refusal | None], parent: QWidget) -> bool | None:
    """Ask about strokes that are nowhere; return whether to close, ``None`` to try again."""
    box = QMessageBox(QMessageBox.Icon.Warning, _tr("Not saved"), "", parent=parent)
    box.setObjectName("close-unsaved")
    box.setText(_tr("What you did last in {0} is not saved yet.").format(names_of(unsaved)))
    known = [why for why in unsaved.values() if why is not None]
    reason, remedy = said_of(known or [refusal_of(None)])
    box.setInformativeText(_tr("{0}. {1}. If you close now, it is lost.").format(reason, remedy))
    return _answer(box, _tr("Try again"), _tr("Close and lose it"), QMessageBox.ButtonRole.DestructiveRole)


def _ask_to_leave(rescued: dict[str, Refusal], if_removed: str, parent: QWidget) -> bool | None:
    """Tell of strokes that are kept elsewhere; return whether to close, ``None`` to try again."""
    box = QMessageBox(QMessageBox.Icon.Information, _tr("Not in the project yet"), "", parent=parent)
    box.setObjectName("close-rescued")
    box.setText(_tr("What you did last in {0} is not in the project yet.").format(names_of(rescued)))
    reason, remedy = said_of(rescued.values())
    if was_removed(rescued.values()):
        says = _tr("{0}. {1}: what you did last is kept {2} and goes in when the project is opened there again.")
        says = f"{says} {if_removed}"
    elif otherwise_of(rescued.values()):
        says = _tr("{0}. {1}, or close: it is kept {2}. Open the project here again: it goes in, or is kept beside it.")
    else:
        says = _tr("{0}. {1}, or close: nothing is lost. It is kept {2}; open the project here again, and it goes in.")
    box.setInformativeText(says.format(reason, remedy, place_of(rescued.values())))
    return _answer(box, _tr("Try again now"), _tr("Close"), QMessageBox.ButtonRole.AcceptRole)


def _answer(box: QMessageBox, try_again: str, close: str, role: QMessageBox.ButtonRole) -> bool | None:
    plain(box)
    again = box.addButton(try_again, QMessageBox.ButtonRole.AcceptRole)
    leave = box.addButton(close, role)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(again)
    box.exec()
    if box.clickedButton() is again:
        return None
    return box.clickedButton() is leave


def _tr(text: str) -> str:
    return QCoreApplication.translate("Unsaved", text)

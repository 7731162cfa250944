"""The question when a project closes whose last strokes could not be written to the disk."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from segstudio.session.session import Session


def agree_on_unsaved(session: Session, parent: QWidget) -> bool:
    """Ask what becomes of strokes that are not on the disk, when there are any; return whether to close."""
    while unsaved := session.unsaved():
        box = QMessageBox(QMessageBox.Icon.Warning, _tr("Not saved"), "", parent=parent)
        box.setObjectName("close-unsaved")
        names = ", ".join(unsaved)
        box.setText(_tr("What you drew last in {0} is not saved yet.").format(names))
        reasons = " ".join(dict.fromkeys(reason for reason in unsaved.values() if reason))
        box.setInformativeText(reasons or _tr("The disk is slow or does not answer."))
        again = box.addButton(_tr("Try again"), QMessageBox.ButtonRole.AcceptRole)
        lose = box.addButton(_tr("Close and lose it"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(again)
        box.exec()
        if box.clickedButton() is lose:
            return True
        if box.clickedButton() is not again:
            return False
    return True


def _tr(text: str) -> str:
    return QCoreApplication.translate("Unsaved", text)

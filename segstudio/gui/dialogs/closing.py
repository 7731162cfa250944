"""The question when the window closes while a training runs."""

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from segstudio.gui.forms.plain import plain
from segstudio.session.session import Session


def agree_on_running_training(session: Session, parent: QWidget) -> bool:
    """Ask what becomes of a running training, and see to it; return whether the window may close."""
    if not session.jobs.trainings.running:
        return True
    box = QMessageBox(parent)
    box.setObjectName("close-while-training")
    box.setWindowTitle(_tr("A training is running"))
    box.setText(_tr("A training is still running. What should become of it?"))
    box.setInformativeText(_tr("If it goes on, you find it again when you open this project."))
    plain(box)
    go_on = box.addButton(_tr("Let it go on"), QMessageBox.ButtonRole.AcceptRole)
    stop = box.addButton(_tr("Stop and keep the best"), QMessageBox.ButtonRole.DestructiveRole)
    box.addButton(QMessageBox.StandardButton.Cancel)
    box.exec()
    if box.clickedButton() is go_on:
        session.jobs.trainings.detach()
    elif box.clickedButton() is stop:
        session.jobs.trainings.stop()
    else:
        return False
    return True


def _tr(text: str) -> str:
    return QCoreApplication.translate("Closing", text)

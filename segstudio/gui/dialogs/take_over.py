"""The question before a project is taken over from a computer that is off."""

from PySide6.QtCore import QCoreApplication, QDateTime, QLocale
from PySide6.QtWidgets import QMessageBox, QWidget

from segstudio.gui.forms.plain import plain
from segstudio.project.lock import Holder


def agree_on_taking_over(name: str, holder: Holder, parent: QWidget) -> bool:
    """Ask whether the computer of `holder` is off and the project `name` is to be taken over; return the answer."""
    computer = holder.computer or _tr("the other computer")
    since = QLocale().toString(
        QDateTime.fromSecsSinceEpoch(int(holder.since.timestamp())), QLocale.FormatType.ShortFormat
    )
    box = QMessageBox(QMessageBox.Icon.Warning, _tr("Take over"), "", parent=parent)
    box.setObjectName("take-over")
    box.setText(_tr("Is {0} off?").format(computer))
    box.setInformativeText(
        _tr(
            "{0} was opened there on {1} ({2}) and was not closed since. Take it over only when that computer is off, "
            "or SegStudio does not run on it any more: two programs that write at the same time undo each other's "
            "work. What was drawn there last is brought back."
        ).format(name, since, holder.who)
    )
    plain(box)
    take = box.addButton(_tr("It is off: take over"), QMessageBox.ButtonRole.DestructiveRole)
    cancel = box.addButton(QMessageBox.StandardButton.Cancel)
    box.setDefaultButton(cancel)
    box.exec()
    return box.clickedButton() is take


def _tr(text: str) -> str:
    return QCoreApplication.translate("TakeOver", text)

"""Opens the history of the image in front, or of one that cannot be opened; at most one window of it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from segstudio.gui.dialogs.history import HistoryDialog

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def show_history(window: "MainWindow", damaged: str = "") -> None:
    """Open the history, or bring it to the front.

    Parameters
    ----------
    damaged
        Id of an image that cannot be opened, since its labels are damaged; of the image in front when empty, or of
        the one that was asked for last when there is none.
    """
    session = window.session
    session.earlier.turn_to(damaged or ("" if session.document is not None else session.front.damaged))
    # One that was closed a moment ago is still a child.
    dialog = next((found for found in window.findChildren(HistoryDialog) if found.isVisible()), None)
    if dialog is None:
        dialog = HistoryDialog(window.session, window.canvas.finish_stroke, window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
    else:
        dialog.raise_()
    dialog.activateWindow()

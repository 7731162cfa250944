"""Opens the history of the image in front, at most one window of it."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from segstudio.gui.dialogs.history import HistoryDialog

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def show_history(window: "MainWindow") -> None:
    """Open the history, or bring it to the front."""
    # One that was closed a moment ago is still a child.
    dialog = next((found for found in window.findChildren(HistoryDialog) if found.isVisible()), None)
    if dialog is None:
        dialog = HistoryDialog(window.session, window.canvas.finish_stroke, window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
    else:
        dialog.raise_()
    dialog.activateWindow()

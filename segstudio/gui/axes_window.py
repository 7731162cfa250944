"""Asks in the window what the axes of an image mean, and has them read so."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt

from segstudio.gui.dialogs.axes import AxesDialog
from segstudio.session.axis_meaning import AxesFound

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


def ask_axes(window: "MainWindow", image_id: str, *, of_front: bool = False) -> None:
    """Ask what the axes of an image mean, and how large its pixels are.

    Parameters
    ----------
    of_front
        Only while it is in front.
    """
    session = window.session

    def show(found: AxesFound) -> None:
        document = session.document
        if of_front and (document is None or document.entry.id != image_id):
            return
        dialog = AxesDialog(found, window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)

        def take() -> None:
            ids, letters, size = dialog.ids(), dialog.letters(), dialog.pixel_size()
            window.canvas.finish_stroke()
            session.axes.read_as(ids, letters, size, keep=dialog.keeps())

        dialog.accepted.connect(take)
        dialog.open()

    session.axes.look(image_id, show)

"""Files and folders that are dragged over the window and dropped on it."""

from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QWidget

from segstudio.gui.drop_sign import DropSign
from segstudio.gui.opening import Opening
from segstudio.session.session import Session


class Dropping(QObject):
    """Shows what letting go will do, and does it.

    Parameters
    ----------
    window
        Where things can be dropped.
    sign
        Lies over the window meanwhile.
    opening
        Opens or adds what was dropped.
    """

    def __init__(self, session: Session, window: QWidget, sign: DropSign, opening: Opening) -> None:
        super().__init__(window)
        self._session, self._sign, self._opening = session, sign, opening
        window.setAcceptDrops(True)
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take what is dragged."""
        if isinstance(event, QDragEnterEvent):
            if event.mimeData().hasUrls():
                event.acceptProposedAction()
                self._sign.appear(self._session.project is not None)
            return True
        if event.type() == QEvent.Type.DragLeave:
            self._sign.hide()
        elif event.type() == QEvent.Type.Drop and isinstance(event, QDropEvent):
            self._drop(event)
            return True
        return super().eventFilter(watched, event)

    def _drop(self, event: QDropEvent) -> None:
        self._sign.hide()
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        if paths:
            self._opening.open_paths(paths)
        else:
            self._opening.refuse_links()

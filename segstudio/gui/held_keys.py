"""Keys of the window that work while they are held: H lifts the overlays, Tab leaves the image alone."""

from PySide6.QtCore import QEvent, QKeyCombination, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from segstudio.gui.field_keys import keeps_key, takes_text
from segstudio.gui.layout import Layout
from segstudio.session.session import Session


class HeldKeys(QObject):
    """Watches the keys of window and canvas.

    Parameters
    ----------
    session
        Its view is told whether H is held.
    window, canvas
        H works in the whole window, Tab over the image.
    layout
        Hides and shows the panels.
    """

    def __init__(self, session: Session, window: QWidget, canvas: QWidget, layout: Layout) -> None:
        super().__init__(window)
        self._session, self._window, self._canvas, self._layout = session, window, canvas, layout
        window.installEventFilter(self)
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take the keys that are ours."""
        return self._in_window(event) if watched is self._window else self._over_canvas(event)

    def _in_window(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ActivationChange and not self._window.isActiveWindow():
            self._session.view.peek = False
        if not isinstance(event, QKeyEvent):
            return False
        if keeps_key(self._window.focusWidget(), event):
            event.accept()
            return True
        if event.type() == QEvent.Type.ShortcutOverride:
            if event.keyCombination() == QKeyCombination(Qt.Key.Key_H) and not takes_text(self._window.focusWidget()):
                self._canvas.setFocus()  # a list would look for an entry with H
            return False
        held = event.key() == Qt.Key.Key_H and not event.isAutoRepeat()
        if held:
            self._session.view.peek = event.type() == QEvent.Type.KeyPress
        return held

    def _over_canvas(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Tab and self._session.document is not None:
            if event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease) and not event.isAutoRepeat():
                self._layout.only_canvas(event.type() == QEvent.Type.KeyPress)
            return True
        if event.type() == QEvent.Type.FocusOut:
            self._layout.only_canvas(False)  # Tab is let go elsewhere
        return False

"""Mouse, wheel and keys over the canvas: pan, zoom, brush size, and gestures of the tool in the hand."""

from PySide6.QtCore import QEvent, QObject, QPointF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPointingDevice, QTabletEvent, QWheelEvent

from segstudio.gui.viewer.camera_view import CameraView
from segstudio.gui.viewer.decoration import BrushCursor
from segstudio.gui.viewer.hand import BRUSHES, Hand, Held
from segstudio.project.document import ImageDocument
from segstudio.session.session import Session
from segstudio.session.tools.base import EventKind

_PLANE_KEYS = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
_WHEEL = 1.0016
_DRAG_FROM = 4.0
_KEYS = {
    Qt.Key.Key_Escape: "Escape",
    Qt.Key.Key_Return: "Enter",
    Qt.Key.Key_Enter: "Enter",
    Qt.Key.Key_Space: "Space",
    Qt.Key.Key_Backspace: "Backspace",
    Qt.Key.Key_Delete: "Backspace",
}
_BUTTONS = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)


class Pointer(QObject):
    """What the hand does over one view.

    Parameters
    ----------
    view
        Is panned and zoomed; its events are handed to the methods below.
    hand
        Gets what belongs to the tool.
    brush
        Circle at the pointer.
    """

    moved = Signal(QPointF)
    """The pointer is here now, logical screen pixels; not while the view is panned."""
    acted = Signal()
    """A gesture began, went on by a click or a key, or ended."""

    def __init__(self, session: Session, view: CameraView, hand: Hand, brush: BrushCursor) -> None:
        super().__init__(view)
        self._session = session
        self._view = view
        self._hand = hand
        self._brush = brush
        self.undo_keys, self.redo_keys = frozenset({"Ctrl+Z"}), frozenset({"Ctrl+Y", "Ctrl+Shift+Z"})
        """Keys, as Qt writes them, that would change the document under the points of a line that is drawn."""
        self._document: ImageDocument | None = None
        self._pan_from: QPointF | None = None
        self._pan_button = Qt.MouseButton.NoButton
        self._panned = False
        self._pressed = False
        self._button = Qt.MouseButton.NoButton
        self._space = False
        self._at: QPointF | None = None
        self._pressure, self._eraser = 1.0, False

    def set_document(self, document: ImageDocument | None) -> None:
        """Work on another document, or none."""
        self._document = document
        self._hand.set_document(document)

    def wheel(self, event: QWheelEvent) -> None:
        """Zoom at the pointer; with Ctrl change the brush, with Ctrl and Shift go through a stack."""
        steps = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & _PLANE_KEYS == _PLANE_KEYS:
            if steps and self._document is not None and not self._document.editing:
                if self._hand.holds_work:
                    self._hand.finish()
                self._session.planes.step("Z", 1 if steps < 0 else -1)
        elif event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if steps:
                self._session.view.resize_brush(1.1 if steps > 0 else 1 / 1.1)
        else:
            self._view.zoom(_WHEEL**steps, event.position())
        event.accept()

    def pen(self, event: QTabletEvent) -> bool:
        """Take what a pen does over a brush, or with its eraser end; return whether it was taken.

        What is left becomes events of the mouse, double clicks as well: Qt makes them.
        """
        self._eraser = event.pointerType() == QPointingDevice.PointerType.Eraser
        if not self._eraser and self._session.view.tool not in BRUSHES:
            return False
        kinds = {
            QEvent.Type.TabletPress: self.press,
            QEvent.Type.TabletMove: self.move,
            QEvent.Type.TabletRelease: self.release,
        }
        self._pressure = event.pressure()
        try:
            kinds[event.type()](event)
        finally:
            self._pressure, self._eraser = 1.0, False
        return True

    def press(self, event: QMouseEvent | QTabletEvent) -> None:
        """Start to pan, to click, or a gesture."""
        self._view.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._document is None or self._pan_from is not None:
            return
        button, at = event.button(), event.position()
        selecting = self._session.view.tool == "select" and not (self._hand.running or self._eraser)
        left = button == Qt.MouseButton.LeftButton
        if button == Qt.MouseButton.MiddleButton or (left and (self._space or selecting)):
            self._pan_from, self._panned = at, not selecting or not left or self._space
            self._pan_button = button
            self.update_cursor()
            self.update_brush()
            return
        if not self._pressed:
            self._pressed, self._button = True, button
        self._tell("press", at, self._held(button, event.modifiers()))
        self.acted.emit()
        self.update_cursor()

    def move(self, event: QMouseEvent | QTabletEvent) -> None:
        """Pan, go on with a gesture, or say where the pointer is."""
        at = event.position()
        self._at = at
        if not event.buttons():
            self._miss_release(at, event.modifiers())
        if self._pan_from is not None:
            self._pan(at, self._pan_from)
            return
        button = next((item for item in _BUTTONS if event.buttons() & item), Qt.MouseButton.NoButton)
        kind: EventKind = "hover" if button == Qt.MouseButton.NoButton else "move"
        if self._hand.running:
            self._tell(kind, at, self._held(button, event.modifiers()))
        self.update_brush()
        self.moved.emit(at)

    def _miss_release(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        """End what a button held on, when it was let go unseen, as over a dialog that opened."""
        self._pan_from, self._panned = None, False
        if self._pressed:
            self._pressed = False
            self._tell("release", at, self._held(self._button, modifiers))
            self.acted.emit()

    def _pan(self, at: QPointF, before: QPointF) -> None:
        pushed = at - before
        if self._panned or pushed.manhattanLength() >= _DRAG_FROM:
            self._panned = True
            self._view.set_camera(self._view.camera.moved(pushed.x(), pushed.y()))
            self._pan_from = at
            self.update_cursor()

    def release(self, event: QMouseEvent | QTabletEvent) -> None:
        """End to pan, a click, or a part of a gesture."""
        at = event.position()
        if self._pan_from is not None and event.button() == self._pan_button:
            clicked = not self._panned
            self._pan_from, self._panned = None, False
            self.update_cursor()
            self.update_brush()
            if clicked:
                self._click(at, event.modifiers())
            return
        # The other button may still be down: its gesture goes on.
        self._pressed = any(event.buttons() & item for item in _BUTTONS)
        if self._document is not None:
            self._tell("release", at, self._held(event.button(), event.modifiers()))
            self.acted.emit()

    def double(self, event: QMouseEvent) -> None:
        """Fit in select mode; end a polygon."""
        if self._document is None:
            return
        if self._session.view.tool == "select" and not self._hand.running:
            if event.button() == Qt.MouseButton.LeftButton:
                self._view.fit()
            return
        self._pressed, self._button = True, event.button()
        self._tell("double", event.position(), Held(event.button(), event.modifiers()))
        self.acted.emit()

    def _click(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if self._document is not None:
            held = Held(Qt.MouseButton.LeftButton, modifiers)
            self._tell("press", at, held)
            self._tell("release", at, held)
            self.acted.emit()

    def _held(self, button: Qt.MouseButton, modifiers: Qt.KeyboardModifier) -> Held:
        return Held(button, modifiers, self._pressure, eraser=self._eraser)

    def _tell(self, kind: EventKind, at: QPointF, held: Held) -> None:
        camera = self._view.camera
        self._hand.point(kind, camera.to_image(at.x(), at.y()), camera.scale, held)

    def enter(self, at: QPointF) -> None:
        """Show the brush where the pointer comes in."""
        self._at = at
        self.update_brush()

    def leave(self) -> None:
        """Hide the brush."""
        self._at = None
        self.update_brush()

    def keeps(self, event: QKeyEvent) -> bool:
        """Tell whether a key must not become a shortcut of the window: it belongs to a gesture, or pans.

        While a button is held that is every key, so that a slip does not change tool or image in mid-stroke.
        """
        if self._document is None:
            return False
        running = self._hand.running
        if running and (self._pressed or (self._hand.has_points and _chord(event) in self.undo_keys | self.redo_keys)):
            return True
        plain = not event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        key = Qt.Key(event.key())
        return (running and plain and key in _KEYS) or key == Qt.Key.Key_Space

    def key_down(self, event: QKeyEvent) -> None:
        """Give keys to a running gesture; hold Space to pan."""
        name = _KEYS.get(Qt.Key(event.key()), "")
        if _chord(event) in self.undo_keys and self._hand.has_points:
            name = "Backspace"
        if not name or self._document is None or not (self._hand.running or name == "Space"):
            event.ignore()
        elif self._hand.running:
            if not event.isAutoRepeat() or name == "Backspace":
                self._hand.key(name, event.modifiers())
                self.acted.emit()
        elif not event.isAutoRepeat():
            self._hold_space(True)

    def key_up(self, event: QKeyEvent) -> None:
        """Stop to pan when Space is let go."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat() and self._space:
            self._hold_space(False)
        else:
            event.ignore()

    def lose_focus(self) -> None:
        """Forget a held Space: its release goes elsewhere."""
        self._hold_space(False)

    def _hold_space(self, held: bool) -> None:
        self._space = held
        self.update_cursor()
        self.update_brush()

    def update_cursor(self) -> None:
        """Show the cursor of what a press would do."""
        shape = Qt.CursorShape.CrossCursor
        if self._pan_from is not None and self._panned:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._space:
            shape = Qt.CursorShape.OpenHandCursor
        elif self._document is None or self._session.view.tool == "select":
            shape = Qt.CursorShape.ArrowCursor
        elif self._session.view.tool in BRUSHES:
            shape = Qt.CursorShape.BlankCursor
        elif self._session.view.tool == "move":
            shape = Qt.CursorShape.SizeAllCursor
        self._view.viewport().setCursor(shape)

    def update_brush(self) -> None:
        """Place the circle of the brush, or hide it."""
        shown = self._at is not None and self._document is not None and self._session.view.tool in BRUSHES
        self._brush.setVisible(shown and self._pan_from is None and not self._space and not self._hand.sketching)
        if self._at is not None:
            self._brush.setPos(self._at)
        view = self._session.view
        self._brush.set_radius(view.brush_diameter / 2 * self._view.camera.scale, square=view.brush_square)


def _chord(event: QKeyEvent) -> str:
    return QKeySequence(event.keyCombination()).toString()

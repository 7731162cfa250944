"""The canvas: shows one document and turns what the hand does into edits."""

from collections.abc import Mapping

from psygnal import EmissionInfo
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFocusEvent, QKeyEvent, QMouseEvent, QTabletEvent, QWheelEvent
from PySide6.QtWidgets import QWidget

from segstudio.core.tiles import Window
from segstudio.gui.field_keys import takes_text
from segstudio.gui.viewer.camera_view import CameraView, Look
from segstudio.gui.viewer.decoration import BrushCursor, Decoration
from segstudio.gui.viewer.guides import Guides
from segstudio.gui.viewer.hand import Hand
from segstudio.gui.viewer.hint_card import HintCard
from segstudio.gui.viewer.loading_sign import LoadingSign
from segstudio.gui.viewer.minimap import Minimap
from segstudio.gui.viewer.network_layer import NetworkLayer
from segstudio.gui.viewer.no_image_words import no_image_words
from segstudio.gui.viewer.overlay_follower import OverlayFollower
from segstudio.gui.viewer.overlays import Overlays
from segstudio.gui.viewer.pictures import Pictures
from segstudio.gui.viewer.pointer import Pointer
from segstudio.gui.viewer.readout import Readout
from segstudio.gui.viewer.seen_words import seen_words
from segstudio.gui.viewer.sketch import SketchItem
from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.labels.label_map import LabelMap
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.session.session import Session


class Canvas(CameraView):
    """Image, overlays and gestures of one document.

    Parameters
    ----------
    session
        Its view state says what is shown and which tool is in the hand. Which document is shown is told by
        `set_document`.

    Notes
    -----
    Call `close_threads` before the program ends.
    """

    hovered = Signal(float, float, str, int)
    """Image x, y, pixel value in words, object id; ``(-1, -1, "", 0)`` when the pointer leaves the image."""
    tool_message = Signal(str)
    tool_guidance = Signal(str)
    """How the gesture at work is gone on with; empty when it has ended."""
    sampled = Signal(object, object)
    """An `ImageSource` that is shown or waits to be, and the `Histogram` of each of its channels."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._document: ImageDocument | None = None
        self._looks: dict[str, Look] = {}
        self._note = ""
        self._loader = TileLoader(self)
        self._make_layers()
        self._readout = Readout(self._pictures, self._loader, self)
        self._readout.read.connect(self.hovered)
        self._hand = Hand(session, self._sketch.show_sketches, self.tool_message.emit, self.tool_guidance.emit)
        self._pointer = Pointer(session, self, self._hand, self._brush)
        self._pointer.moved.connect(self._hover)
        self._pointer.acted.connect(self._update_hint)
        session.pixel_size_changed.connect(self._show_pixel_size)
        session.view.events.connect(self._on_view)
        session.made.changed.connect(self._on_made)
        self.destroyed.connect(self._loader.close)
        self.loading_sign = LoadingSign(self)
        session.front.loading.connect(self.loading_sign.wait_for)
        session.front.loading.connect(self._update_hint)
        session.images_changed.connect(self._update_hint)
        self.hint_card = HintCard(self)
        self.hint_card.dismissed.connect(self.setFocus)
        self.minimap = Minimap(self, self._loader, self.hint_card)
        self.minimap.entered.connect(self._on_minimap)
        self._pictures.shaded.connect(self.minimap.set_rendering)
        self._pictures.sampled.connect(self.sampled)
        self._pictures.prepared.connect(self._show_share)
        session.preferences_changed.connect(self._show_minimap)
        self._show_minimap()
        self._follower.exchanged.connect(self._update_hint)
        self._update_hint()

    def _make_layers(self) -> None:
        self._pictures = Pictures(self._session, self._scene, self._loader, self)
        self._overlays = Overlays(self._session, self._scene, self._loader, self)
        self._follower = OverlayFollower(self._session, self._overlays, self)
        self._decoration = Decoration()
        self._sketch = SketchItem()
        self._brush = BrushCursor()
        self._brush.setVisible(False)
        self.network = NetworkLayer()
        self._guides = Guides(self._scene, self._session.view, 19)
        for z, item in enumerate((self.network, self._decoration, self._sketch, self._brush), start=20):
            item.setZValue(z)
            self._scene.addItem(item)

    def _show_pixel_size(self) -> None:
        """Draw scale bar and sizes of boxes in what is known of the pixels."""
        document = self._document
        size = document.pixel_size if document else None
        self._overlays.boxes.set_pixel_size(size)
        shape = document.source.info.size if document else (0, 0)
        self._decoration.set_image(shape, size)
        self._guides.set_image(shape, size)

    def set_document(self, document: ImageDocument | None) -> None:
        """Show another document, or none."""
        self._pointer.set_document(document)
        if self._document is not None:
            self._document.changed.disconnect(self._on_changed)
            self._document.turned.disconnect(self._on_turned)
            self._keep_look(self._document.entry.id, self.look())
        self._document = document
        self._readout.forget()
        self._overlays.set_document(document)
        self.minimap.set_source(document.source if document else None)
        self._pictures.set_source(document.source if document else None)
        self._show_pixel_size()
        self._follower.set_document(document)
        if document is not None:
            document.changed.connect(self._on_changed)
            document.turned.connect(self._on_turned)
            self._pictures.set_plane(document.plane)
            self.minimap.turn(document.plane)
            self.set_look(self._looks.get(document.entry.id))
            self.zoom_changed.emit(self.camera.scale * self.ratio)
        self._on_made()
        self._pointer.update_cursor()

    def look_at(self, image_id: str) -> Look | None:
        """Return how an image is or was looked at; ``None`` for as a whole."""
        front = self._document is not None and self._document.entry.id == image_id
        return self.look() if front else self._looks.get(image_id)

    def look_later(self, image_id: str, look: Look | None) -> None:
        """Look at an image so when it comes to the front; it alone is remembered."""
        self._looks.clear()
        self._keep_look(image_id, look)

    def _keep_look(self, image_id: str, look: Look | None) -> None:
        if look is None:
            self._looks.pop(image_id, None)
        else:
            self._looks[image_id] = look

    def set_proposals(self, labels: LabelMap | None, states: Mapping[int, str] | None = None) -> None:
        """Show proposals over the labels; those that `states` calls accepted or rejected are left out."""
        self._overlays.set_proposals(labels, states or {})
        self._overlays.refresh()
        self._update_hint()

    def is_idle(self) -> bool:
        """Tell whether everything that is visible is there."""
        return not (self._loader.waiting() or self._overlays.waiting)

    def finish_stroke(self) -> None:
        """End a stroke that is being painted, or an outline that is being changed, and keep it."""
        if self._document is not None and self._hand.holds_work:
            self._hand.finish()

    def close_threads(self) -> None:
        """End the gesture and the threads; the canvas shows nothing afterwards."""
        self.set_document(None)
        session = self._session
        session.view.events.disconnect(self._on_view)
        session.pixel_size_changed.disconnect(self._show_pixel_size)
        session.made.changed.disconnect(self._on_made)
        session.preferences_changed.disconnect(self._show_minimap)
        session.front.loading.disconnect(self._update_hint)
        session.images_changed.disconnect(self._update_hint)
        self._follower.close()
        self._loader.close()

    def shown_window(self) -> Window | None:
        """Return the window of the whole image."""
        return Window.whole(self._document.planes.shape) if self._document is not None else None

    def square(self, side: int, centre: tuple[float, float] | None = None) -> Window | None:
        """Return `side` image pixels around a point ``(x, y)``, or the middle of the view, as far as the image goes."""
        if self._document is None:
            return None
        height, width = self._document.planes.shape
        x, y = centre or self.camera.to_image(self.width_px / 2, self.height_px / 2)
        left, top = (max(0, min(round(at - side / 2), length - side)) for at, length in ((x, width), (y, height)))
        return Window(top, left, top + side, left + side).clip((height, width))

    def place_layers(self, bounds: QRectF) -> None:
        """Let every layer follow the camera."""
        self._pictures.set_camera(self.camera, bounds, self.ratio)
        self._overlays.set_camera(self.camera, bounds, self.ratio)
        self.network.set_camera(self.camera, bounds)
        self._decoration.set_camera(self.camera, bounds)
        self._guides.set_camera(self.camera, bounds)
        self._sketch.set_camera(self.camera, bounds)
        self.minimap.follow()
        self._pointer.update_brush()

    def fly_to(self, target: object) -> None:
        """Bring a `Window` or the object of an id into the middle, at a size at which it can be judged."""
        if self._document is None:
            return
        window = target if isinstance(target, Window) else self._window_of(target)
        if window is not None and not window.empty:
            self.show_window(window)
            self.minimap.keep_clear(window)

    def _window_of(self, object_id: object) -> Window | None:
        if self._document is None or not isinstance(object_id, int):
            return None
        return self._document.planes.labels.window_of(object_id)

    def _on_changed(self, change: DocumentChange) -> None:
        self._overlays.on_changed(change)
        if not change.live:
            if self._hand.circles and self._document is not None and self._document.planes.objects:
                self.hint_card.learn()
            self._update_hint()

    def _on_turned(self, plane: int) -> None:
        self._pictures.set_plane(plane)
        self._say_what_is_seen()
        self.minimap.turn(plane)
        self._overlays.turn()
        self._readout.forget()
        self._readout.again()
        self._update_hint()

    def _on_view(self, info: EmissionInfo) -> None:
        name = info.signal.name
        if name == "display":
            self._pictures.apply_display()
        if name in ("crosshair", "grid", "ruler", "tool"):
            self._guides.follow()
        if name == "projection":
            self._pictures.project()
            self._on_made()
        if name == "tool":
            self._hand.change_tool()
            self._pointer.update_cursor()
        if name in ("brush_diameter", "brush_square", "tool"):
            self._pointer.update_brush()
        if name == "threshold":
            self._hand.tell_setting()

    def _on_made(self) -> None:
        """Show the image that a model made, and say so; or the image again."""
        made, document = self._session.made, self._document
        shown = made.shown and document is not None
        self.minimap.exchange(made.source if shown else self._pictures.image)
        self._pictures.follow_made()
        self._say_what_is_seen()
        self._readout.again()
        self._update_hint()

    def _say_what_is_seen(self) -> None:
        note = seen_words(self._session) if self._document is not None else ""
        self._note = note
        self._decoration.set_note(note)
        self.setAccessibleDescription(note)

    def _update_hint(self) -> None:
        document = self._document
        self._decoration.set_hint(no_image_words(self._session) if document is None else "")
        empty = document is not None and not document.planes.objects and self._overlays.shown_proposals is None
        may_draw = document is not None and not document.read_only
        self.hint_card.offer(empty and may_draw and not self._hand.running and not self._note)

    def _show_minimap(self, _preferences: object = None) -> None:
        self.minimap.set_wanted(self._session.preferences.minimap)
        self._pictures.apply_display()  # in the preferred colour for what has no value

    def _on_minimap(self, at: QPointF) -> None:
        self._pointer.leave()
        self.minimap.step_aside(at, gesture=self._hand.running)

    def _show_share(self, share: float) -> None:
        if self._document is not None:
            self.loading_sign.show_share(self._document.entry.name, share)

    def _hover(self, at: QPointF) -> None:
        self._guides.point(at)
        self.network.point(at)
        self.minimap.step_aside(at, gesture=self._hand.running)
        if self._document is not None:
            self._readout.point(self._document, *self.camera.to_image(at.x(), at.y()))

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom, or change the brush."""
        self._pointer.wheel(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Hand it to the pointer."""
        self._pointer.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Hand it to the pointer."""
        self._pointer.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Hand it to the pointer."""
        self._pointer.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Hand it to the pointer."""
        self._pointer.double(event)

    def tabletEvent(self, event: QTabletEvent) -> None:
        """Hand it to the pointer; what that leaves comes back as events of the mouse."""
        event.setAccepted(self._pointer.pen(event))

    def set_undo_keys(self, undo: tuple[str, ...], redo: tuple[str, ...]) -> None:
        """Say which keys undo and redo, as Qt writes them: a line that is drawn keeps them for its points."""
        self._pointer.undo_keys, self._pointer.redo_keys = frozenset(undo), frozenset(redo)

    def event(self, event: QEvent) -> bool:
        """Keep the keys of a running gesture from becoming shortcuts of the window."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._pointer.keeps(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Hand it to the pointer."""
        self._pointer.key_down(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Hand it to the pointer."""
        self._pointer.key_up(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the brush."""
        self._pointer.leave()
        self._readout.leave()
        self._guides.point(None)
        self.network.point(None)
        self.minimap.step_aside(None, gesture=self._hand.running)
        super().leaveEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the brush where the pointer comes in, and take the keys: Space pans here, and presses no button."""
        if not takes_text(self.window().focusWidget()):
            self.setFocus(Qt.FocusReason.MouseFocusReason)
        self._pointer.enter(event.position())
        super().enterEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Forget held keys."""
        self._pointer.lose_focus()
        super().focusOutEvent(event)

"""The canvas: shows one document and turns what the hand does into edits."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psygnal import EmissionInfo
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QBrush,
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QResizeEvent,
    QShowEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from segstudio.core.tiles import Window
from segstudio.gui.theme import tokens
from segstudio.gui.viewer.camera import Camera
from segstudio.gui.viewer.contrast import Histogram, histogram, sample
from segstudio.gui.viewer.decoration import BrushCursor, Decoration, SketchItem
from segstudio.gui.viewer.hand import BRUSHES, Hand, Held
from segstudio.gui.viewer.image_layer import ImageLayer
from segstudio.gui.viewer.overlays import Overlays
from segstudio.gui.viewer.tile_loader import TileLoader
from segstudio.labels.label_map import LabelMap
from segstudio.project.document import DocumentChange, ImageDocument
from segstudio.project.project import Project
from segstudio.session.session import Session
from segstudio.session.tools.base import EventKind

_STEP = 1.25
_WHEEL = 1.0016
_DRAG_FROM = 4.0
#: An object that the view flies to takes at least and at most this share of the view.
_SMALLEST, _LARGEST = 0.08, 0.7
_KEYS = {
    Qt.Key.Key_Escape: "Escape",
    Qt.Key.Key_Return: "Enter",
    Qt.Key.Key_Enter: "Enter",
    Qt.Key.Key_Space: "Space",
    Qt.Key.Key_Backspace: "Backspace",
}
_BUTTONS = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)
_STYLE_FIELDS = {
    "show_fill", "show_contours", "fill_opacity", "contour_opacity", "prediction_opacity", "colour_by", "selected",
}  # fmt: skip
_LAYER_FIELDS = {"show_fill", "show_contours", "show_boxes", "show_predictions", "show_regions", "peek", "box_opacity"}


class Canvas(QGraphicsView):
    """Image, overlays and gestures of one document.

    Parameters
    ----------
    session
        Its view state says what is shown and which tool is in the hand. Which document is shown is told by
        `set_document`.

    Notes
    -----
    Scene coordinates are logical screen pixels; layers place themselves by the `camera`. Call `close_threads` before
    the program ends.
    """

    hovered = Signal(float, float, str, int)
    """Image x, y, pixel value in words, object id; ``(-1, -1, "", 0)`` when the pointer leaves the image."""
    zoom_changed = Signal(float)
    """Device pixels per image pixel."""
    object_clicked = Signal(int, object)
    """Object id (0 = none) and keyboard modifiers of a click in select mode."""
    tool_message = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._document: ImageDocument | None = None
        self._project: Project | None = None
        self._histogram: Histogram | None = None
        self.camera = Camera()
        self._fitted = True
        self._pan_from: QPointF | None = None
        self._panned = False
        self._space = False
        self._pointer: QPointF | None = None
        self._loader = TileLoader(self)
        self._make_scene()
        self._hand = Hand(session, self._sketch.show_sketches, self.tool_message.emit)
        self._loader.failed.connect(self._on_failed)
        session.view.events.connect(self._on_view)
        session.review.changed.connect(self._on_proposals)
        session.review.focused.connect(self._on_focused)
        self.destroyed.connect(self._loader.close)
        self._update_hint()

    def _make_scene(self) -> None:
        self._scene = QGraphicsScene(self)
        self._scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.setScene(self._scene)
        self._image = ImageLayer(self._scene, self._loader)
        self._overlays = Overlays(self._session, self._scene, self._loader, self)
        self._decoration = Decoration()
        self._sketch = SketchItem()
        self._brush = BrushCursor()
        self._brush.setVisible(False)
        for z, item in enumerate((self._decoration, self._sketch, self._brush), start=20):
            item.setZValue(z)
            self._scene.addItem(item)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.SmartViewportUpdate)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontAdjustForAntialiasing)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.setBackgroundBrush(QBrush(tokens().colour("surround")))
        self.setMinimumSize(200, 150)

    # -- what is shown -----------------------------------------------------------------------------

    def set_document(self, document: ImageDocument | None) -> None:
        """Show another document, or none."""
        self._hand.set_document(document)
        if self._document is not None:
            self._document.changed.disconnect(self._on_changed)
        self._document, self._histogram = document, None
        self._loader.restart("value")
        self._loader.restart("histogram")
        self._image.set_source(document.source if document else None)
        self._overlays.set_document(document)
        info = document.source.info if document else None
        self._decoration.set_image(info.size if info else (0, 0), info.pixel_size if info else None)
        self._follow_classes(document)
        if document is not None:
            document.changed.connect(self._on_changed)
            source = document.source
            self._loader.load("histogram", 0, lambda: histogram(sample(source), source.info), self._take_histogram)
            self._on_proposals(None)
        self.fit()
        self._update_hint()
        self._update_cursor()

    def _follow_classes(self, document: ImageDocument | None) -> None:
        if self._project is not None:
            self._project.classes_changed.disconnect(self._on_classes)
        self._project = self._session.project if document is not None else None
        if self._project is not None:
            self._project.classes_changed.connect(self._on_classes)

    def set_proposals(self, labels: LabelMap | None, states: Mapping[int, str] | None = None) -> None:
        """Show proposals over the labels; those that `states` calls accepted or rejected are left out."""
        self._overlays.set_proposals(labels, states or {})
        self._overlays.refresh()

    def set_tool(self, tool_id: str) -> None:
        """Take another tool in the hand."""
        self._session.view.tool = tool_id

    def is_idle(self) -> bool:
        """Tell whether everything that is visible is there."""
        return not (self._loader.waiting() or self._overlays.waiting)

    def close_threads(self) -> None:
        """End the gesture and the threads; the canvas shows nothing afterwards."""
        self.set_document(None)
        self._session.view.events.disconnect(self._on_view)
        self._loader.close()

    # -- view --------------------------------------------------------------------------------------

    def fit(self) -> None:
        """Show the whole image."""
        if self._document is not None:
            window = Window.whole(self._document.planes.shape)
            self._set_camera(Camera.showing(window, self._width, self._height, 8.0), fitted=True)

    def actual_size(self) -> None:
        """Show one image pixel as one device pixel."""
        self._zoom(1 / (self.camera.scale * self._ratio))

    def zoom_in(self) -> None:
        """Magnify around the middle."""
        self._zoom(_STEP)

    def zoom_out(self) -> None:
        """Shrink around the middle."""
        self._zoom(1 / _STEP)

    def fly_to(self, target: object) -> None:
        """Bring a `Window` or the object of an id into the middle, at a size at which it can be judged."""
        if self._document is None:
            return
        window = target if isinstance(target, Window) else self._window_of(target)
        if window is None or window.empty:
            return
        share = max(window.width / self._width, window.height / self._height) * self.camera.scale
        if _SMALLEST <= share <= _LARGEST:
            camera = self.camera.centred(window, self._width, self._height)
        else:
            margin = max(window.width, window.height, 16)
            camera = Camera.showing(window.grow(margin), self._width, self._height)
        self._set_camera(camera)

    def _window_of(self, object_id: object) -> Window | None:
        if self._document is None or not isinstance(object_id, int):
            return None
        return self._document.planes.labels.window_of(object_id)

    @property
    def _width(self) -> float:
        return float(self.viewport().width())

    @property
    def _height(self) -> float:
        return float(self.viewport().height())

    @property
    def _ratio(self) -> float:
        return self.devicePixelRatioF()

    def _zoom(self, factor: float, at: QPointF | None = None) -> None:
        if self._document is not None:
            x, y = (at.x(), at.y()) if at is not None else (self._width / 2, self._height / 2)
            self._set_camera(self.camera.zoomed(factor, x, y))

    def _set_camera(self, camera: Camera, *, fitted: bool = False) -> None:
        zoomed = camera.scale != self.camera.scale
        self.camera, self._fitted = camera.snapped(self._ratio), fitted
        bounds = QRectF(0, 0, self._width, self._height)
        self._scene.setSceneRect(bounds)
        self._image.set_camera(self.camera, self._width, self._height, self._ratio)
        self._overlays.set_camera(self.camera, bounds, self._ratio)
        self._decoration.set_camera(self.camera, bounds)
        self._sketch.set_camera(self.camera, bounds)
        self._update_brush()
        if zoomed:
            self.zoom_changed.emit(self.camera.scale * self._ratio)

    # -- news --------------------------------------------------------------------------------------

    def _on_changed(self, change: DocumentChange) -> None:
        self._overlays.on_changed(change)
        if not change.live:
            self._update_hint()

    def _on_classes(self) -> None:
        if self._session.view.colour_by == "class":
            self._overlays.restyle()

    def _on_proposals(self, window: Window | None) -> None:
        review = self._session.review
        if window is not None and review.shown is not None and review.shown is self._overlays.shown_proposals:
            self._overlays.on_proposals_changed(window)
        else:
            self.set_proposals(review.shown if self._document is self._session.document else None)

    def _on_focused(self, _window: object) -> None:
        self._overlays.restyle_proposals()

    def _on_view(self, info: EmissionInfo) -> None:
        name = info.signal.name
        if name in ("contrast", "gamma"):
            self._apply_contrast()
        if name in _STYLE_FIELDS:
            self._overlays.restyle()
        if name in _LAYER_FIELDS:
            self._overlays.refresh()
        if name == "tool":
            self._hand.change_tool()
            self._update_cursor()
        if name in ("brush_diameter", "tool"):
            self._update_brush()

    def _take_histogram(self, found: Histogram) -> None:
        self._histogram = found
        self._apply_contrast()

    def _apply_contrast(self) -> None:
        if self._histogram is not None:
            view = self._session.view
            self._image.set_contrast(view.contrast or self._histogram.auto, view.gamma)

    def _on_failed(self, sentence: str) -> None:
        if self._document is not None:
            self._decoration.set_hint(sentence)

    def _update_hint(self) -> None:
        document = self._document
        if document is None:
            self._decoration.set_hint(self.tr("Open a folder of images, or drop one here."))
        elif not document.planes.objects and not self._hand.running and self._overlays.shown_proposals is None:
            self._decoration.set_hint(self.tr("Right-click and circle one cell"), gesture=True)
        else:
            self._decoration.set_hint("")

    # -- pointer -----------------------------------------------------------------------------------

    def _update_cursor(self) -> None:
        shape = Qt.CursorShape.CrossCursor
        if self._pan_from is not None and self._panned:
            shape = Qt.CursorShape.ClosedHandCursor
        elif self._space:
            shape = Qt.CursorShape.OpenHandCursor
        elif self._document is None or self._session.view.tool == "select":
            shape = Qt.CursorShape.ArrowCursor
        elif self._session.view.tool in BRUSHES:
            shape = Qt.CursorShape.BlankCursor
        self.viewport().setCursor(shape)

    def _update_brush(self) -> None:
        shown = self._pointer is not None and self._document is not None and self._session.view.tool in BRUSHES
        self._brush.setVisible(shown and self._pan_from is None and not self._space and not self._hand.sketching)
        if self._pointer is not None:
            self._brush.setPos(self._pointer)
        self._brush.set_radius(self._session.view.brush_diameter / 2 * self.camera.scale)

    def _hover(self, at: QPointF) -> None:
        document = self._document
        if document is None:
            return
        x, y = self.camera.to_image(at.x(), at.y())
        row, column = int(np.floor(y)), int(np.floor(x))
        height, width = document.planes.shape
        if not (0 <= row < height and 0 <= column < width):
            self.hovered.emit(-1.0, -1.0, "", 0)
            return
        object_id = document.planes.labels.value(row, column)
        value = self._image.value(row, column)
        self.hovered.emit(x, y, _in_words(value), object_id)
        if value is None:
            source, window = document.source, Window(row, column, row + 1, column + 1)
            self._loader.restart("value")
            self._loader.load(
                "value",
                window,
                lambda: source.read(window),
                lambda pixels: self.hovered.emit(x, y, _in_words(np.asarray(pixels[0, 0])), object_id),
            )

    def _tell(self, kind: EventKind, at: QPointF, held: Held) -> None:
        self._hand.point(kind, self._image_point(at), self.camera.scale, held)

    def _image_point(self, at: QPointF) -> tuple[float, float]:
        return self.camera.to_image(at.x(), at.y())

    # -- events of Qt ------------------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom at the pointer; with Ctrl change the brush."""
        steps = event.angleDelta().y() or event.angleDelta().x()
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            if steps:
                self._session.view.resize_brush(1.1 if steps > 0 else 1 / 1.1)
        else:
            self._zoom(_WHEEL**steps, event.position())
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Start to pan, to click, or a gesture."""
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        if self._document is None:
            return
        button, at = event.button(), event.position()
        selecting = self._session.view.tool == "select" and not self._hand.running
        left = button == Qt.MouseButton.LeftButton
        if button == Qt.MouseButton.MiddleButton or (left and (self._space or selecting)):
            self._pan_from, self._panned = at, not selecting or not left or self._space
            self._update_cursor()
            self._update_brush()
            return
        self._tell("press", at, Held(button, event.modifiers()))
        self._update_hint()
        self._update_cursor()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Pan, go on with a gesture, or say what lies under the pointer."""
        at = event.position()
        self._pointer = at
        if self._pan_from is not None:
            pushed = at - self._pan_from
            if self._panned or pushed.manhattanLength() >= _DRAG_FROM:
                self._panned = True
                self._set_camera(self.camera.moved(pushed.x(), pushed.y()))
                self._pan_from = at
                self._update_cursor()
            return
        button = next((item for item in _BUTTONS if event.buttons() & item), Qt.MouseButton.NoButton)
        kind: EventKind = "hover" if button == Qt.MouseButton.NoButton else "move"
        if self._hand.running:
            self._tell(kind, at, Held(button, event.modifiers()))
        self._update_brush()
        self._hover(at)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """End to pan, a click, or a part of a gesture."""
        at = event.position()
        if self._pan_from is not None:
            clicked = not self._panned
            self._pan_from, self._panned = None, False
            self._update_cursor()
            self._update_brush()
            if clicked:
                self._click(at, event.modifiers())
            return
        if self._document is not None:
            self._tell("release", at, Held(event.button(), event.modifiers()))
            self._update_hint()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Fit in select mode; end a polygon."""
        if self._document is None:
            return
        if self._session.view.tool == "select" and not self._hand.running:
            if event.button() == Qt.MouseButton.LeftButton:
                self.fit()
            return
        self._tell("double", event.position(), Held(event.button(), event.modifiers()))
        self._update_hint()

    def _click(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        if self._document is not None:
            x, y = self._image_point(at)
            object_id = self._document.planes.labels.value(int(np.floor(y)), int(np.floor(x)))
            held = Held(Qt.MouseButton.LeftButton, modifiers)
            self._tell("press", at, held)
            self._tell("release", at, held)
            self.object_clicked.emit(object_id, modifiers)

    def event(self, event: QEvent) -> bool:
        """Keep the keys of a running gesture from becoming shortcuts of the window."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._takes(event):
            event.accept()
            return True
        return super().event(event)

    def _takes(self, event: QKeyEvent) -> bool:
        if self._document is None:
            return False
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Z and event.modifiers() == Qt.KeyboardModifier.ControlModifier:
            return self._hand.has_points
        return (self._hand.running and key in _KEYS) or key == Qt.Key.Key_Space

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Give keys to a running gesture; hold Space to pan."""
        if not self._takes(event):
            event.ignore()
            return
        key = Qt.Key(event.key())
        if self._hand.running:
            if not event.isAutoRepeat() or key == Qt.Key.Key_Backspace:
                self._hand.key(_KEYS.get(key, "Backspace"), event.modifiers())
                self._update_hint()
        elif not event.isAutoRepeat():
            self._space = True
            self._update_cursor()
            self._update_brush()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Stop to pan when Space is let go."""
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat() and self._space:
            self._space = False
            self._update_cursor()
            self._update_brush()
        else:
            event.ignore()

    def leaveEvent(self, event: QEvent) -> None:
        """Hide the brush."""
        self._pointer = None
        self._update_brush()
        self.hovered.emit(-1.0, -1.0, "", 0)
        super().leaveEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Show the brush where the pointer comes in."""
        self._pointer = event.position()
        self._update_brush()
        super().enterEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Forget a held Space: its release goes elsewhere."""
        self._space = False
        self._update_cursor()
        super().focusOutEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep a fitted image fitted, and the middle in the middle otherwise."""
        super().resizeEvent(event)
        self._resettle(event.oldSize().width(), event.oldSize().height())

    def showEvent(self, event: QShowEvent) -> None:
        """Take the size that the layout gave."""
        super().showEvent(event)
        self._resettle(-1, -1)

    def _resettle(self, width: int, height: int) -> None:
        if self._document is None:
            self._set_camera(self.camera)
        elif self._fitted:
            self.fit()
        elif width > 0:
            self._set_camera(self.camera.moved((self._width - width) / 2, (self._height - height) / 2))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.setBackgroundBrush(QBrush(tokens().colour("surround")))

    def drawBackground(self, painter: QPainter, rect: QRectF | QPointF) -> None:  # type: ignore[override]
        """Fill what the image does not cover."""
        painter.fillRect(rect, self.backgroundBrush())  # type: ignore[arg-type]


def _in_words(value: NDArray[Any] | None) -> str:
    """Return a pixel value for the status bar: ``"1432"``, ``"0.031"`` or ``"12, 40, 200"``."""
    if value is None:
        return ""
    return ", ".join(f"{item:.4g}" if value.dtype.kind == "f" else str(item) for item in np.ravel(value).tolist())

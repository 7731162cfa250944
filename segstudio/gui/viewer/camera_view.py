"""A scene seen through a camera: fit, zoom, fly, and what happens when the widget changes its size."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from segstudio.core.tiles import Window
from segstudio.gui.theme import tokens
from segstudio.gui.viewer.camera import SCALE_MAX, SCALE_MIN, Camera

_STEP = 1.25
#: So many pixels around a small object stay in sight; without them nobody can tell what it is.
_SURROUNDINGS = 90
#: Device pixels per image pixel to which the view magnifies of its own accord.
_CLOSEST = 4.0
#: An object that the view flies to takes at least and at most this share of the view.
_SMALLEST, _LARGEST = 0.08, 0.7
#: Screen pixels of ground beside an image that is looked at up to its edge.
_EDGE = 24.0
#: No image reaches so far, image pixels.
_FAR = 1e7


@dataclass(frozen=True, slots=True)
class Look:
    """What is looked at, whatever the size of the screen: screen pixels per image pixel, image point in the middle."""

    scale: float
    x: float
    y: float

    @classmethod
    def within(cls, scale: float, x: float, y: float) -> "Look | None":
        """Return the look when it is one that a screen can show."""
        possible = SCALE_MIN <= scale <= SCALE_MAX and abs(x) < _FAR and abs(y) < _FAR
        return cls(scale, x, y) if possible else None


class CameraView(QGraphicsView):
    """Shows one plane of pixels; a subclass says how large it is and places its layers.

    Notes
    -----
    Scene coordinates are logical screen pixels; layers place themselves by the `camera`.
    """

    zoom_changed = Signal(float)
    """Device pixels per image pixel."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.camera = Camera()
        self._fitted = True
        self._middle = (0.0, 0.0)
        self._scene = QGraphicsScene(self)
        self._scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.setScene(self._scene)
        self.setFrameShape(QFrame.Shape.NoFrame)
        # A view takes what is dragged over it, ignores it, and the window below is not asked.
        self.setAcceptDrops(False)
        self.viewport().setAcceptDrops(False)
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

    def shown_window(self) -> Window | None:
        """Return the whole of what can be looked at, ``None`` for nothing."""
        raise NotImplementedError

    def place_layers(self, bounds: QRectF) -> None:
        """Follow the camera; `bounds` is the screen."""
        raise NotImplementedError

    def fit(self) -> None:
        """Show the whole image."""
        window = self.shown_window()
        if window is not None:
            self.set_camera(Camera.showing(window, self.width_px, self.height_px, 8.0), fitted=True)

    def look(self) -> Look | None:
        """Return what is looked at; ``None`` while the whole image is fitted into the screen."""
        return None if self._fitted else Look(self.camera.scale, *self._middle)

    def set_look(self, look: Look | None) -> None:
        """Look at something again; ``None`` shows the whole image."""
        if look is None:
            self.fit()
        else:
            self.set_camera(Camera(look.scale).aimed(look.x, look.y, self.width_px, self.height_px))

    def actual_size(self) -> None:
        """Show one image pixel as one device pixel."""
        self.zoom(1 / (self.camera.scale * self.ratio))

    def zoom_in(self) -> None:
        """Magnify around the middle."""
        self.zoom(_STEP)

    def zoom_out(self) -> None:
        """Shrink around the middle."""
        self.zoom(1 / _STEP)

    def zoom(self, factor: float, at: QPointF | None = None) -> None:
        """Magnify by `factor`; what lies under the screen point `at`, or in the middle, stays there."""
        if self.shown_window() is not None:
            x, y = (at.x(), at.y()) if at is not None else (self.width_px / 2, self.height_px / 2)
            self.set_camera(self.camera.zoomed(factor, x, y))

    def show_window(self, window: Window) -> None:
        """Bring a part of the image into the middle, at a size at which it can be judged."""
        share = max(window.width / self.width_px, window.height / self.height_px) * self.camera.scale
        if _SMALLEST <= share <= _LARGEST:
            camera = self.camera.centred(window, self.width_px, self.height_px)
        else:
            margin = max(window.width, window.height, _SURROUNDINGS)
            camera = Camera.showing(window.grow(margin), self.width_px, self.height_px)
            closest = min(camera.scale, _CLOSEST / self.ratio)
            camera = Camera(closest).centred(window, self.width_px, self.height_px)
        if (whole := self.shown_window()) is not None:
            camera = camera.filled(whole, self.width_px, self.height_px, _EDGE)
        self.set_camera(camera)

    @property
    def width_px(self) -> float:
        """Width of the screen, logical pixels."""
        return float(self.viewport().width())

    @property
    def height_px(self) -> float:
        """Height of the screen, logical pixels."""
        return float(self.viewport().height())

    @property
    def ratio(self) -> float:
        """Device pixels per logical pixel."""
        return self.devicePixelRatioF()

    def set_camera(self, camera: Camera, *, fitted: bool = False) -> None:
        """Look through another camera; a `fitted` one is fitted anew when the size changes."""
        zoomed = camera.scale != self.camera.scale
        self._middle = camera.to_image(self.width_px / 2, self.height_px / 2)
        self.camera, self._fitted = camera.snapped(self.ratio), fitted
        bounds = QRectF(0, 0, self.width_px, self.height_px)
        self._scene.setSceneRect(bounds)
        self.place_layers(bounds)
        if zoomed:
            self.zoom_changed.emit(self.camera.scale * self.ratio)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep a fitted image fitted, and the middle in the middle otherwise."""
        super().resizeEvent(event)
        self._resettle()

    def showEvent(self, event: QShowEvent) -> None:
        """Take the size that the layout gave."""
        super().showEvent(event)
        self._resettle()

    def _resettle(self) -> None:
        if self.shown_window() is None:
            self.set_camera(self.camera)
        elif self._fitted:
            self.fit()
        else:
            self.set_look(self.look())

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.setBackgroundBrush(QBrush(tokens().colour("surround")))

    def drawBackground(self, painter: QPainter, rect: QRectF | QPointF) -> None:  # type: ignore[override]
        """Fill what the image does not cover."""
        painter.fillRect(rect, self.backgroundBrush())  # type: ignore[arg-type]

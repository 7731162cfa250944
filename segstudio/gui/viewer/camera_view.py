"""A scene seen through a camera: fit, zoom, fly, and what happens when the widget changes its size."""

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QBrush, QPainter, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QGraphicsScene, QGraphicsView, QWidget

from segstudio.core.tiles import Window
from segstudio.gui.theme import tokens
from segstudio.gui.viewer.camera import Camera

_STEP = 1.25
#: So many pixels around a small object stay in sight; without them nobody can tell what it is.
_SURROUNDINGS = 90
#: Device pixels per image pixel to which the view magnifies of its own accord.
_CLOSEST = 4.0
#: An object that the view flies to takes at least and at most this share of the view.
_SMALLEST, _LARGEST = 0.08, 0.7
#: Screen pixels of ground beside an image that is looked at up to its edge.
_EDGE = 24.0


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
        self._scene = QGraphicsScene(self)
        self._scene.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.setScene(self._scene)
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
        self.camera, self._fitted = camera.snapped(self.ratio), fitted
        bounds = QRectF(0, 0, self.width_px, self.height_px)
        self._scene.setSceneRect(bounds)
        self.place_layers(bounds)
        if zoomed:
            self.zoom_changed.emit(self.camera.scale * self.ratio)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keep a fitted image fitted, and the middle in the middle otherwise."""
        super().resizeEvent(event)
        self._resettle(event.oldSize().width(), event.oldSize().height())

    def showEvent(self, event: QShowEvent) -> None:
        """Take the size that the layout gave."""
        super().showEvent(event)
        self._resettle(-1, -1)

    def _resettle(self, width: int, height: int) -> None:
        if self.shown_window() is None:
            self.set_camera(self.camera)
        elif self._fitted:
            self.fit()
        elif width > 0:
            self.set_camera(self.camera.moved((self.width_px - width) / 2, (self.height_px - height) / 2))

    def changeEvent(self, event: QEvent) -> None:
        """Follow the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            self.setBackgroundBrush(QBrush(tokens().colour("surround")))

    def drawBackground(self, painter: QPainter, rect: QRectF | QPointF) -> None:  # type: ignore[override]
        """Fill what the image does not cover."""
        painter.fillRect(rect, self.backgroundBrush())  # type: ignore[arg-type]

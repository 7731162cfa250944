"""What the user sees and holds in the hand: tool, brush, class, overlays, contrast, selection; evented."""

from dataclasses import dataclass, field
from typing import ClassVar, Final

from psygnal import SignalGroupDescriptor

from segstudio.core.axes import PixelSize
from segstudio.labels.regions import COMPLETE
from segstudio.labels.thresholding import Threshold
from segstudio.session.display.channels import ImageDisplay

#: Brush diameters in image pixels that the keys step through.
BRUSH_MIN, BRUSH_MAX = 1.0, 500.0
#: Pixels by which objects grow and shrink.
SHAPE_STEP_MIN, SHAPE_STEP_MAX = 1.0, 50.0
#: The `ViewState.current_object` of who has asked for a new one: also a stroke that begins on another starts it.
NEW_OBJECT: Final = -1
_THRESHOLD: Final = Threshold()


@dataclass
class ViewState:
    """Each assignment that changes a field emits ``events.<field>(new, old)`` on the main thread."""

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    tool: str = "select"
    brush_diameter: float = 16.0
    """Image pixels."""
    brush_square: bool = False
    """The brush is a square, not a disc."""
    brush_like: bool = False
    """The brush paints only where the intensity is like that under the press."""
    brush_tolerance: float = 0.15
    """How unlike it may be, as a share of the range of intensities."""
    pen_pressure: bool = True
    """The pressure of a pen changes the size of the brush."""
    class_id: int = 1
    """Class that new objects get."""
    current_object: int = 0
    """Object that the brush continues; 0 for none in hand, `NEW_OBJECT` for one that the next stroke starts."""
    protect: bool = True
    """Strokes leave the pixels of other objects alone."""
    shape_step: float = 1.0
    """By how many image pixels objects grow and shrink, and the radius with which outlines are smoothed."""
    shape_step_um: float = 0.0
    """The same in micrometres, once it was chosen so: it stays when another image has pixels of another size."""
    threshold: Threshold = _THRESHOLD
    """How the threshold tool tells objects from the ground."""
    region_value: int = COMPLETE
    """What the region brush paints: 0 not stated, 1 completely labelled, 2 ignore."""

    show_fill: bool = True
    show_contours: bool = True
    show_boxes: bool = False
    show_predictions: bool = True
    show_regions: bool = True
    fill_opacity: float = 0.35
    contour_opacity: float = 1.0
    box_opacity: float = 1.0
    prediction_opacity: float = 1.0
    colour_by: str = "object"
    """``"object"``, ``"class"``, ``"state"``, ``"source"`` or a measurement; see `ObjectNumbers`."""
    peek: bool = False
    """All overlays hidden while true."""

    display: ImageDisplay = field(default_factory=ImageDisplay)
    """Channels, colours and contrast of the image in front."""
    projection: str = ""
    """Letter of the axis over which the brightest pixels are seen, ``"Z"`` or ``"T"``; empty for the plane itself."""
    crosshair: bool = False
    """Lines through the pointer."""
    grid: bool = False
    """Lines at equal distances over the image."""
    ruler: tuple[tuple[float, float], tuple[float, float]] | None = None
    """Ends of what was measured last with the ruler, image x and y."""
    selected: frozenset[int] = frozenset()
    """Ids of the selected objects."""

    def resize_brush(self, factor: float) -> None:
        """Make the brush larger or smaller, by at least one pixel."""
        size = self.brush_diameter * factor
        step = 1.0 if factor > 1 else -1.0
        if abs(size - self.brush_diameter) < 1:
            size = self.brush_diameter + step
        self.brush_diameter = float(min(max(round(size), BRUSH_MIN), BRUSH_MAX))

    @property
    def contrast(self) -> tuple[float, float] | None:
        """Pixel values shown dark and bright in the channel in hand; ``None`` takes percentiles of the image."""
        return self.display.channel.contrast

    @contrast.setter
    def contrast(self, value: tuple[float, float] | None) -> None:
        self.display = self.display.changed(self.display.current, contrast=value)

    @property
    def gamma(self) -> float:
        """Of the channel in hand."""
        return self.display.channel.gamma

    @gamma.setter
    def gamma(self, value: float) -> None:
        self.display = self.display.changed(self.display.current, gamma=value)

    def reset_contrast(self) -> None:
        """Stretch the contrast of every channel automatically again."""
        self.display = self.display.reset()

    def choose_shape_step(self, pixels: float, size: PixelSize | None) -> None:
        """Let objects grow and shrink by so many pixels or, where their size is known, by as many micrometres."""
        self.shape_step, self.shape_step_um = pixels, pixels * size.mean if size is not None else 0.0

    def fit_shape_step(self, size: PixelSize | None) -> None:
        """Let objects grow and shrink by the same length in an image with pixels of another size."""
        if size is not None and self.shape_step_um:
            self.shape_step = min(max(self.shape_step_um / size.mean, SHAPE_STEP_MIN), SHAPE_STEP_MAX)

    def new_object(self) -> None:
        """Let the next stroke start a new object, wherever it begins."""
        self.current_object = NEW_OBJECT
        self.selected = frozenset()

    def let_go(self) -> None:
        """Take no object in hand: the next stroke continues the one that it begins on."""
        self.current_object = 0
        self.ruler = None
        self.selected = frozenset()
        self.selected = frozenset()

"""What a tool is: a generator that takes pointer events, writes on the document and yields what to draw meanwhile."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.core.registry import Registry
from segstudio.core.tiles import Window
from segstudio.labels.edits import Edit
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.thresholding import Threshold
from segstudio.labels.transaction import Transaction
from segstudio.session.view_state import NEW_OBJECT

EventKind = Literal["press", "move", "release", "double", "key", "hover", "ready", "setting"]
Button = Literal["left", "right", "middle", "none"]

#: How far from a point, in image pixels, still counts as on it, when the window does not say.
REACH = 5.0


@dataclass(frozen=True)
class PointerEvent:
    """One thing the user did.

    Attributes
    ----------
    kind
        ``"move"`` with a button held, ``"hover"`` without; ``"double"`` comes instead of the second press;
        ``"ready"`` when what the gesture looked at is there; ``"setting"`` when the user has changed one of the tool.
    x, y
        Image position, pixel-corner coordinates; may lie outside of the image.
    key
        For ``"key"``: ``"Escape"``, ``"Enter"``, ``"Space"``, ``"Backspace"``.
    reach
        How far from a point still counts as on it, in image pixels: a few screen pixels.
    pressure
        Of a pen, 0 to 1; a mouse presses with 1.
    eraser
        It is the eraser end of a pen.
    """

    kind: EventKind
    x: float = 0.0
    y: float = 0.0
    button: Button = "left"
    modifiers: frozenset[str] = frozenset()
    key: str = ""
    reach: float = REACH
    pressure: float = 1.0
    eraser: bool = False

    @property
    def point(self) -> tuple[float, float]:
        """``(x, y)``."""
        return self.x, self.y


@dataclass(frozen=True, eq=False)
class Preview:
    """A line to draw while a gesture goes on: ``(N, 2)`` xy.

    Its `kind` is ``"path"``, ``"polygon"``, ``"shape"``, ``"proposal"``, ``"vertices"`` or ``"cut"``.
    A ``"path"`` closes where it started; the points of a ``"polygon"`` and of ``"vertices"`` are marked; a ``"shape"``
    is only a line, and a ``"proposal"`` one that is still to be accepted.
    """

    points: NDArray[np.float64]
    closed: bool
    kind: str


class Document(Protocol):
    """The part of `project.document.ImageDocument` that tools use."""

    planes: Planes

    def begin(self, name: str) -> Transaction:
        """Start a gesture."""

    def apply(self, edit: Edit) -> EditRecord | None:
        """Do an edit as one action."""


class View(Protocol):
    """The part of `session.view_state.ViewState` that tools use."""

    brush_diameter: float
    brush_square: bool
    brush_like: bool
    brush_tolerance: float
    pen_pressure: bool
    class_id: int
    current_object: int
    protect: bool
    region_value: int
    ruler: tuple[tuple[float, float], tuple[float, float]] | None
    threshold: Threshold
    selected: frozenset[int]


@dataclass
class ToolContext:
    """What a gesture works on.

    Attributes
    ----------
    select
        Shows objects as selected, none for an empty sequence.
    say
        Tells the user something that does not stop the gesture.
    guide
        Tells the user how to go on with the gesture; that is over when the gesture is.
    look
        Takes a window of the image, what to do with its pixels on a thread, and who gets what comes of it: the gesture
        then gets an event ``"ready"``. Without an image nothing comes.
    think
        Takes what to do on a thread, and who gets what comes of it: the gesture then gets an event ``"ready"``.
    predicted
        Returns what a model has found on this plane, as it is now; ``None`` when it was not asked.
    ahead
        Does an edit that may take long, at once or soon; the document does it at once when ``None``.
    """

    document: Document
    view: View
    select: Callable[[Iterable[int]], Any] = field(default=lambda ids: None)
    say: Callable[[str], Any] = field(default=lambda sentence: None)
    look: Callable[[Window, Callable[[NDArray[Any]], Any], Callable[[Any], Any]], Any] = field(
        default=lambda window, work, take: None
    )
    think: Callable[[Callable[[], Any], Callable[[Any], Any]], Any] = field(default=lambda work, take: take(work()))
    predicted: Callable[[], LabelMap | None] = field(default=lambda: None)
    ahead: Callable[[Edit, Callable[[Edit, EditRecord | None], object]], Any] | None = None
    guide: Callable[[str], Any] = field(default=lambda sentence: None)

    def carry_out(
        self, edit: Edit, done: Callable[[Edit, EditRecord | None], object] = lambda edit, record: None
    ) -> None:
        """Do an edit that may take long; `done` is called with it and its record."""
        if self.ahead is None:
            done(edit, self.document.apply(edit))
        else:
            self.ahead(edit, done)

    def object_at(self, event: PointerEvent) -> int:
        """Return the object under the pointer, 0 for none."""
        return max(0, self.document.planes.labels.value(int(np.floor(event.y)), int(np.floor(event.x))))

    def protects(self, event: PointerEvent) -> bool:
        """Whether neighbours are left alone: the view's setting, inverted while Shift is held."""
        return self.view.protect != ("shift" in event.modifiers)

    def warn_protected(self, event: PointerEvent, object_id: int) -> None:
        """Say that what is under the pointer stays as it is, when it is not `object_id` and protected."""
        under = self.object_at(event)
        if under in (0, object_id) or not self.protects(event):
            return
        # What turns protection off depends on whether it is the setting, or Shift, that protects.
        way = "let Shift go" if "shift" in event.modifiers else "hold Shift"
        self.say(f"Object {under} is protected. Press L and click to take it in hand, or {way} to change it.")

    def current(self) -> int:
        """Return the object that painting continues, 0 when it is a new one; a deleted object is not continued."""
        known = self.view.current_object in self.document.planes.objects
        return self.view.current_object if known else 0

    def continued(self, event: PointerEvent) -> int:
        """Return the object that a stroke continues, 0 when it starts a new one.

        With nothing in hand that is the object under the press, unless the user has asked for a new one.
        """
        return 0 if self.view.current_object == NEW_OBJECT else self.current() or self.object_at(event)

    def add(self, edit: Edit) -> None:
        """Do an edit that may make an object; select it and take it in hand, unless another one is by then."""
        before = self.view.current_object

        def done(_edit: Edit, record: EditRecord | None) -> None:
            new = [change.id for change in record.objects if change.before is None] if record else []
            if new and self.view.current_object == before:
                self.select(new[:1])
                self.view.current_object = new[0]

        self.carry_out(edit, done)


#: A gesture: is sent the events after the first one, yields what to draw, ends when it returns. The event that it
#: returns was none of its own: it begins the next gesture. Several are returned as a list, in their order.
Gesture = Generator[tuple[Preview, ...], PointerEvent, Any]


class Tool(ABC):
    """One kind of gesture.

    Attributes
    ----------
    paints
        Alt erases while this tool paints; for other tools Alt and a click merges.
    """

    id: ClassVar[str]
    paints: ClassVar[bool] = False

    @abstractmethod
    def gesture(self, first: PointerEvent, context: ToolContext) -> Gesture:
        """Start with a press (or double click) of the left button."""


#: All tools by id.
registry: Registry[type[Tool]] = Registry("tool", "segstudio.session.tools")


def until_release() -> Gesture:
    """Wait for the button to be let go: the end of a click."""
    event = yield ()
    while event.kind in ("move", "hover", "key"):
        event = yield ()

"""The tool in the hand: events of the pointer become edits, through the tools of the session."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from numpy.typing import NDArray
from PySide6.QtCore import Qt

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.gui.viewer.sketch import Sketch
from segstudio.labels.label_map import LabelMap
from segstudio.project.document import ImageDocument
from segstudio.session.display.seen import seen
from segstudio.session.session import Session
from segstudio.session.tools import PointerEvent, Preview, ToolContext, ToolRunner
from segstudio.session.tools.base import Button, EventKind, Gesture

#: Tools whose cursor is a circle of the size of the brush.
BRUSHES = frozenset({"brush", "erase", "region"})
#: Screen pixels around a point that count as on it.
_REACH = 8.0

_BUTTONS: dict[Qt.MouseButton, Button] = {
    Qt.MouseButton.LeftButton: "left",
    Qt.MouseButton.RightButton: "right",
    Qt.MouseButton.MiddleButton: "middle",
}
_MODIFIERS = {
    Qt.KeyboardModifier.ShiftModifier: "shift",
    Qt.KeyboardModifier.ControlModifier: "ctrl",
    Qt.KeyboardModifier.AltModifier: "alt",
}


class Hand:
    """Feeds the tool that the view state names.

    Parameters
    ----------
    show
        Draws the lines of the gesture.
    message
        Tells the user why a gesture could not be done, or what it leaves alone.
    guide
        Tells the user how to go on with the gesture; is given nothing when that has ended.
    """

    def __init__(
        self,
        session: Session,
        show: Callable[[tuple[Sketch, ...]], None],
        message: Callable[[str], object],
        guide: Callable[[str], object],
    ) -> None:
        self._session = session
        self._show = show
        self._message = message
        self._guide = guide
        self._guided: Gesture | None = None
        self._runner: ToolRunner | None = None
        self._document: ImageDocument | None = None
        self._last = PointerEvent("hover")
        self._sketching = False
        self._shown: tuple[Preview, ...] = ()

    @property
    def running(self) -> bool:
        """Whether a gesture goes on, so that keys belong to it."""
        return self._runner is not None and self._runner.running

    @property
    def has_points(self) -> bool:
        """Whether Backspace and Ctrl+Z drop points of the gesture."""
        return self._runner is not None and self._runner.has_points

    @property
    def holds_work(self) -> bool:
        """Whether a gesture goes on that is kept when something else is done: a stroke, or an outline."""
        painting = self._document is not None and self._document.editing
        return painting or (self._runner is not None and self._runner.holds_work)

    @property
    def circles(self) -> bool:
        """Whether the last gesture was to circle an object."""
        return self._runner is not None and self._runner.circles

    @property
    def sketching(self) -> bool:
        """Whether a line is drawn, as round a cell."""
        return self._runner is not None and self._sketching

    def set_document(self, document: ImageDocument | None) -> None:
        """Work on another document; a stroke ends here and is kept, another unfinished gesture is taken back."""
        if self.finish():
            self._session.view.let_go()  # what was painted last is no object of this document
        self._runner, self._document = None, document
        if document is not None:
            view, ahead = self._session.view, partial(self._session.ahead.do, document)
            context = ToolContext(
                document,
                view,
                self._select,
                self._message,
                self._look,
                self._think,
                self._predicted,
                ahead,
                self._tell_how,
            )
            self._runner = ToolRunner(context, self._session.view.tool)

    def change_tool(self) -> None:
        """Take the tool of the view state; a stroke ends and is kept, another unfinished gesture is taken back."""
        self.finish()
        if self._runner is not None:
            self._runner.use(self._session.view.tool)
            self._show_previews(())

    def cancel(self) -> None:
        """Take an unfinished gesture back."""
        if self._runner is not None:
            self._runner.cancel()
            self._show_previews(())

    def finish(self) -> bool:
        """End a stroke as if the button were let go, take any other gesture back; return whether there was a stroke.

        An outline that is being changed is kept as it is.
        """
        painting = self._document is not None and self._document.editing
        if painting:
            self._send(replace(self._last, kind="release", button="left"))
        elif self.holds_work:
            self._send(replace(self._last, kind="release", button="left"))  # of a vertex
            self._send(PointerEvent("key", button="none", key="Enter"))
        self.cancel()
        return painting

    def point(self, kind: EventKind, at: tuple[float, float], scale: float, held: "Held") -> None:
        """Take what the pointer did.

        Parameters
        ----------
        at
            Image position.
        scale
            Screen pixels per image pixel.
        """
        button = _BUTTONS.get(held.button, "none")
        self._last = PointerEvent(
            kind,
            at[0],
            at[1],
            button,
            modifier_names(held.modifiers),
            reach=_REACH / scale,
            pressure=held.pressure,
            eraser=held.eraser,
        )
        self._send(self._last)

    def key(self, name: str, modifiers: Qt.KeyboardModifier) -> None:
        """Take a key: ``"Escape"``, ``"Enter"``, ``"Space"``, ``"Backspace"``."""
        self._send(PointerEvent("key", button="none", modifiers=modifier_names(modifiers), key=name))

    def tell_setting(self) -> None:
        """Tell the gesture that goes on that a setting which it looks at is another one now."""
        if self.running:
            self._send(PointerEvent("setting", button="none"))

    def _send(self, event: PointerEvent) -> None:
        if self._runner is None:
            return
        try:
            previews = self._runner.handle(event)
        except UserError as error:
            self._message(str(error))
            previews = ()
        self._show_previews(previews)

    def _tell_how(self, sentence: str) -> None:
        self._guided = self._runner.gesture if self._runner is not None else None
        self._guide(sentence)

    def _show_previews(self, previews: tuple[Preview, ...]) -> None:
        if self._guided is not None and (self._runner is None or self._runner.gesture is not self._guided):
            self._guided = None
            self._guide("")
        self._sketching = bool(previews)
        if previews is not self._shown:  # an outline that is only looked at is not made anew at each move
            self._shown = previews
            self._show(tuple(_sketch(preview) for preview in previews))

    def _look(self, window: Window, work: Callable[[NDArray[Any]], Any], take: Callable[[Any], Any]) -> None:
        """Read a part of the image on a thread for the gesture that goes on, and tell it when that is done."""
        document = self._document
        if document is not None:
            source, plane, display = document.source, document.plane, self._session.view.display
            self._think(lambda: work(seen(source.read(window, plane), display)), take)

    def _think(self, work: Callable[[], Any], take: Callable[[Any], Any]) -> None:
        """Do something on a thread for the gesture that goes on, and tell it when that is done."""
        runner = self._runner
        if runner is None:
            return
        gesture, asked = runner.gesture, False

        def waits() -> bool:
            return self._runner is runner and runner.gesture is gesture

        def then(found: object) -> None:
            if waits():
                take(found)
                if asked:  # else it has not gone on yet
                    self._send(PointerEvent("ready", button="none"))

        def fail(error: UserError) -> None:
            if waits():
                self.cancel()
                self._session.report(error)

        self._session.background.run(work, then, fail)
        asked = True

    def _predicted(self) -> LabelMap | None:
        """Return what waits to be reviewed in the image in front."""
        shown, document = self._session.review.shown, self._document
        fits = shown is not None and document is not None and shown.shape == document.planes.shape
        return shown.snapshot() if fits and shown is not None else None

    def _select(self, ids: Iterable[int]) -> None:
        self._session.view.selected = frozenset(int(item) for item in ids)


class Held:
    """Button and modifiers of an event of the pointer; how hard a pen presses, and whether with its eraser end."""

    __slots__ = ("button", "eraser", "modifiers", "pressure")

    def __init__(
        self,
        button: Qt.MouseButton,
        modifiers: Qt.KeyboardModifier,
        pressure: float = 1.0,
        *,
        eraser: bool = False,
    ) -> None:
        self.button = button
        self.modifiers = modifiers
        self.pressure = pressure
        self.eraser = eraser


def modifier_names(modifiers: Qt.KeyboardModifier) -> frozenset[str]:
    """Return ``"shift"``, ``"ctrl"``, ``"alt"`` as far as they are held."""
    return frozenset(name for flag, name in _MODIFIERS.items() if modifiers & flag)


def _sketch(preview: Preview) -> Sketch:
    return Sketch(
        points=preview.points,
        closed=preview.closed,
        start=preview.kind in ("path", "polygon"),
        vertices=preview.kind in ("polygon", "vertices"),
        dashed=preview.kind == "proposal",
    )

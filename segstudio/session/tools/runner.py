"""Feeds events to the tool in the hand, and does what works with every tool."""

from math import hypot

from segstudio.core.errors import UserError
from segstudio.session.tools.base import Gesture, PointerEvent, Preview, Tool, ToolContext, registry
from segstudio.session.tools.delete import delete
from segstudio.session.tools.encircle import encircle
from segstudio.session.tools.erase import EraseTool
from segstudio.session.tools.merge import merge


class ToolRunner:
    """Runs one gesture after another.

    Right-click encircles with every tool, Ctrl and a click deletes, Alt and a click merges into the selected object
    (while painting, Alt erases). The eraser end of a pen erases with every tool.

    Parameters
    ----------
    context
        What the gestures work on.
    tool_id
        The tool to begin with.
    """

    def __init__(self, context: ToolContext, tool_id: str = "select") -> None:
        self.context = context
        self.tool: Tool = registry.get(tool_id)()
        self._gesture: Gesture | None = None
        self._previews: tuple[Preview, ...] = ()
        self._began_with = "none"
        self._closed_at: PointerEvent | None = None

    @property
    def running(self) -> bool:
        """Whether a gesture goes on, so that keys belong to it."""
        return self._gesture is not None

    @property
    def gesture(self) -> Gesture | None:
        """The gesture that goes on."""
        return self._gesture

    @property
    def has_points(self) -> bool:
        """Whether Backspace takes back what the gesture has done, one by one."""
        return any(preview.kind in ("polygon", "vertices") for preview in self._previews)

    @property
    def holds_work(self) -> bool:
        """Whether the gesture has changed something that Enter keeps: it is not given up when another thing is done."""
        return any(preview.kind == "vertices" for preview in self._previews)

    @property
    def circles(self) -> bool:
        """Whether the last gesture was to circle an object."""
        return self._began_with == "right" or (self._began_with == "left" and self.tool.id == "encircle")

    def use(self, tool_id: str) -> None:
        """Take another tool; an unfinished gesture is taken back."""
        self.cancel()
        self.tool = registry.get(tool_id)()

    def cancel(self) -> None:
        """Take an unfinished gesture back."""
        if self._gesture is not None:
            self._gesture.close()
        self._gesture, self._previews = None, ()

    def handle(self, event: PointerEvent) -> tuple[Preview, ...]:
        """Take one event; return what to draw now.

        Raises
        ------
        UserError
            The gesture cannot be done, as filling an area that no outline encloses; it has ended.
        """
        try:
            if self._gesture is not None:
                self._previews = self._gesture.send(event)
            elif not self._is_late_closing(event) and event.kind in ("press", "double"):
                self._began_with = event.button
                self._gesture = self._begin(event)
                self._previews = next(self._gesture) if self._gesture is not None else ()
        except StopIteration as end:
            self._gesture, self._previews = None, ()
            # Only an outline that came back to its start ends without a click.
            self._closed_at = event if event.kind == "hover" else None
            if isinstance(end.value, PointerEvent):
                return self.handle(end.value)
            if isinstance(end.value, list):
                self._catch_up(end.value)
        except BaseException:
            self._gesture, self._previews = None, ()
            raise
        return self._previews

    def _catch_up(self, events: list[PointerEvent]) -> None:
        """Take the events that came while a gesture that has ended was still being worked out."""
        refused: list[UserError] = []
        for event in events:
            try:
                self.handle(event)
            except UserError as error:
                refused.append(error)  # what came after it was no part of it
        if refused:
            raise refused[0]

    def _is_late_closing(self, event: PointerEvent) -> bool:
        """Whether this is the click that was to close an outline, when coming back to its start has done so already.

        Without this, the click would begin another outline.
        """
        closed = self._closed_at
        if closed is None or event.kind not in ("hover", "press", "double"):
            return False
        stayed = hypot(event.x - closed.x, event.y - closed.y) <= 2 * event.reach
        if event.kind == "hover" and stayed:
            return False
        self._closed_at = None
        return stayed and event.button == self._began_with

    def _begin(self, event: PointerEvent) -> Gesture | None:
        if event.eraser:
            return EraseTool().gesture(event, self.context)
        if event.button == "right":
            return encircle(event, self.context)
        if event.button != "left":
            return None
        if "ctrl" in event.modifiers:
            return delete(event, self.context)
        if "alt" in event.modifiers and not self.tool.paints:
            return merge(event, self.context)
        return self.tool.gesture(event, self.context)

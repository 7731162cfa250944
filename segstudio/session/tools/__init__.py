"""Tools: gestures that become edits, one file per tool, without a window."""

from segstudio.session.tools.base import PointerEvent, Preview, Tool, ToolContext, registry
from segstudio.session.tools.runner import ToolRunner

__all__ = ["PointerEvent", "Preview", "Tool", "ToolContext", "ToolRunner", "create"]


def create(tool_id: str) -> Tool:
    """Return a new tool; raise `WrongUsage` naming the known ones when there is none of this id."""
    return registry.get(tool_id)()

"""Actions of the menu Tools: take a tool in the hand."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.commands.conditions import can_edit_now, has_document_now

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow


_TOOLS = (
    ("select", "Select", ("V",), "ph.cursor", "Select objects; drag to pan"),
    ("lasso", "Lasso", ("Shift+V",), "ph.selection-plus", "Draw around objects to select them all; Shift adds"),
    ("move", "Move", ("Shift+G",), "ph.arrows-out-cardinal", "Drag an object, and all that are selected with it"),
    ("brush", "Brush", ("B", "P"), "ph.paint-brush", "Paint an object"),
    ("erase", "Eraser", ("E",), "ph.eraser", "Erase pixels of objects"),
    ("encircle", "Encircle", ("C",), "encircle", "Circle one cell: one gesture, one object"),
    ("polygon", "Polygon", ("3", "Ctrl+N"), "ph.polygon", "Click around an object"),
    (
        "rectangle",
        "Rectangle",
        ("R",),
        "ph.rectangle",
        "Drag a rectangle: Shift makes a square, Ctrl starts in the middle",
    ),
    ("ellipse", "Ellipse", ("O",), "ph.circle", "Drag an ellipse: Shift makes a circle, Ctrl starts in the middle"),
    (
        "oriented_rectangle",
        "Oriented rectangle",
        ("Shift+R",),
        "ph.diamond",
        "Drag one side of a rectangle, then click how wide it is",
    ),
    (
        "wand",
        "Magic wand",
        ("N",),
        "ph.magic-wand",
        "Click a cell: the area of similar intensity becomes an object; drag right for more, left for less",
    ),
    (
        "outline_in_box",
        "Outline in a box",
        ("Shift+B",),
        "ph.bounding-box",
        "Drag a rough box around a cell, or click it: its outline is proposed; Enter or the next click takes it",
    ),
    (
        "threshold",
        "Threshold",
        ("Shift+T",),
        "ph.circle-half",
        "Draw a region: what a threshold finds in it is proposed as objects; the settings are in the step Label",
    ),
    ("fill", "Fill", ("F",), "ph.paint-bucket", "Fill an enclosed area"),
    ("pick", "Pick", ("L",), "ph.eyedropper", "Take an object to go on painting it"),
    ("split", "Split", ("S",), "ph.scissors", "Draw a line through an object to cut it in two"),
    (
        "cut_away",
        "Cut away",
        ("Shift+E",),
        "ph.knife",
        "Draw a region: it is removed from the selected objects, or from the one of which most lies in it",
    ),
    (
        "edit_outline",
        "Edit outline",
        ("Shift+N",),
        "ph.line-segments",
        "Click an object to drag, add and remove vertices of its outline; Enter applies",
    ),
    (
        "merge",
        "Merge",
        ("K",),
        "merge",
        "Click objects to join them to the selected one, or draw a line: all that it crosses become one",
    ),
    ("delete", "Delete by click", ("Q",), "ph.trash", "Click objects to delete them"),
    (
        "delete_region",
        "Delete in a region",
        ("Shift+Q",),
        "ph.selection-slash",
        "Draw around objects: all that lie in the line or touch it are deleted",
    ),
    ("ruler", "Ruler", ("Alt+L",), "ph.ruler", "Drag, or click twice: how far apart two points are"),
    ("relabel", "Class by click", ("T",), "ph.tag", "Click objects to give them the chosen class"),
    ("region", "Region brush", ("U",), "ph.selection-all", "Paint what is completely labelled, or to be ignored"),
)


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    view = w.session.view

    def choose(tool: str) -> Callable[[], None]:
        def take() -> None:
            # E edits the proposal in focus; without one it is the eraser.
            if tool == "erase" and w.session.review.current:
                w.prediction.proposals.edit_current()
            else:
                view.tool = tool

        return take

    def chosen(tool: str) -> Callable[[], bool]:
        return lambda: view.tool == tool

    def usable(tool: str) -> Callable[[], bool]:
        return has_document_now(w) if tool in ("select", "ruler") else can_edit_now(w)

    return [
        Action(f"tool.{name}", "&Tools", text, choose(name), keys, picture, tip, chosen(name), "tools", usable(name))
        for name, text, keys, picture, tip in _TOOLS
    ]

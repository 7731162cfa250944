"""Actions that change the shape of the selected objects: a menu of its own in Edit."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.gui.commands.conditions import can_edit_now
from segstudio.labels.edits import Edit
from segstudio.labels.history import EditRecord
from segstudio.labels.shape_edits import ConvexHull, Duplicate, FillHoles, Grow, Shrink, Smooth, SplitByShape
from segstudio.session.edits_ahead import Wish
from segstudio.session.view_state import ViewState

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow

#: Makes the edit of objects, with the height and width of a pixel in pixels.
Make = Callable[[tuple[int, ...], ViewState, tuple[float, float]], Edit]

_SHAPES: tuple[tuple[str, str, str, str, Make], ...] = (
    (
        "fill_holes",
        "Fill holes",
        "Shift+F",
        "Give each selected object what it surrounds",
        lambda ids, view, _spacing: FillHoles(ids, view.protect),
    ),
    (
        "smooth",
        "Smooth",
        "Shift+M",
        "Take spikes and dents from the outlines of the selected objects",
        # A disc of one pixel has only four neighbours: it would take nothing but single pixels.
        lambda ids, view, _spacing: Smooth(ids, max(2.0, view.shape_step), view.protect),
    ),
    (
        "hull",
        "Convex hull",
        "Shift+C",
        "Fill all dents of the selected objects, and what lies between parts of one",
        lambda ids, view, _spacing: ConvexHull(ids, view.protect),
    ),
    (
        "grow",
        "Grow",
        "Ctrl+Up",
        "Make the selected objects larger on all sides, by the number in the step Label",
        lambda ids, view, spacing: Grow(ids, view.shape_step, view.protect, spacing),
    ),
    (
        "shrink",
        "Shrink",
        "Ctrl+Down",
        "Make the selected objects smaller on all sides, by the number in the step Label",
        lambda ids, view, spacing: Shrink(ids, view.shape_step, spacing),
    ),
    (
        "split",
        "Split by shape",
        "Shift+S",
        "Cut the selected objects where they are narrow, and into their parts",
        lambda ids, _view, _spacing: SplitByShape(ids),
    ),
)


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    view, can_edit = w.session.view, can_edit_now(w)

    def selected() -> bool:
        return can_edit() and bool(view.selected)

    def on_selected(make: Make) -> Callable[[], None]:
        return lambda: w.apply(make(tuple(sorted(view.selected)), view, _spacing(w)))

    found = [
        Action(f"shape.{name}", "Shapes", text, on_selected(make), (key,), enabled=selected, tip=tip)
        for name, text, key, tip, make in _SHAPES
    ]
    tip = "Put copies of the selected objects beside them, where nothing is yet"
    duplicate = Action(
        "shape.duplicate",
        "Shapes",
        "Duplicate",
        lambda: _duplicate(w),
        ("Ctrl+D",),
        enabled=selected,
        separator=True,
        tip=tip,
    )
    return [*found, duplicate]


def _spacing(w: "MainWindow") -> tuple[float, float]:
    """Return the height and the width of a pixel, in pixels: they differ where it is no square."""
    size = w.session.document.pixel_size if w.session.document is not None else None
    return (1.0, 1.0) if size is None or size.y == size.x else (size.y / size.mean, size.x / size.mean)


def _duplicate(w: "MainWindow") -> None:
    """Copy the selected objects, and select the copies."""
    w.canvas.finish_stroke()
    session, edit = w.session, Duplicate(tuple(sorted(w.session.view.selected)))
    document = session.document

    def done(_edit: Duplicate, record: EditRecord | None) -> None:
        if record is not None and document is session.document:
            session.view.selected = frozenset(change.id for change in record.objects if change.before is None)

    if document is not None and not session.ahead.apply(document, Wish(lambda: edit, done)):
        w.status.showMessage("Another change is still being worked out: press again when it is done.", 4000)

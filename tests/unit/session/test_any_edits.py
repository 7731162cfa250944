"""Whatever sequence of edits is undone gives the exact bytes back, and redone the exact result."""

import zlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_user import SHAPE, Sheet, User

from segstudio.core.errors import UserError
from segstudio.core.stack_shape import StackShape
from segstudio.core.tiles import Window, plane_window
from segstudio.labels.clean_up import CleanUp
from segstudio.labels.edits import Edit
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.label_map import TILE
from segstudio.labels.moving import MoveObjects, PutDown
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.packed_tile import PackedTile
from segstudio.labels.shape_edits import ConvexHull, Duplicate, FillHoles, Grow, Shrink, Smooth, SplitByShape
from segstudio.labels.stack_edits import CopyFromPlane, Interpolate
from segstudio.labels.state_edit import SetState
from segstudio.labels.transaction import Transaction
from segstudio.session.edits_ahead import worked_out

Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
IMAGE = (60 + 80 * (np.sin(X / 7) * np.cos(Y / 6) > 0.3)).astype(np.uint8)
TOOLS = (
    "brush", "erase", "encircle", "polygon", "fill", "split", "merge", "delete", "relabel", "region", "rectangle",
    "ellipse", "oriented_rectangle", "wand", "delete_region", "outline_in_box", "threshold", "lasso", "move",
    "cut_away", "edit_outline",
)  # fmt: skip
SQUARES = ((10, 10), (30, 10), (60, 50), (90, 70))
PLACE = st.sampled_from([(x + 4.5, y + 4.5) for x, y in SQUARES]) | st.tuples(st.floats(-10, 110), st.floats(-10, 90))
GESTURE = st.tuples(
    st.sampled_from(TOOLS),
    st.lists(PLACE, min_size=1, max_size=5),
    st.sampled_from(["", "shift", "alt", "ctrl"]),
    st.sampled_from(["Enter", "Enter", "Escape"]),
    st.booleans(),
)
MAKERS: tuple[Callable[[User, tuple[int, ...]], Edit], ...] = (
    lambda _user, ids: FillHoles(ids),
    lambda _user, ids: Smooth(ids),
    lambda _user, ids: ConvexHull(ids),
    lambda _user, ids: Grow(ids, 3.0, protect=False, spacing=(1.0, 2.0)),
    lambda _user, ids: Shrink(ids, 2.0),
    lambda _user, ids: SplitByShape(ids),
    lambda _user, ids: Duplicate(ids[:1]),
    lambda _user, ids: MoveObjects(ids, 7, -5, protect=False),
    lambda user, ids: PutDown(user.sheet.planes.labels.snapshot(), {i: user.objects[i] for i in ids[:1]}),
    lambda _user, _ids: CleanUp(smallest=40, at_border=True, holes=True),
)
STEP = GESTURE | st.sampled_from(MAKERS)


STACK = StackShape(*SHAPE, 3)
#: Makers of edits that only stacks know, or that are done to all planes; a number: another plane comes to the front.
OF_STACKS: tuple[Callable[[User, tuple[int, ...]], Edit] | int, ...] = (
    lambda _user, ids: SetState(ids, "suspicious"),
    lambda _user, _ids: CopyFromPlane(0),
    lambda _user, ids: CopyFromPlane(1, frozenset(ids)),
    lambda _user, ids: Interpolate((0, 1, 2), frozenset(ids)),
    0,
    2,
)


class StackSheet(Sheet):
    """A stack whose tiles are packed, as those that a label file gave; slow edits may be worked out on a copy."""

    def __init__(self) -> None:
        self.stack = Planes.empty(STACK)
        for place, (x, y) in enumerate(SQUARES):
            square = Window(y, x, y + 10, x + 10).shift(plane_window(STACK, place // 2).y0, 0)
            self.stack.labels.write(square, np.full(square.shape, place + 1, np.int32))
            self.stack.objects.set(place + 1, ObjectInfo())
        for key in self.stack.labels.keys():  # noqa: SIM118 - a method of the map, no mapping
            values, whole = self.stack.labels.share(key), np.zeros((TILE, TILE), np.uint16)
            assert values is not None
            whole[: SHAPE[0], : SHAPE[1]] = values
            self.stack.labels.keep(key, PackedTile(zlib.compress(whole.tobytes()), np.uint16, values))
        super().__init__(self.stack.page(0))
        self.plane = 0

    def turn_to(self, plane: int) -> None:
        self.plane, self.planes = plane, self.stack.page(plane)

    def begin(self, name: str) -> Transaction:
        return Transaction(self.stack, name, on_commit=self.history.push, plane=self.plane)

    def apply(self, edit: Edit) -> EditRecord | None:
        if not getattr(edit, "of_stack", False):
            return super().apply(edit)
        transaction = Transaction(self.stack, edit.name, on_commit=self.history.push, plane=None)
        edit.apply(transaction)
        return transaction.commit()

    def ahead(self, edit: Edit, done: Callable[[Edit, EditRecord | None], object]) -> None:
        """Do an edit as a thread does that works it out."""
        found = worked_out(self.stack.snapshot(), edit, self.plane)
        if found is not None:
            found.apply(self.stack)
            self.history.push(found.record)
        done(edit, None if found is None else found.record)


def all_planes(user: User) -> Planes:
    return user.sheet.stack if isinstance(user.sheet, StackSheet) else user.sheet.planes


def state(user: User) -> tuple[bytes, bytes, dict[int, Any]]:
    planes = all_planes(user)
    return planes.labels.to_array().tobytes(), planes.regions.to_array().tobytes(), dict(planes.objects)


def draw(user: User, tool: str, places: list[tuple[float, float]], keys: str, end: str, like: bool) -> None:
    """Make a gesture with a tool, and end it by a key when the release does not."""
    user.tools.use(tool)
    user.view.brush_square = user.view.brush_like = like
    user.view.threshold = replace(user.view.threshold, split=like)
    try:
        if tool == "edit_outline":
            user.click(*places[0])
            if user.previews:
                user.drag(tuple(user.previews[0].points[0]), places[-1])
        else:
            user.drag(*places, keys=keys)
        if user.tools.running and tool == "oriented_rectangle":
            user.click(*places[0])
    except UserError:  # as of a fill that no outline encloses: it has changed nothing
        pass
    for key in (end, "Escape"):
        if user.tools.running:
            user.key(key)


def look(window: Window, work: Callable[[Any], Any], take: Callable[[Any], Any]) -> None:
    take(work(IMAGE[window.slices]))


@settings(max_examples=30, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=6))
def test_any_sequence_of_edits_undone_gives_the_bytes_back_and_redone_the_result(steps: list[Any]) -> None:
    user = User("brush")
    user.draw_squares(*SQUARES)
    check(user, steps)


@settings(max_examples=15, deadline=None)
@given(st.lists(STEP | st.sampled_from(OF_STACKS), min_size=2, max_size=7), st.booleans())
def test_and_so_it_is_in_a_stack_of_packed_tiles_also_when_edits_are_worked_out_on_a_copy(
    steps: list[Any], ahead: bool
) -> None:
    user = User("brush")
    user.sheet = sheet = StackSheet()
    user.tools.context.document = sheet
    user.tools.context.ahead = sheet.ahead if ahead else None
    check(user, steps)


def check(user: User, steps: list[Any]) -> None:
    """Take the steps, undo all of them and redo them."""
    user.tools.context.look = look
    states = [state(user)]
    for step in steps:
        before, done = state(user), len(user.actions)
        if isinstance(step, int):
            assert isinstance(user.sheet, StackSheet)
            user.sheet.turn_to(step)
        elif callable(step):
            try:
                user.tools.context.carry_out(step(user, tuple(sorted(user.objects))[:3]))
            except UserError:
                assert state(user) == before
        else:
            draw(user, *step)
        planes = all_planes(user)
        assert planes.labels.values() == set(planes.objects)
        if len(user.actions) == done:
            assert state(user) == before
        elif len(user.actions) == done + 1:
            states.append(state(user))
        else:  # a press that took a proposal has begun another gesture
            states += [None] * (len(user.actions) - done - 1) + [state(user)]  # type: ignore[list-item]
    history, planes = user.sheet.history, all_planes(user)
    for wanted in reversed(states[:-1]):
        history.undo(planes)
        assert wanted is None or state(user) == wanted
    for wanted in states[1:]:
        history.redo(planes)
        assert wanted is None or state(user) == wanted

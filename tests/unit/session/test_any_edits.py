"""Whatever sequence of edits is undone gives the exact bytes back, and redone the exact result."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tool_user import SHAPE, User

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.labels.clean_up import CleanUp
from segstudio.labels.edits import Edit
from segstudio.labels.moving import MoveObjects, PutDown
from segstudio.labels.shape_edits import ConvexHull, Duplicate, FillHoles, Grow, Shrink, Smooth, SplitByShape

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


def state(user: User) -> tuple[bytes, bytes, dict[int, Any]]:
    planes = user.sheet.planes
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


@settings(max_examples=30, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=6))
def test_any_sequence_of_edits_undone_gives_the_bytes_back_and_redone_the_result(steps: list[Any]) -> None:
    user = User("brush")

    def look(window: Window, work: Callable[[Any], Any], take: Callable[[Any], Any]) -> None:
        take(work(IMAGE[window.slices]))

    user.tools.context.look = look
    user.draw_squares(*SQUARES)
    states = [state(user)]
    for step in steps:
        before, done = state(user), len(user.actions)
        if callable(step):
            try:
                user.sheet.apply(step(user, tuple(sorted(user.objects))[:3]))
            except UserError:
                assert state(user) == before
        else:
            draw(user, *step)
        if len(user.actions) == done:
            assert state(user) == before
        elif len(user.actions) == done + 1:
            states.append(state(user))
        else:  # a press that took a proposal has begun another gesture
            states += [None] * (len(user.actions) - done - 1) + [state(user)]  # type: ignore[list-item]
    history, planes = user.sheet.history, user.sheet.planes
    for wanted in reversed(states[:-1]):
        history.undo(planes)
        assert wanted is None or state(user) == wanted
    for wanted in states[1:]:
        history.redo(planes)
        assert wanted is None or state(user) == wanted

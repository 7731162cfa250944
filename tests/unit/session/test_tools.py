from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pytest

from segstudio.core.errors import UserError, WrongUsage
from segstudio.core.tiles import Window
from segstudio.labels.edits import Edit, PasteLabels
from segstudio.labels.history import EditRecord, History, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction
from segstudio.session import tools
from segstudio.session.tools import PointerEvent, Preview, ToolContext, ToolRunner
from segstudio.session.view_state import ViewState

SHAPE = (80, 100)


@dataclass
class Sheet:
    """A document without a file."""

    planes: Planes = field(default_factory=lambda: Planes.empty(SHAPE))
    history: History = field(default_factory=History)

    def begin(self, name: str) -> Transaction:
        return Transaction(self.planes, name, on_commit=self.history.push)

    def apply(self, edit: Edit) -> EditRecord | None:
        transaction = self.begin(edit.name)
        try:
            edit.apply(transaction)
        except BaseException:
            transaction.abort()
            raise
        return transaction.commit()


class User:
    """Somebody with a mouse."""

    def __init__(self, tool: str) -> None:
        self.sheet = Sheet()
        self.view = ViewState(brush_diameter=5.0)
        self.told: list[str] = []
        self.tools = ToolRunner(ToolContext(self.sheet, self.view, self._select, self.told.append), tool)
        self.previews: tuple[Preview, ...] = ()

    def _select(self, ids: Iterable[int]) -> None:
        self.view.selected = frozenset(ids)

    def draw_squares(self, *corners: tuple[int, int]) -> None:
        """Put squares of 10 pixels at ``(x, y)``: objects 1, 2, ..."""
        array = np.zeros(SHAPE, np.int32)
        for index, (x, y) in enumerate(corners, start=1):
            array[y : y + 10, x : x + 10] = index
        infos = {index: ObjectInfo() for index in range(1, len(corners) + 1)}
        self.sheet.apply(PasteLabels(array, Window.whole(SHAPE), infos))

    def send(self, kind: str, x: float = 0, y: float = 0, button: str = "left", keys: str = "", key: str = "") -> None:
        event = PointerEvent(kind, x, y, button, frozenset(keys.split()), key, reach=3.0)  # type: ignore[arg-type]
        self.previews = self.tools.handle(event)

    def key(self, name: str, keys: str = "") -> None:
        self.send("key", key=name, button="none", keys=keys)

    def click(self, x: float, y: float, button: str = "left", keys: str = "") -> None:
        self.send("press", x, y, button, keys)
        self.send("release", x, y, button, keys)

    def drag(self, *points: tuple[float, float], button: str = "left", keys: str = "") -> None:
        self.send("press", *points[0], button, keys)
        for point in points[1:]:
            self.send("move", *point, button, keys)
        self.send("release", *points[-1], button, keys)

    def hover(self, *points: tuple[float, float]) -> None:
        for point in points:
            self.send("hover", *point, "none")

    @property
    def array(self) -> np.ndarray:
        return self.sheet.planes.labels.to_array()

    @property
    def objects(self) -> dict[int, ObjectInfo]:
        return dict(self.sheet.planes.objects)

    @property
    def actions(self) -> list[str]:
        return [record.name for record in self.sheet.history.entries()]


CIRCLE = [(50 + 15 * np.cos(t), 40 + 15 * np.sin(t)) for t in np.linspace(0, 2 * np.pi, 30)]


def test_every_tool_can_be_made_and_unknown_ones_are_named() -> None:
    names = {"brush", "erase", "encircle", "polygon", "fill", "pick", "delete", "merge", "split", "relabel"}
    assert set(tools.base.registry.names()) == names | {"region", "select"}
    assert tools.base.registry.broken() == {}
    for name in names:
        assert tools.create(name).id == name
    with pytest.raises(WrongUsage, match="no tool called 'lasso'"):
        tools.create("lasso")


def test_a_stroke_starts_an_object_and_the_next_one_continues_it() -> None:
    user = User("brush")
    user.view.class_id = 3
    user.drag((10, 10), (30, 10))
    assert user.objects == {1: ObjectInfo(class_id=3)}
    assert (user.view.current_object, user.view.selected) == (1, {1})
    user.drag((60, 40), (70, 40))
    assert set(user.objects) == {1}
    user.view.new_object()
    user.drag((60, 60), (70, 60))
    assert set(user.objects) == {1, 2}
    assert user.actions == ["Brush stroke"] * 3


def test_painting_is_live_and_one_undo_takes_the_stroke_back() -> None:
    user = User("brush")
    user.send("press", 10, 10)
    assert user.array[10, 10] == 1
    user.send("move", 40, 10)
    assert user.array[10, 40] == 1
    assert user.tools.running
    user.send("release", 40, 10)
    user.sheet.history.undo(user.sheet.planes)
    assert not user.array.any()
    assert not user.objects


def test_escape_and_changing_the_tool_take_an_unfinished_stroke_back() -> None:
    user = User("brush")
    for end in (lambda: user.key("Escape"), lambda: user.tools.use("erase"), user.tools.cancel):
        user.tools.use("brush")
        user.send("press", 10, 10)
        user.send("move", 30, 30)
        end()
        assert not user.array.any()
        assert not user.objects
        assert not user.tools.running
    assert user.actions == []


def test_painting_from_inside_an_object_continues_that_object() -> None:
    user = User("brush")
    user.draw_squares((20, 20))
    user.drag((25, 25), (50, 25))
    assert set(user.objects) == {1}
    assert user.array[25, 49] == 1


def test_neighbours_are_protected_and_shift_inverts_it() -> None:
    user = User("brush")
    user.draw_squares((20, 20), (30, 20))
    user.view.current_object = 1
    user.drag((25, 25), (39, 25))
    assert (user.array == 2).sum() == 100
    user.drag((25, 25), (39, 25), keys="shift")
    assert (user.array == 2).sum() < 100
    user.view.protect = False
    user.view.current_object = 2
    before = (user.array == 1).sum()
    user.drag((39, 25), (21, 25), keys="shift")
    assert (user.array == 1).sum() == before


def test_alt_erases_from_the_current_object_only() -> None:
    user = User("brush")
    user.draw_squares((20, 20), (30, 20))
    user.view.current_object = 1
    user.drag((25, 25), (39, 25), keys="alt")
    assert (user.array == 2).sum() == 100
    assert (user.array == 1).sum() < 100
    assert user.actions[-1] == "Erase"


def test_a_stroke_after_undo_does_not_revive_the_object() -> None:
    user = User("brush")
    user.drag((10, 10), (30, 10))
    user.sheet.history.undo(user.sheet.planes)
    user.drag((10, 10), (30, 10))
    assert set(user.objects) == {2}


@pytest.mark.parametrize("tool", ["brush", "fill"])
def test_beginning_on_a_protected_neighbour_says_so(tool: str) -> None:
    user = User(tool)
    user.draw_squares((10, 10), (30, 10))
    user.view.current_object = 1
    user.drag((35, 15), (36, 15))
    assert np.count_nonzero(user.array == 2) == 100
    assert len(user.told) == 1
    assert "Object 2 is protected." in user.told[0]
    assert "hold Shift" in user.told[0]


def test_nothing_is_said_of_protection_where_the_stroke_changes_what_is_under_it() -> None:
    user = User("brush")
    user.draw_squares((10, 10), (30, 10))
    user.view.current_object = 1
    user.drag((35, 15), (36, 15), keys="shift")
    user.drag((15, 15), (16, 15))
    user.drag((60, 60), (62, 60))
    assert user.told == []
    user.view.protect = False
    user.drag((31, 11), (32, 11), keys="shift")
    assert "let Shift go" in user.told[0]


def test_painting_only_over_protected_neighbours_leaves_nothing_behind() -> None:
    user = User("brush")
    user.draw_squares((20, 20))
    user.view.brush_diameter = 3
    user.drag((18, 15), (18, 16))
    user.drag((25, 25), (26, 25))
    assert set(user.objects) == {1, 2}
    assert user.actions == ["Add objects", "Brush stroke"]


def test_the_eraser_clears_all_and_with_shift_one() -> None:
    user = User("erase")
    user.draw_squares((20, 20), (30, 20))
    user.drag((25, 25), (39, 25), keys="shift")
    assert (user.array == 2).sum() == 100
    user.view.brush_diameter = 60
    user.click(30, 25)
    assert not user.objects


def test_the_region_brush_marks_and_alt_takes_back() -> None:
    user = User("region")
    user.view.region_value = 2
    user.drag((10, 10), (30, 10))
    assert user.sheet.planes.regions.value(10, 20) == 2
    user.drag((10, 10), (30, 10), keys="alt")
    assert not user.sheet.planes.regions.to_array().any()
    assert not user.array.any()


@pytest.mark.parametrize("tool", tools.base.registry.names())
def test_dragging_with_the_right_button_encircles_in_every_tool(tool: str) -> None:
    user = User(tool)
    user.drag(*CIRCLE, button="right")
    assert (user.array == 1).sum() == pytest.approx(np.pi * 15**2, rel=0.03)
    assert user.actions == ["Outline object"]
    assert user.view.selected == {1}
    assert user.previews == ()


def test_right_click_move_right_click() -> None:
    user = User("select")
    user.click(*CIRCLE[0], button="right")
    user.hover(*CIRCLE[1:20])
    assert user.tools.running
    assert user.previews[0].closed
    assert user.previews[0].kind == "path"
    assert len(user.previews[0].points) == 20
    user.send("press", *CIRCLE[20], "right")
    assert not user.tools.running
    assert set(user.objects) == {1}
    user.send("release", *CIRCLE[20], "right")
    assert not user.tools.running


def test_coming_back_to_the_start_closes_the_circle() -> None:
    user = User("brush")
    user.click(*CIRCLE[0], button="right")
    user.hover(CIRCLE[0], *CIRCLE[1:-2])
    assert user.tools.running
    user.hover(CIRCLE[-1])
    assert not user.tools.running
    assert (user.array == 1).sum() == pytest.approx(np.pi * 15**2, rel=0.03)


def test_escape_forgets_the_circle() -> None:
    user = User("encircle")
    user.click(*CIRCLE[0])
    user.hover(*CIRCLE[1:20])
    user.key("Escape")
    assert not user.tools.running
    assert not user.objects


def test_the_click_after_coming_back_to_the_start_begins_nothing() -> None:
    user = User("select")
    user.click(*CIRCLE[0], button="right")
    user.hover(*CIRCLE[1:], CIRCLE[0])
    user.click(*CIRCLE[0], button="right")
    assert not user.tools.running
    assert user.actions == ["Outline object"]
    user.click(*CIRCLE[0], button="right")  # another one is meant
    assert user.tools.running


def test_after_moving_away_a_click_at_the_start_begins_the_next_outline() -> None:
    user = User("select")
    user.click(*CIRCLE[0], button="right")
    user.hover(*CIRCLE[1:], CIRCLE[0], CIRCLE[20])
    user.click(*CIRCLE[0], button="right")
    assert user.tools.running


def test_the_brush_goes_on_with_the_object_just_encircled() -> None:
    user = User("brush")
    user.drag((10, 10), (20, 10))
    user.drag(*CIRCLE, button="right")
    assert user.view.selected == {2}
    user.drag((70, 40), (75, 40))  # outside of both
    assert set(user.objects) == {1, 2}
    assert user.array[40, 72] == 2


def test_encircling_keeps_neighbours() -> None:
    user = User("encircle")
    user.draw_squares((45, 35))
    user.drag(*CIRCLE)
    assert (user.array == 1).sum() == 100
    user.drag(*CIRCLE, keys="shift")
    assert (user.array == 1).sum() == 0


def polygon_user() -> User:
    user = User("polygon")
    for x, y in [(10, 10), (40, 10), (40, 30)]:
        user.click(x, y)
    user.hover((10, 30))
    return user


def test_all_endings_of_a_polygon() -> None:
    for end in ("first point", "double", "Enter", "Space"):
        user = polygon_user()
        assert user.tools.has_points
        user.click(10, 30)
        if end == "first point":
            user.click(11, 11)
        elif end == "double":
            user.send("double", 10, 30)
            user.send("release", 10, 30)
        else:
            user.key(end)
        assert not user.tools.running, end
        assert (user.array == 1).sum() == 600, end


def test_a_polygon_needs_three_corners_to_end() -> None:
    user = User("polygon")
    user.click(10, 10)
    user.key("Enter")
    assert user.tools.running
    user.key("Escape")
    assert not user.tools.running
    assert not user.objects


def test_dropping_the_last_point() -> None:
    for drop in ("Backspace", "Ctrl+Z", "right"):
        user = polygon_user()
        user.click(90, 70)
        if drop == "right":
            user.click(90, 70, "right")
        else:
            user.key("Z" if drop == "Ctrl+Z" else drop, "ctrl" if drop == "Ctrl+Z" else "")
        user.click(10, 30)
        user.key("Enter")
        assert (user.array == 1).sum() == 600, drop
    user = User("polygon")
    user.click(10, 10)
    user.key("Backspace")
    assert not user.tools.running


def test_select_and_shift_select() -> None:
    user = User("select")
    user.draw_squares((20, 20), (40, 20))
    user.click(25, 25)
    assert user.view.selected == {1}
    user.click(45, 25, keys="shift")
    assert user.view.selected == {1, 2}
    user.click(25, 25, keys="shift")
    assert user.view.selected == {2}
    user.click(5, 5)
    assert user.view.selected == frozenset()
    user.click(-5, 500)
    assert len(user.actions) == 1


@pytest.mark.parametrize("tool", tools.base.registry.names())
def test_ctrl_click_deletes_in_every_tool(tool: str) -> None:
    user = User(tool)
    user.draw_squares((20, 20), (40, 20))
    user.click(25, 25, keys="ctrl")
    assert set(user.objects) == {2}
    assert not user.tools.running


def test_alt_click_merges_into_the_selected_object() -> None:
    user = User("select")
    user.draw_squares((20, 20), (30, 20), (42, 20))
    user.click(35, 25)
    user.click(25, 25, keys="alt")
    assert set(user.objects) == {2, 3}
    assert (user.array == 2).sum() == 200
    assert user.view.selected == {2}
    user.tools.use("merge")
    user.click(47, 25)
    assert (user.array == 2).sum() == 300
    user.click(5, 5)
    assert user.actions == ["Add objects", "Merge objects", "Merge objects"]


def test_cells_that_lie_apart_are_not_merged_by_a_click() -> None:
    user = User("merge")
    user.draw_squares((20, 20), (60, 20), (70, 20))
    user.click(25, 25)
    user.click(65, 25)
    assert set(user.objects) == {1, 2, 3}
    assert user.view.selected == {2}
    user.click(75, 25)
    assert set(user.objects) == {1, 2}


def test_the_first_click_of_merge_selects() -> None:
    user = User("merge")
    user.draw_squares((20, 20), (30, 20))
    user.click(25, 25)
    assert user.view.selected == {1}
    user.click(35, 25)
    assert set(user.objects) == {1}


def test_delete_relabel_and_pick_by_click() -> None:
    user = User("relabel")
    user.draw_squares((20, 20), (40, 20))
    user.view.class_id = 4
    user.click(25, 25)
    assert user.objects[1].class_id == 4
    user.view.class_id = 1
    user.tools.use("pick")
    user.click(25, 25)
    assert (user.view.current_object, user.view.class_id) == (1, 4)
    user.click(5, 5)
    assert user.view.current_object == 0
    user.tools.use("delete")
    user.click(25, 25)
    user.click(5, 5)
    assert set(user.objects) == {2}


def test_fill_closes_what_the_brush_outlined() -> None:
    user = User("brush")
    user.drag((20, 20), (50, 20), (50, 50), (20, 50), (20, 20))
    user.tools.use("fill")
    user.click(35, 35)
    assert set(user.objects) == {1}
    assert user.array[35, 35] == 1
    with pytest.raises(UserError):
        user.click(80, 70)
    assert not user.tools.running
    user.send("release", 80, 70)
    user.click(35, 35)
    assert user.actions == ["Brush stroke", "Fill"]


def test_split_along_a_dragged_or_a_clicked_line() -> None:
    user = User("split")
    user.draw_squares((20, 20), (40, 20))
    user.drag((25, 15), (25, 25), (25, 35))
    assert set(user.objects) == {1, 2, 3}
    user.click(45, 15)
    user.hover((45, 25), (45, 35))
    assert user.previews[0].kind == "cut"
    user.click(45, 35)
    assert set(user.objects) == {1, 2, 3, 4}
    assert (user.array > 0).sum() == 200


def test_split_prefers_the_selected_object_and_needs_one_under_the_line() -> None:
    user = User("split")
    user.draw_squares((20, 20), (20, 30))
    user.view.selected = frozenset({2})
    user.drag((25, 15), (25, 45))
    assert (user.array[20:30] == 1).sum() == 100
    assert (user.array[30:40] == 2).sum() < 100
    user.drag((80, 10), (80, 60))
    assert len(user.actions) == 2


def test_the_middle_button_and_stray_events_do_nothing() -> None:
    user = User("brush")
    user.click(30, 30, button="middle")
    user.send("release", 30, 30)
    user.send("move", 30, 30)
    user.key("Escape")
    assert user.actions == []
    assert not user.tools.has_points

"""One plane of a stack is edited as if it were all there is, and nothing of the others changes."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.stack_shape import StackShape, plane_start
from segstudio.core.tiles import TileGrid, Window, plane_window
from segstudio.labels.edits import Delete, Edit, EraseStroke, Fill, Merge, Polygon, RegionFill, Split, Stroke
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.label_page import LabelPage
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction

HEIGHT, WIDTH, PLANES = 600, 540, 4
SHAPE = StackShape(HEIGHT, WIDTH, PLANES)
DISC = np.array([[300 + 40 * np.cos(a), 500 + 40 * np.sin(a)] for a in np.linspace(0, 6.2, 40)])
EDITS: list[Callable[[], Edit]] = [
    lambda: Stroke(np.array([[20.0, 590.0], [530.0, 599.0]]), 60, 7),
    lambda: EraseStroke(np.array([[-20.0, 300.0], [600.0, 640.0]]), 90),
    lambda: Polygon(DISC, None, 2),
    lambda: Fill((100.5, 100.5), 9, 1, protect=False),
    lambda: Split(1, np.array([[100.0, 0.0], [100.0, 599.0]])),
    lambda: Merge((1, 2)),
    lambda: Delete((1, 3)),
    lambda: RegionFill(Window(100, 100, 900, 300), 1),
]


def pages() -> list[np.ndarray]:
    made = []
    for plane in range(PLANES):
        page = np.zeros((HEIGHT, WIDTH), np.int32)
        for number, y in ((1, 40), (2, 200), (3, 450)):
            page[y + 5 * plane : y + 5 * plane + 90, 30 : 180 + plane] = number
        made.append(page)
    return made


def stack_of(contents: list[np.ndarray]) -> Planes:
    planes = Planes.empty(SHAPE)
    for number, page in enumerate(contents):
        planes.labels.write(plane_window(SHAPE, number), page)
    for number in (1, 2, 3):
        planes.objects.set(number, ObjectInfo())
    return planes


def do(planes: Planes, edit: Edit, plane: int = 0) -> tuple[EditRecord | None, list[Window]]:
    told: list[Window] = []
    transaction = Transaction(planes, edit.name, told.append, plane=plane)
    edit.apply(transaction)
    return transaction.commit(), told


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("plane", range(PLANES))
def test_an_edit_does_to_a_plane_what_it_does_to_a_flat_image(edit: Callable[[], Edit], plane: int) -> None:
    contents = pages()
    planes, flat = stack_of(contents), Planes(LabelMap.from_array(contents[plane]), LabelMap((HEIGHT, WIDTH), np.uint8))
    for number in (1, 2, 3):
        flat.objects.set(number, ObjectInfo())
    before = planes.labels.to_array()
    record, told = do(planes, edit(), plane)
    _, told_flat = do(flat, edit())
    assert record is not None
    assert told == told_flat, "in pixels of the plane"
    page = planes.page(plane)
    np.testing.assert_array_equal(page.labels.to_array(), flat.labels.to_array())
    np.testing.assert_array_equal(page.regions.to_array(), flat.regions.to_array())
    others = [number for number in range(PLANES) if number != plane]
    for number in others:
        np.testing.assert_array_equal(planes.page(number).labels.to_array(), contents[number])
    assert plane_window(SHAPE, plane).intersect(record.window) == record.window
    planes.apply(record.inverse)
    np.testing.assert_array_equal(planes.labels.to_array(), before)
    assert planes.regions.blank
    assert set(planes.objects) == {1, 2, 3}


def test_an_object_stays_in_the_table_as_long_as_a_plane_has_pixels_of_it() -> None:
    planes = stack_of(pages())
    for plane in range(PLANES):
        assert 1 in planes.objects
        do(planes, Delete((1,)), plane)
    assert set(planes.objects) == {2, 3}


@given(
    st.integers(1, 1_200),
    st.integers(1, 700),
    st.integers(2, 5),
    st.integers(-50, 6_000),
    st.integers(0, 900),
    st.data(),
)
def test_windows_are_read_and_written_as_in_arrays(
    height: int, width: int, planes: int, y: int, rows: int, data: st.DataObject
) -> None:
    shape = StackShape(height, width, planes)
    made, truth = LabelMap(shape), np.zeros((planes, height, width), np.int32)
    plane = data.draw(st.integers(0, planes - 1))
    window = Window(y % (height + 60) - 30, -3, y % (height + 60) - 30 + rows, width // 2 + 1)
    values = np.random.default_rng(rows).integers(0, 4, window.shape, np.int32)
    page = LabelPage(made, plane)
    page.write(window, values)
    inside = window.clip((height, width))
    if not inside.empty:
        truth[plane][inside.slices] = values[inside.shift(-window.y0, -window.x0).slices]
    for number in range(planes):
        np.testing.assert_array_equal(LabelPage(made, number).to_array(), truth[number])
        start = plane_start(shape, number)
        np.testing.assert_array_equal(made.to_array()[start : start + height], truth[number])
    assert page.values() == set(np.unique(truth[plane]).tolist()) - {0}
    for number in page.values():
        found = np.argwhere(truth[plane] == number)
        low, high = found.min(axis=0), found.max(axis=0) + 1
        assert page.window_of(number) == Window(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


@given(st.integers(1, 1_300), st.integers(1, 1_300), st.integers(1, 4), st.integers(0, 3_000), st.integers(0, 3_000))
def test_tiles_cover_the_planes_and_nothing_between(height: int, width: int, planes: int, y: int, rows: int) -> None:
    shape = StackShape(height, width, planes)
    grid = TileGrid(shape, 512)
    area = 0
    for key in grid.keys():  # noqa: SIM118 - a method of the grid
        assert grid.window(key).shape == grid.tile_shape(key)
        area += grid.window(key).height * grid.window(key).width
    assert area == planes * height * width
    window = Window(y, 0, y + rows, width)
    part = window.clip(shape)
    expected = [
        key
        for key in grid.keys(part)
        if not part.empty and grid.window(key).intersect(part) == grid.window(key) and not grid.window(key).empty
    ]
    assert list(grid.covered(window)) == expected

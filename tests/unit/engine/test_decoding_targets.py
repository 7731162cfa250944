"""Targets of objects: where they point, what they hold, and what stays unsaid."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells, discs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from segstudio.core.metrics import evaluate, pooled
from segstudio.engine.decoding.components import components
from segstudio.engine.decoding.flow_following import follow_flow
from segstudio.engine.formulations import formulations
from segstudio.engine.formulations.flow_targets import flow_to_centre
from segstudio.engine.formulations.object_targets import (
    certain_boundary,
    class_numbers,
    inner_boundary,
    relative_depth,
    relative_distance,
    signed_distance,
    whole_objects,
    without_tears,
    without_vanished,
)


def test_flows_have_length_one_inside_and_point_to_the_centre() -> None:
    labels = discs((41, 41), [(20, 20)], 12)
    flow = flow_to_centre(labels)
    rows, columns = np.indices(labels.shape) - 20.0
    distance = np.hypot(rows, columns)
    ring = (labels > 0) & (distance > 3)
    length = np.hypot(*flow)
    assert np.allclose(length[ring], 1, atol=1e-5)
    assert not length[labels == 0].any()
    cosine = -(flow[0] * rows + flow[1] * columns)[ring] / distance[ring]
    assert cosine.min() > 0.95


def whole_way(labels: NDArray[np.int32]) -> float:
    """Return the share of the pixels of the one object of `labels` whose flow leads to the place of most of them."""
    found = follow_flow(flow_to_centre(labels), labels > 0)
    return float(np.bincount(found[labels > 0]).max() / (labels > 0).sum())


def test_the_flow_leads_through_narrow_necks_and_round_corners() -> None:
    labels = discs((40, 44), [(10, 10)], 8)
    labels[discs((40, 44), [(30, 32)], 7) > 0] = 1
    for step in range(15, 26):  # a line of single pixels, diagonal but for two places
        labels[step, step + (step > 18) + (step > 22)] = 1
    labels[19, 19] = labels[23, 24] = 1
    assert whole_way(labels) > 0.99


@pytest.mark.parametrize("length", [40, 120])
def test_the_flow_of_a_folded_object_does_not_cross_the_walls_in_it(length: int) -> None:
    labels = np.zeros((43, length + 4), np.int32)
    for row in range(2, 40, 4):  # corridors three pixels wide, a wall of one pixel between them
        labels[row : row + 3, 2:-2] = 1
        labels[row + 3, (2 if row % 8 == 2 else -5) : (5 if row % 8 == 2 else -2)] = 1
    labels[40:] = 0
    assert whole_way(labels) > 0.99


def test_a_neck_of_an_object_is_no_boundary_through_it() -> None:
    labels = discs((30, 60), [(15, 14), (15, 44)], 10)
    labels[labels == 2] = 1
    labels[14:16, 20:40] = 1
    plain = inner_boundary(labels)
    kept = without_tears(plain, labels)
    assert components((labels > 0) & ~plain, connectivity=4).max() == 2
    assert components((labels > 0) & ~kept, connectivity=4).max() == 1
    away = np.ones(labels.shape, bool)
    away[12:18, 18:42] = False
    assert np.array_equal(kept[away], plain[away])


@given(hnp.arrays(np.int32, (9, 11), elements=st.integers(-1, 3)))
def test_a_boundary_without_tears_still_parts_the_objects(labels: NDArray[np.int32]) -> None:
    plain = inner_boundary(labels)
    kept = without_tears(plain, labels)
    assert not (kept & ~plain).any()
    parts = components((labels > 0) & ~kept, connectivity=4)
    for number in range(1, parts.max() + 1):
        assert len(np.unique(labels[parts == number])) == 1


@pytest.mark.parametrize("name", ["boundary", "flow_field"])
def test_thin_cells_between_membranes_survive(name: str, data_folder: Path) -> None:
    formulation = formulations.get(name)()
    scores = []
    for path in sorted((data_folder / "membrane" / "val" / "masks").glob("*.tif"))[::3]:
        labels = tifffile.imread(path).astype(np.int32)
        maps = formulation.perfect_maps(formulation.encode(labels))
        scores.append(evaluate(labels, formulation.decode(maps, formulation.decode_candidates()[0]).labels, (0.5, 0.8)))
    together = pooled(scores)
    assert together.at(0.5).f1 >= 0.99
    assert together.at(0.8).f1 >= 0.98


@pytest.mark.parametrize("radius", [30, 70, 150])
def test_large_objects_flow_to_their_centre_too(radius: int) -> None:
    side = 2 * radius + 11
    labels = discs((side, side), [(side // 2, side // 2)], radius)
    flow = flow_to_centre(labels)
    rows, columns = np.indices(labels.shape) - side // 2.0
    distance = np.hypot(rows, columns)
    ring = (labels > 0) & (distance > 5)
    cosine = -(flow[0] * rows + flow[1] * columns)[ring] / distance[ring]
    assert np.quantile(cosine, 0.001) > 0.9


def test_flows_turn_with_the_image() -> None:
    labels = cells((64, 64), 8, 2).labels
    flow = flow_to_centre(labels)
    flipped = flow_to_centre(np.ascontiguousarray(labels[:, ::-1]))[:, :, ::-1]
    away = np.hypot(flow[0] - flipped[0], flow[1] + flipped[1])
    # The pixel nearest the centroid may be another one of two: only flows beside the centre differ.
    assert (away > 0.3).mean() < 0.02


def test_a_bent_object_is_not_left_by_its_flow() -> None:
    labels = np.zeros((40, 40), np.int32)
    labels[5:35, 5:11] = labels[29:35, 5:35] = labels[5:35, 29:35] = 1
    flow = flow_to_centre(labels)
    # Both arms of the U first flow down, away from the straight line to the centre.
    assert flow[0][8, 8] > 0.5
    assert flow[0][8, 32] > 0.5


def test_distance_is_one_at_each_objects_deepest_point() -> None:
    labels = discs((50, 80), [(20, 20), (25, 60)], 8)
    distance = relative_distance(labels)[0]
    assert distance[labels == 0].max() == 0
    assert [distance[labels == number].max() for number in (1, 2)] == [1, 1]


def test_distance_keeps_its_slope_at_the_images_edge() -> None:
    labels = discs((40, 40), [(0, 20)], 12)
    distance = relative_distance(labels)[0]
    assert distance[0, 20] == 1


def test_depth_is_zero_at_every_outline_and_one_in_objects_that_are_all_outline() -> None:
    labels = np.zeros((20, 40), np.int32)
    labels[2:17, 2:17], labels[2:17, 17:32], labels[5:7, 35:37] = 1, 2, 3
    depth = relative_depth(labels)[0]
    assert not depth[9, 16:18].any()
    assert [depth[labels == number].max() for number in (1, 2, 3)] == [1, 1, 1]


def test_a_signed_distance_is_certain_where_the_outline_is_nearer_than_the_unknown() -> None:
    labels = np.zeros((1, 12), np.int32)
    labels[0, 4:9], labels[0, 9:] = 1, -1
    signed, certain = signed_distance(labels, 2.0)
    assert signed[0, 0, :6] == pytest.approx(np.tanh([-1.75, -1.25, -0.75, -0.25, 0.25, 0.75]))
    assert certain[0, 0].tolist() == [1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0]


def test_an_object_that_touches_the_unknown_is_not_whole_and_its_rim_there_is_no_certain_boundary() -> None:
    labels = np.zeros((6, 9), np.int32)
    labels[1:4, 1:4], labels[1:5, 5:8], labels[:, 8] = 1, 2, -1
    whole = whole_objects(labels)[0]
    assert (whole[labels == 1] == 1).all()
    assert not whole[labels == 2].any()
    assert (whole[labels == 0] == 1).all()
    certain = certain_boundary(labels)[0]
    assert certain[1:5, 7].tolist() == [1, 0, 0, 1]  # the corners have background above and below
    assert not certain[:, 8].any()


@pytest.mark.parametrize("edge", ["image", "unknown"])
def test_only_a_real_outside_makes_a_boundary(edge: str) -> None:
    labels = np.ones((5, 6), np.int32)
    labels[:, 4:] = 0 if edge == "image" else -1
    boundary = inner_boundary(labels)
    assert boundary[:, 3].all() == (edge == "image")
    assert not boundary[:, :3].any()


def test_the_smallest_objects_keep_an_inside() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[1, 1], labels[3:5, 3:5], labels[6:9, 6:9] = 1, 2, 3
    boundary = without_vanished(inner_boundary(labels), labels)
    assert not boundary[labels == 1].any()
    assert not boundary[labels == 2].any()
    assert boundary[labels == 3].sum() == 5


def test_classes_take_the_place_of_their_id() -> None:
    labels = np.array([[0, 1, 2, 3, -1]], np.int32)
    assert class_numbers(labels, {1: 9, 2: 5, 3: 77}, (5, 9)).tolist() == [[[0, 2, 1, 1, 0]]]


@settings(max_examples=40)
@given(hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.integers(-1, 4)))
def test_unknown_pixels_never_change_the_targets_of_valid_objects_elsewhere(labels: NDArray[np.int32]) -> None:
    targets = formulations.get("joint")().encode(labels)
    assert all(np.isfinite(target).all() for target in targets.values())
    assert not targets["flow"][:, labels < 1].any()
    assert not targets["distance"][:, labels < 1].any()
    assert targets["distance"].max(initial=0) <= 1

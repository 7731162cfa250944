"""Decoders on maps whose answer is known by construction."""

import numpy as np
import pytest
from factories import discs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from skimage.morphology import local_maxima, reconstruction

from segstudio.engine.decoding.components import components, drop_small, fill_holes, tidy
from segstudio.engine.decoding.flow_following import convergence, follow_flow
from segstudio.engine.decoding.watershed import grow_seeds, split_by_distance
from segstudio.engine.formulations import formulations
from segstudio.engine.formulations.flow_targets import flow_to_centre

SMALL_LABELS = hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(0, 3))


def same_partition(one: NDArray[np.int32], other: NDArray[np.int32]) -> bool:
    """Whether two label images differ by their numbers only."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


def test_components_join_diagonals_unless_told_otherwise() -> None:
    mask = np.eye(3, dtype=bool)
    assert components(mask).max() == 1
    assert components(mask, connectivity=4).max() == 3


def test_components_keep_values_apart() -> None:
    assert components(np.array([[1, 1, 2, 2]], np.int32)).tolist() == [[1, 1, 2, 2]]


def test_small_objects_go_and_the_rest_is_numbered() -> None:
    labels = np.array([[1, 2, 2], [0, 3, 3]], np.int32)
    assert drop_small(labels, 2).tolist() == [[0, 1, 1], [0, 2, 2]]


def test_a_hole_goes_to_its_only_neighbour() -> None:
    ring = np.ones((5, 5), np.int32)
    ring[2, 2] = 0
    assert (fill_holes(ring) == 1).all()


def test_a_gap_between_objects_and_a_bay_stay_open() -> None:
    labels = np.array([[1, 1, 1, 1], [1, 0, 0, 2], [1, 1, 2, 2], [0, 1, 2, 2], [1, 1, 2, 2]], np.int32)
    assert np.array_equal(fill_holes(labels), labels)


@given(SMALL_LABELS, st.integers(0, 5))
def test_tidy_adds_only_holes_and_numbers_without_gaps(labels: NDArray[np.int32], smallest: int) -> None:
    before = labels.copy()
    result = tidy(labels, smallest)
    assert np.array_equal(labels, before)
    counts = np.bincount(result.ravel())
    assert (counts[1:] >= max(1, smallest)).all()
    kept = (result > 0) & (labels > 0)
    for number in range(1, len(counts)):
        assert len(np.unique(labels[kept & (result == number)])) == 1


def test_peaks_need_to_rise_by_h() -> None:
    height = np.array([[0, 1, 0.8, 1.1, 0.1, 0.9, 0]], np.float32)
    mask = np.ones(height.shape, bool)
    for h, count in ((0.05, 3), (0.15, 3), (0.25, 2), (0.7, 2), (0.9, 1), (5, 1)):
        found = split_by_distance(height, mask, h, sigma=0)
        assert len(np.unique(found)) == count, h
        assert (found > 0).all()


@settings(max_examples=60)
@given(
    hnp.arrays(np.int8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=3, max_side=12), elements=st.integers(0, 9)),
    st.integers(1, 4),
)
def test_as_many_objects_as_h_maxima(values: NDArray[np.int8], h: int) -> None:
    """Compare with the textbook way: reconstruction by dilation of the map lowered by h."""
    height = values.astype(np.float32)
    mask = np.ones(height.shape, bool)
    # The textbook counts a peak of rise h exactly as none.
    found = split_by_distance(height, mask, h + 0.5, sigma=0)
    flooded = np.pad(reconstruction(height - h - 0.5, height), 1, constant_values=-99)
    assert len(np.unique(found)) == components(local_maxima(flooded) > 0).max()


def test_a_part_without_a_seed_becomes_an_object() -> None:
    mask = np.array([[1, 1, 0, 1, 1]], bool)
    seeds = np.array([[1, 0, 0, 0, 0]], np.int32)
    grown = grow_seeds(seeds, np.zeros(mask.shape, np.float32), mask)
    assert same_partition(grown, np.array([[1, 1, 0, 2, 2]], np.int32))


def test_touching_discs_are_cut_at_the_neck() -> None:
    truth = discs((40, 60), [(20, 20), (20, 37)], 10)
    rows, columns = np.indices(truth.shape)
    left, right = ((10 - np.hypot(rows - 20, columns - x)) / 10 for x in (20, 37))
    found = split_by_distance(np.maximum(left, right).astype(np.float32), truth > 0, h=0.1, sigma=1)
    assert found.max() == 2
    neck = (truth > 0) & (columns >= 26) & (columns <= 31)
    assert np.array_equal(found > 0, truth > 0)
    assert same_partition(found[~neck], truth[~neck])


@pytest.mark.parametrize("radius", [0.0, 1.0, 2.0])
def test_flows_lead_touching_discs_to_two_centres(radius: float) -> None:
    truth = discs((40, 60), [(20, 20), (20, 37)], 10)
    assert same_partition(follow_flow(flow_to_centre(truth), truth > 0, radius), truth)


def test_a_long_bent_cell_is_one_object() -> None:
    rows, columns = np.indices((60, 700))
    middle = 30 + 15 * np.sin(columns / 40)
    truth = ((np.abs(rows - middle) < 6) & (columns > 10) & (columns < 690)).astype(np.int32)
    found = follow_flow(flow_to_centre(truth), truth > 0, 1.0)
    assert np.bincount(found[truth > 0]).max() > 0.98 * truth.sum()


def test_a_noisy_flow_still_gives_one_object_a_disc() -> None:
    truth = discs((80, 80), [(25, 25), (50, 55)], 14)
    noise = np.random.default_rng(0).normal(0, 0.5, (2, 80, 80)).astype(np.float32)
    found = tidy(follow_flow(flow_to_centre(truth) + noise, truth > 0, 2.0), 30)
    assert found.max() == 2


def test_without_flow_and_without_mask_nothing_breaks() -> None:
    flow, none = np.zeros((2, 6, 7), np.float32), np.zeros((6, 7), bool)
    assert not follow_flow(flow, none).any()
    assert (follow_flow(flow, ~none) > 0).all()


@settings(max_examples=60)
@given(SMALL_LABELS)
def test_any_labels_survive_flows_up_to_parts_that_touch(labels: NDArray[np.int32]) -> None:
    """No pixel is lost, and none flows into another object."""
    found = follow_flow(flow_to_centre(labels), labels > 0, 0.0)
    assert np.array_equal(found > 0, labels > 0)


def test_walkers_do_not_leave_the_image() -> None:
    flow = np.full((2, 10, 10), -3, np.float32)
    assert (follow_flow(flow, np.ones((10, 10), bool)) == 1).all()


def test_chunks_give_the_same_as_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = discs((60, 60), [(20, 20), (40, 40), (20, 45)], 9)
    flow = flow_to_centre(truth)
    whole = follow_flow(flow, truth > 0)
    monkeypatch.setattr("segstudio.engine.decoding.flow_following._CHUNK", 37)
    assert np.array_equal(follow_flow(flow, truth > 0), whole)


def test_flow_runs_together_in_the_middle_of_objects_and_apart_where_they_touch() -> None:
    truth = np.zeros((40, 60), np.int32)
    truth[10:30, 10:30], truth[10:30, 30:50] = 1, 2
    together = convergence(flow_to_centre(truth))
    assert together[18:22, 18:22].mean() > 0.3
    assert together[18:22, 38:42].mean() > 0.3
    assert together[15:25, 29:31].max() < -0.3
    assert convergence(100 * flow_to_centre(truth)).max() <= 2
    assert not convergence(np.zeros((2, 5, 1), np.float32)).any()


def test_joint_objects_whose_distance_has_no_valley_are_split_by_their_flow() -> None:
    truth = np.zeros((40, 60), np.int32)
    truth[10:30, 10:30], truth[10:30, 30:50] = 1, 2
    formulation = formulations.get("joint")()
    maps = formulation.perfect_maps(formulation.encode(truth))
    maps[3], maps[4] = truth > 0, 0
    by_default = formulation.decode_candidates()[0]
    assert same_partition(formulation.decode(maps, by_default).labels, truth)
    alone = by_default.model_copy(update={"convergence": 0.0})
    assert formulation.decode(maps, alone).labels.max() == 1


def test_a_joint_model_from_before_the_help_of_the_flow_finds_what_it_found() -> None:
    card = {"decoder": "distance", "threshold": 0.5, "seed": 0.25, "bridge": 0.2, "smoothing": 1.0, "min_size": 15}
    assert formulations.get("joint").DecodeConfig.model_validate(card).model_dump()["convergence"] == 0


def test_a_joint_model_that_follows_the_flow_has_the_best_settings_of_the_other_decoder_too() -> None:
    first, *others = formulations.get("joint")().decode_candidates()
    kept = {"seed", "bridge", "convergence"}
    flow = [settings for settings in others if settings.model_dump()["decoder"] == "flow"]
    assert len(flow) == 6
    assert all(settings.model_dump(include=kept) == first.model_dump(include=kept) for settings in flow)

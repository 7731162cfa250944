"""Edges between pixels, and the objects that they make."""

import numpy as np
from factories import cells, discs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from segstudio.engine.decoding.mutex_watershed import absorb_fragments, mutex_watershed
from segstudio.engine.formulations.edge_targets import edge_offsets, edge_signs

OFFSETS = edge_offsets(9)
LABELS = hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14), elements=st.integers(-1, 3))


def joined(edges: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    return mutex_watershed(edges, OFFSETS, 2, mask, 0.5, 0.7)


def test_an_edge_joins_one_object_splits_two_and_says_nothing_of_the_unknown() -> None:
    labels = np.array([[1, 1, 2, 0, 0, -1]], np.int32)
    assert edge_signs(labels, [(0, 1)]).tolist() == [[[1, -1, -1, 0, 0, 0]]]
    assert edge_signs(labels, [(0, -2), (1, 0)]).tolist() == [[[0, 0, -1, -1, -1, 0]], [[0] * 6]]


@settings(max_examples=60)
@given(LABELS, st.integers(3, 20))
def test_signs_are_those_of_the_two_ends(labels: NDArray[np.int32], reach: int) -> None:
    rows, columns = np.indices(labels.shape)
    for (dy, dx), signs in zip(edge_offsets(reach), edge_signs(labels, edge_offsets(reach)), strict=True):
        inside = (rows + dy < labels.shape[0]) & (columns + dx < labels.shape[1]) & (columns + dx >= 0)
        assert not signs[~inside].any()
        here, there = labels[inside], labels[rows[inside] + dy, columns[inside] + dx]
        known = (here >= 0) & (there >= 0) & ((here > 0) | (there > 0))
        assert np.array_equal(signs[inside] != 0, known)
        assert np.array_equal(signs[inside] > 0, known & (here == there))


def test_one_wrong_edge_does_not_join_two_cells() -> None:
    labels = discs((40, 60), [(20, 20), (20, 37)], 10)
    edges = (edge_signs(labels, OFFSETS) > 0).astype(np.float32)
    edges[0, 20, 29] = 0.6  # the near edge across the neck leans to join
    found = joined(edges, labels > 0)
    assert found[20, 20] != found[20, 37]
    assert np.array_equal(found > 0, labels > 0)


def test_a_branching_cell_is_one_object() -> None:
    labels = np.zeros((40, 40), np.int32)
    labels[4:36, 18:22] = labels[18:22, 4:36] = labels[4:8, 4:36] = 1
    edges = (edge_signs(labels, OFFSETS) > 0).astype(np.float32)
    assert len(np.unique(joined(edges, labels > 0)[labels > 0])) == 1


def test_noise_on_the_edges_leaves_the_cells() -> None:
    labels = cells((80, 90), 12, 2).labels
    noise = np.random.default_rng(0).normal(0, 0.15, (8, 80, 90))
    edges = np.clip((edge_signs(labels, OFFSETS) > 0) + noise, 0, 1).astype(np.float32)
    found = absorb_fragments(joined(edges, labels > 0), edges[0], labels > 0, 10)
    for number in range(1, labels.max() + 1):
        assert np.bincount(found[labels == number]).max() > 0.9 * (labels == number).sum()


def test_fragments_go_to_the_object_beside_them_unless_they_stand_alone() -> None:
    labels = np.array([[1, 1, 1, 1, 2, 0, 3]], np.int32)
    found = absorb_fragments(labels, np.ones(labels.shape, np.float32), labels > 0, 2)
    assert found[0, 4] == found[0, 0]
    assert found[0, 6] not in (0, found[0, 0])


def test_an_empty_mask_holds_nothing() -> None:
    assert not joined(np.ones((8, 5, 6), np.float32), np.zeros((5, 6), bool)).any()

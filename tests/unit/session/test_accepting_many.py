"""Thousands of proposals are put together at once: the same as one after the other, pixel by pixel."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.paste import surrounds, without_crumbs
from segstudio.labels.transaction import Transaction
from segstudio.session.predictions import Decisions, Proposal
from segstudio.session.proposals import CRUMB, Proposals

#: Over four tiles.
SHAPE = (530, 540)


def one_by_one(
    drawn: NDArray[np.int32], proposed: NDArray[np.int32], wanted: list[int], covered: float, next_id: int
) -> tuple[NDArray[np.int32], dict[int, int]]:
    """Return the labels after `wanted` were accepted in their order, and the new ids, by the words of `write` alone."""
    labels, made = drawn.copy(), dict[int, int]()
    for proposal_id in wanted:
        mine = proposed == proposal_id
        free = mine & (labels == 0)
        area, left = np.count_nonzero(mine), np.count_nonzero(free)
        if not left or area - left > covered * area or (left < area and surrounds(mine, free)):
            continue
        labels[free if left == area else without_crumbs(free, CRUMB * area)] = next_id
        made[proposal_id] = next_id
        next_id += 1
    return labels, made


def scene(seed: int, count: int, *, largest: int) -> NDArray[np.int32]:
    """Return a label image of rectangles and rings, some over the borders of tiles, some over one another."""
    rng, labels = np.random.default_rng(seed), np.zeros(SHAPE, np.int32)
    ids = rng.permutation(np.unique(rng.integers(1, max(largest, 4 * count) + 1, count)))
    for number, (y, x, height, width) in enumerate(rng.integers((0, 0, 1, 1), (*SHAPE, 60, 60), (count, 4))):
        if number % 2:  # many near the corner where four tiles meet
            y, x = 490 + y % 40, 490 + x % 40
        labels[y : y + height, x : x + width] = ids[number % len(ids)]
        if number % 5 == 0:
            labels[y + 2 : y + height - 2, x + 2 : x + width - 2] = 0
    return labels


def accept(
    drawn: NDArray[np.int32], proposed: NDArray[np.int32], wanted: list[int], covered: float
) -> tuple[Planes, dict[int, int], EditRecord | None]:
    table = ObjectTable({int(item): ObjectInfo() for item in np.unique(drawn) if item})
    planes = Planes(LabelMap.from_array(drawn), LabelMap(SHAPE, np.uint8), table)
    labels = LabelMap.from_array(proposed)
    proposals = Proposals(labels, {item: Proposal(item, item % 3 + 1, 0.5) for item in labels.values()}, Decisions())
    transaction = Transaction(planes, "Accept")
    made = proposals.write(transaction, wanted, covered)
    return planes, made, transaction.commit()


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**20),
    objects=st.sampled_from([0, 1, 30]),
    count=st.sampled_from([1, 7, 120]),
    largest=st.sampled_from([0, 2**16, 2**30]),
    covered=st.sampled_from([0.0, 0.5]),
    share=st.sampled_from([0.3, 1.0]),
)
def test_all_at_once_is_as_one_by_one(
    seed: int, objects: int, count: int, largest: int, covered: float, share: float
) -> None:
    drawn, proposed = scene(seed, objects, largest=0), scene(seed + 1, count, largest=largest)
    ids = [int(item) for item in np.random.default_rng(seed).permutation(np.unique(proposed[proposed > 0]))]
    wanted = ids[: max(1, round(share * len(ids)))]
    planes, made, record = accept(drawn, proposed, wanted, covered)
    labels, expected = one_by_one(drawn, proposed, wanted, covered, 1 + int(drawn.max()))
    assert list(made.items()) == list(expected.items())
    np.testing.assert_array_equal(planes.labels.to_array(), labels)
    infos = {made[item]: ObjectInfo(item % 3 + 1, "model", "accepted") for item in made}
    assert {key: info for key, info in planes.objects.items() if key in infos} == infos
    assert (record is None) == (not made)
    if record is not None:
        assert {change.id for change in record.objects} == set(infos)
        planes.apply(record, back=True)
        np.testing.assert_array_equal(planes.labels.to_array(), drawn)
        assert set(planes.objects) == set(np.unique(drawn[drawn > 0]).tolist())


def test_what_is_wanted_twice_or_not_there_makes_one_object_or_none() -> None:
    drawn, proposed = np.zeros(SHAPE, np.int32), scene(3, 5, largest=0)
    first = int(proposed.max())
    planes, made, _ = accept(drawn, proposed, [first, first, first + 9], 0.5)
    assert list(made) == [first]
    np.testing.assert_array_equal(planes.labels.to_array() > 0, proposed == first)


@pytest.mark.parametrize("covered", [0.0, 0.5])
def test_no_proposal_asks_for_the_image_more_than_once(covered: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of each of thousands took most of the time."""
    proposed = np.arange(1, 901, dtype=np.int32).reshape(30, 30).repeat(17, 0).repeat(17, 1)
    proposed = np.pad(proposed, ((0, SHAPE[0] - 510), (0, SHAPE[1] - 510)))
    drawn = np.where(proposed == 450, 3, 0).astype(np.int32)
    asked: list[int] = []
    monkeypatch.setattr(LabelMap, "window_of", lambda _self, value, *_keys: asked.append(value))
    _, made, _ = accept(drawn, proposed, list(range(1, 901)), covered)
    assert len(made) == 899
    assert asked == []


def test_a_table_that_counts_high_goes_on_counting() -> None:
    planes, made, _ = accept(np.zeros(SHAPE, np.int32), scene(5, 3, largest=2**30), [], 0.5)
    assert (made, len(planes.objects)) == ({}, 0)
    table = ObjectTable({}, 70_000)
    planes = replace(planes, objects=table)
    labels = LabelMap.from_array(scene(5, 3, largest=2**30))
    proposals = Proposals(labels, {item: Proposal(item, 1, 0.5) for item in labels.values()}, Decisions())
    transaction = Transaction(planes, "Accept")
    made = proposals.write(transaction, sorted(proposals.table), 0.5)
    assert list(made.values()) == list(range(70_000, 70_000 + len(made)))

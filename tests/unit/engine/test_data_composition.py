import numpy as np
import pytest
from factories import cells, discs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from segstudio.engine.data.composition import LabelledPatch, mosaic, paste_objects

SEEDS = st.integers(0, 2**31)


def a_patch(seed: int = 0, ground: float = 0.0, count: int = 8) -> LabelledPatch:
    made = cells((96, 96), count, seed=seed, dtype="float32")
    labels = made.labels.copy()
    labels[:10] = -1
    return LabelledPatch(
        made.image[None] + np.float32(ground), labels, {n: 1 + n % 2 for n in range(1, made.count + 1)}
    )


@settings(max_examples=40)
@given(SEEDS, SEEDS)
def test_pasted_objects_are_new_lie_on_background_and_cover_nothing(seed: int, other: int) -> None:
    patch, donor = a_patch(seed % 7), a_patch(other % 5 + 10)
    made = paste_objects(patch, donor, np.random.default_rng((seed, other)))
    changed = made.labels != patch.labels
    assert (patch.labels[changed] == 0).all()
    new = np.unique(made.labels[changed])
    assert (new > patch.labels.max()).all()
    assert len(new) <= 4
    assert np.array_equal(made.image[:, patch.labels != 0], patch.image[:, patch.labels != 0])
    assert all(ndimage.label(made.labels == number)[1] == 1 for number in new)


def test_most_pastings_find_room_and_keep_size_and_class() -> None:
    donor = LabelledPatch(np.ones((1, 64, 64), np.float32), discs((64, 64), [(30, 30)], 8), {1: 7})
    patch = LabelledPatch(np.zeros((1, 96, 96), np.float32), discs((96, 96), [(20, 20)], 9), {1: 2})
    found = 0
    for seed in range(20):
        made = paste_objects(patch, donor, np.random.default_rng(seed))
        assert made.classes[1] == 2
        if made.labels.max() == 2:
            found += 1
            assert made.classes[2] == 7
            assert (made.labels == 2).sum() >= 0.8 * (donor.labels == 1).sum()
    assert found >= 18


def test_a_pasted_object_takes_the_brightness_of_its_new_ground() -> None:
    labels = discs((64, 64), [(32, 32)], 8)
    donor = LabelledPatch(np.where(labels > 0, 0.9, 0.5)[None].astype(np.float32), labels, {})
    patch = LabelledPatch(np.full((1, 64, 64), 0.1, np.float32), np.zeros((64, 64), np.int32), {})
    made = paste_objects(patch, donor, np.random.default_rng(0))
    pasted = made.labels == 1
    assert made.image[0][pasted].mean() == pytest.approx(0.5, abs=0.08)  # 0.4 above its ground, as before
    assert made.image[0][~pasted].max() < 0.4


def test_objects_that_are_cut_are_not_pasted() -> None:
    labels = np.zeros((64, 64), np.int32)
    labels[:9, 20:30] = 1  # at the edge
    labels[30:40, 30:40] = 2
    labels[40:50, 30:40] = -1  # 2 goes on where nothing is known
    donor = LabelledPatch(labels[None].astype(np.float32), labels, {})
    patch = LabelledPatch(np.zeros((1, 64, 64), np.float32), np.zeros((64, 64), np.int32), {})
    for seed in range(10):
        assert paste_objects(patch, donor, np.random.default_rng(seed)).labels.max() == 0


@settings(max_examples=30)
@given(st.integers(0, 96), st.integers(0, 96))
def test_a_mosaic_shows_four_corners_with_ids_of_their_own(y: int, x: int) -> None:
    patches = [a_patch(seed, ground=seed) for seed in range(4)]
    made = mosaic(patches, (y, x))
    owner: dict[int, int] = {}
    rows, columns = np.indices((96, 96))
    corner = 2 * (rows >= y) + (columns >= x)
    for number in range(4):
        mine = corner == number
        assert np.array_equal(made.image[:, mine], patches[number].image[:, mine])
        original = patches[number].labels[mine]
        ids = made.labels[mine]
        known = ids >= 0
        assert ((ids > 0) == (original > 0))[known].all()
        for new, old in set(zip(ids[known & (ids > 0)], original[known & (ids > 0)], strict=True)):
            assert owner.setdefault(int(new), number) == number
            assert made.classes[int(new)] == patches[number].classes[int(old)]


def test_nothing_is_known_at_the_seam_of_a_mosaic() -> None:
    whole = LabelledPatch(np.ones((1, 32, 32), np.float32), np.ones((32, 32), np.int32), {})
    made = mosaic([whole] * 4, (16, 10))
    assert (made.labels[15:17] == -1).all()
    assert (made.labels[:, 9:11] == -1).all()
    assert sorted(np.unique(made.labels)) == [-1, 1, 2, 3, 4]

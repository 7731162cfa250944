import numpy as np
import pytest
from factories import cells
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.config.augmentation import AugmentationConfig
from segstudio.engine.data.warp import Warp, apply_warp, draw_warp, unwarped

SIDE = 48


@st.composite
def shape_changes(draw: st.DrawFn) -> AugmentationConfig:
    return AugmentationConfig(
        scale=draw(st.floats(0, 0.6)), rotation=draw(st.floats(0, 180)), elastic=draw(st.floats(0, 20))
    )


def coordinates(side: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an image of two channels that say row and column, and labels that are all different and say the same."""
    rows, columns = np.mgrid[:side, :side]
    return np.stack([rows, columns]).astype(np.float32), (1 + rows * side + columns).astype(np.int32)


@settings(max_examples=40)
@given(shape_changes(), st.integers(0, 2**31), st.floats(40, 160), st.floats(40, 160))
def test_image_and_labels_move_by_the_same_numbers(config: AugmentationConfig, seed: int, y: float, x: float) -> None:
    side = 200
    image, labels = coordinates(side)
    # No blur before a shrinking: it would change the coordinates near the edge only, but here they are the measure.
    warp = draw_warp(SIDE, config, np.random.default_rng(seed))
    seen, ids = apply_warp(image, labels, Warp(warp.offsets), (y, x))
    inside = (ids > 0) & (seen.min(axis=0) > 3) & (seen.max(axis=0) < side - 4)
    rows, columns = np.divmod(ids - 1, side)
    assert np.abs(seen[0] - rows)[inside].max(initial=0) < 0.6  # the nearest pixel is half a pixel away at most
    assert np.abs(seen[1] - columns)[inside].max(initial=0) < 0.6


@settings(max_examples=40)
@given(shape_changes(), st.integers(0, 2**31))
def test_ids_never_mix_and_unknown_stays_unknown(config: AugmentationConfig, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.array([-1, 0, 3, 70_000, 2**31 - 1], np.int32), (90, 70))
    image = (labels == -1)[None].astype(np.float32)
    warp = draw_warp(SIDE, config, rng)
    _, ids = apply_warp(image, labels, warp, (45.0, 35.0))
    assert ids.dtype == np.int32
    assert set(np.unique(ids)) <= set(np.unique(labels)) | {-1}
    where = np.rint(warp.offsets + np.array([45, 35], np.float32)[:, None, None]).astype(int)
    inside = (where >= 0).all(axis=0) & (where[0] < 90) & (where[1] < 70)
    assert (ids[~inside] == -1).all()
    assert np.array_equal(ids[inside], labels[where[0][inside], where[1][inside]])


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_without_any_strength_a_patch_is_a_plain_piece(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.random((2, 64, 64), np.float32)
    labels = rng.integers(-1, 9, (64, 64)).astype(np.int32)
    warp = draw_warp(32, AugmentationConfig.none(), rng)
    assert np.array_equal(warp.offsets, unwarped(32).offsets)
    seen, ids = apply_warp(image, labels, warp, (30, 20))
    assert np.array_equal(ids, labels[14:46, 4:36])
    assert np.array_equal(seen, image[:, 14:46, 4:36])


@settings(max_examples=30)
@given(st.floats(1, 20), st.integers(0, 2**31), st.integers(16, 200))
def test_the_elastic_map_never_folds(strength: float, seed: int, side: int) -> None:
    """A fold would show a cell twice; where the determinant is positive there is none."""
    rows, columns = draw_warp(side, AugmentationConfig(elastic=strength), np.random.default_rng(seed)).offsets
    (ry, rx), (cy, cx) = np.gradient(rows), np.gradient(columns)
    assert (ry * cx - rx * cy).min() > 0
    plain = unwarped(side).offsets
    assert np.abs(rows - plain[0]).max() <= 1.3 * strength


def test_magnification_scales_areas_and_lies_within_the_strength() -> None:
    factors = [
        draw_warp(SIDE, AugmentationConfig(scale=0.4), np.random.default_rng(seed)).factor for seed in range(200)
    ]
    assert 0.6 <= min(factors) < 0.7
    assert 1.3 < max(factors) <= 1.4
    labels = np.zeros((200, 200), np.int32)
    labels[90:110, 90:110] = 5
    for seed in range(5):
        warp = draw_warp(96, AugmentationConfig(scale=0.4, rotation=180), np.random.default_rng(seed))
        _, ids = apply_warp(labels[None].astype(np.float32), labels, warp, (100, 100))
        assert (ids == 5).sum() == pytest.approx(400 * warp.factor**2, rel=0.1)


def test_a_bright_object_stays_under_its_label() -> None:
    made = cells((160, 160), 20, noise=0.0)
    image = (made.labels > 0)[None].astype(np.float32)
    for seed in range(10):
        warp = draw_warp(64, AugmentationConfig(scale=0.5, rotation=180, elastic=5), np.random.default_rng(seed))
        seen, ids = apply_warp(image, made.labels, warp, (80, 80))
        known = ids >= 0
        assert ((seen[0] > 0.5) == (ids > 0))[known].mean() > 0.97


def test_shrinking_leaves_no_flicker() -> None:
    """A fine chequerboard becomes gray when it is shrunk, not another pattern."""
    board = (np.indices((200, 200)).sum(axis=0) % 2).astype(np.float32)[None]
    warp = unwarped(64)
    half = Warp(warp.offsets * np.float32(2.05), 1 / 2.05)
    seen, _ = apply_warp(board, board[0].astype(np.int32), half, (100, 100))
    assert seen.std() < 0.15


def test_an_image_smaller_than_the_patch_is_known_inside_only() -> None:
    image, labels = np.ones((1, 20, 30), np.float32), np.full((20, 30), 4, np.int32)
    seen, ids = apply_warp(image, labels, unwarped(64), (9.5, 14.5))
    assert (ids == 4).sum() == 600
    assert (ids == -1).sum() == 64 * 64 - 600
    assert np.allclose(seen, 1)

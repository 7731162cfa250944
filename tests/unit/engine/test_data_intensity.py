import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.config.augmentation import AugmentationConfig
from segstudio.engine.data.cut_out import hide_rectangles
from segstudio.engine.data.intensity import change_intensity, disc

NONE = AugmentationConfig.none()
STRONG = AugmentationConfig(gain=0.9, offset=0.5, gamma=0.9, noise=0.5, blur=5, defocus=10, channel_drop=0.9)


def an_image(channels: int = 1, side: int = 32, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.5, 3, (channels, side, side)).astype(np.float32)


@settings(max_examples=60)
@given(st.integers(0, 2**31), st.integers(1, 7))
def test_the_strongest_changes_stay_finite_and_float32(seed: int, channels: int) -> None:
    image = an_image(channels, seed=seed)
    changed = change_intensity(image, STRONG, np.random.default_rng(seed))
    assert changed.dtype == np.float32
    assert changed.shape == image.shape
    assert np.isfinite(changed).all()


def test_off_means_untouched_bytes() -> None:
    image = an_image(3)
    assert change_intensity(image, NONE, np.random.default_rng(0)).tobytes() == image.tobytes()


@pytest.mark.parametrize("name", ["blur", "defocus"])
def test_focus_smooths_some_patches_and_keeps_their_mean(name: str) -> None:
    config = NONE.model_copy(update={name: 4.0})
    image = an_image(side=64)
    spreads, means = [], []
    for seed in range(60):
        changed = change_intensity(image, config, np.random.default_rng(seed))
        spreads.append(changed.std())
        means.append(changed.mean())
    assert 5 < sum(spread < 0.98 * image.std() for spread in spreads) < 35
    assert np.allclose(means, image.mean(), atol=0.03)


def test_an_unfocused_point_becomes_a_disc() -> None:
    kernel = disc(5.0)
    assert kernel.sum() == pytest.approx(1)
    assert np.count_nonzero(kernel > kernel.max() / 2) == pytest.approx(np.pi * 25, rel=0.15)
    assert np.array_equal(kernel, kernel.T)
    assert disc(0.0).tolist() == [[1.0]]


def test_a_dropped_channel_is_black_and_the_others_stay() -> None:
    config = NONE.model_copy(update={"channel_drop": 0.9})
    image = an_image(4)
    dropped = 0
    for seed in range(50):
        changed = change_intensity(image, config, np.random.default_rng(seed))
        black = [bool((plane == 0).all()) for plane in changed]
        assert sum(black) <= 1
        dropped += sum(black)
        assert all(np.array_equal(a, b) for a, b, gone in zip(changed, image, black, strict=True) if not gone)
    assert dropped > 35
    gray = an_image(1)
    assert np.array_equal(change_intensity(gray, config, np.random.default_rng(0)), gray)


def test_a_hidden_rectangle_carries_no_loss_and_the_rest_is_as_it_was() -> None:
    image = an_image(2, 64)
    targets = {"valid": np.ones((1, 64, 64), np.float32), "flow": np.full((2, 64, 64), 0.5, np.float32)}
    for seed in range(20):
        shown, left = hide_rectangles(image, targets, np.random.default_rng(seed))
        hidden = left["valid"][0] == 0
        assert 0 < hidden.mean() < 0.5
        assert (left["flow"][:, hidden] == 0).all()
        assert (left["flow"][:, ~hidden] == 0.5).all()
        assert np.array_equal(shown[:, ~hidden], image[:, ~hidden])
        assert np.allclose(shown[:, hidden], image.mean(axis=(1, 2))[:, None])
    assert (targets["valid"] == 1).all()

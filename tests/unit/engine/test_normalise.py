"""Intensities on a common scale, whatever the image holds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from segstudio.engine.data.normalise import HIGHEST, LOWEST, measure_scale, normalise


def test_percentiles_become_zero_and_one() -> None:
    image = np.arange(1001, dtype=np.uint16).reshape(7, 143)
    scale = measure_scale(image)
    assert scale.low == (10.0,)
    assert scale.high == pytest.approx((998.0,))
    assert normalise(image)[0].ravel()[[10, 998]] == pytest.approx([0, 1], abs=1e-6)


def test_the_scale_of_the_whole_serves_its_parts() -> None:
    image = np.random.default_rng(0).normal(100, 20, (40, 60))
    scale = measure_scale(image)
    assert np.array_equal(scale.apply(image)[:, 5:20, 10:30], scale.apply(image[5:20, 10:30]))


def test_colour_has_one_scale_and_channels_have_their_own() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    image[..., 0] = np.arange(20)
    image[..., 1] = 10 * np.arange(20)
    assert len(set(measure_scale(image, joint=True).high)) == 1
    separate = normalise(image, joint=False)
    assert separate[0] == pytest.approx(separate[1])
    assert not separate[2].any()


def test_a_few_bright_pixels_on_black_keep_their_contrast() -> None:
    image = np.zeros((100, 100))
    image[3, 3] = 50
    assert normalise(image)[0, 3, 3] == 1


def test_contrast_on_a_large_offset_survives() -> None:
    image = 1e9 + np.arange(100.0).reshape(10, 10)
    assert np.diff(np.sort(normalise(image).ravel())).max() < 0.02


@settings(max_examples=60)
@given(
    hnp.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int16, np.float32, np.float64]),
        hnp.array_shapes(min_dims=2, max_dims=3, max_side=8),
    )
)
def test_any_image_becomes_finite_and_bounded(image: NDArray[np.generic]) -> None:
    result = normalise(image)
    assert result.dtype == np.float32
    assert result.shape[1:] == image.shape[:2]
    assert np.isfinite(result).all()
    assert result.min() >= LOWEST
    assert result.max() <= HIGHEST

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.config.augmentation import AugmentationConfig
from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.engine.data.augment import change_intensity, orient
from segstudio.engine.data.channels import as_channels, plan_channels
from segstudio.engine.data.crops import CropSampler, CropSettings, Prefetch, TrainingImage
from segstudio.engine.data.dataset import LabelledPart, TargetStore, parts, rescaled, training_image
from segstudio.engine.formulations import formulations
from segstudio.jobs.spec import SampleRecord

NONE = AugmentationConfig(flips=False, gain=0, offset=0, gamma=0, noise=0)


def an_image(name: str = "a", side: int = 64, value: float = 1.0) -> TrainingImage:
    known = np.argwhere(np.ones((side, side), bool)).astype(np.int32)
    image = np.full((1, side, side), value, np.float32)
    targets = {"valid": np.ones((1, side, side), np.float16), "id": np.full((1, side, side), value, np.float16)}
    return TrainingImage(name, image, targets, known[side * 20 : side * 20 + 5], known)


def a_sampler(images: list[TrainingImage], augmentation: AugmentationConfig = NONE) -> CropSampler:
    return CropSampler(images, CropSettings(32, 0.9, 7, augmentation, formulations.get("joint")().turn_targets))


def test_a_batch_is_the_same_for_the_same_step_and_another_for_the_next() -> None:
    image = an_image()
    noise = np.random.default_rng(0).normal(size=image.image.shape).astype(np.float32)
    sampler = a_sampler([TrainingImage("a", noise, image.targets, image.objects, image.known)], AugmentationConfig())
    first, again, other = sampler.batch(3, 4), sampler.batch(3, 4), sampler.batch(4, 4)
    assert np.array_equal(first.image, again.image)
    assert not np.array_equal(first.image, other.image)
    assert first.image.shape == (4, 1, 32, 32)
    assert first.targets["valid"].dtype == np.float32


def test_images_are_drawn_evenly_however_large_or_many_their_parts() -> None:
    images = [an_image("big", 128, 1.0), an_image("big", 128, 1.0), an_image("big", 128, 1.0), an_image("small", 32, 2)]
    batch = a_sampler(images).batch(0, 400)
    assert 140 < int((batch.image[:, 0, 0, 0] == 2).sum()) < 260


def test_most_patches_hold_an_object_pixel() -> None:
    image = an_image(side=256)
    marks = np.zeros((1, 256, 256), np.float16)
    marks[0, 20, 0:5] = 1
    image = TrainingImage("a", image.image, {"mark": marks}, np.array([[20, 2]], np.int32), image.known)
    batch = a_sampler([image]).batch(0, 200)
    assert (batch.targets["mark"].max((1, 2, 3)) > 0).mean() > 0.8


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 7), st.integers(0, 2**31))
def test_vectors_turn_with_the_image(orientation: int, seed: int) -> None:
    """A vector field that points to a pixel must point to it after turning."""
    side = 15
    rng = np.random.default_rng(seed)
    y, x = rng.integers(side, size=2)
    image = np.zeros((1, side, side), np.float32)
    image[0, y, x] = 1
    rows, columns = np.mgrid[:side, :side]
    field = np.stack([y - rows, x - columns]).astype(np.float32)
    turned, targets = orient(image, {"flow": field}, formulations.get("joint")().turn_targets, orientation)
    to_y, to_x = np.argwhere(turned[0] == 1)[0]
    assert np.array_equal(targets["flow"][0], to_y - rows)
    assert np.array_equal(targets["flow"][1], to_x - columns)


def test_the_eight_orientations_differ() -> None:
    image = np.arange(9, dtype=np.float32).reshape(1, 3, 3)
    assert len({orient(image, {}, formulations.get("joint")().turn_targets, o)[0].tobytes() for o in range(8)}) == 8


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**31))
def test_intensity_changes_stay_finite_and_float32(seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.uniform(-0.5, 3, (2, 8, 8)).astype(np.float32)
    strong = AugmentationConfig(gain=0.9, offset=0.5, gamma=0.9, noise=0.5)
    changed = change_intensity(image, strong, rng)
    assert changed.dtype == np.float32
    assert np.isfinite(changed).all()


def test_no_augmentation_changes_nothing() -> None:
    image = np.random.default_rng(0).normal(size=(1, 8, 8)).astype(np.float32)
    assert np.array_equal(change_intensity(image, NONE, np.random.default_rng(0)), image)


def test_an_image_smaller_than_a_patch_is_padded_without_targets(tmp_path: Path) -> None:
    known = np.zeros((20, 40), np.int32)
    known[5:15, 5:15] = 1
    part = LabelledPart(SampleRecord(image_id="a", image=tmp_path / "a.tif"), np.ones((1, 20, 40), np.float32), known)
    image = training_image(part, formulations.get("boundary")(), 64, TargetStore(tmp_path, 10**9))
    assert image.image.shape == (1, 64, 64)
    assert (image.image == 1).all()
    assert image.targets["valid"][:, 20:].max() == 0
    assert image.targets["valid"][:, :, 40:].max() == 0


def test_targets_beyond_the_memory_limit_wait_in_files(tmp_path: Path) -> None:
    store = TargetStore(tmp_path / "cache", 1000)
    small, large = np.ones(100, np.float16), np.arange(1000, dtype=np.float16)
    assert store.keep(small) is small
    kept = store.keep(large)
    assert isinstance(kept, np.memmap)
    assert np.array_equal(kept, large)
    store.close()
    assert not (tmp_path / "cache").exists()


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(256, 2048))
def test_parts_cover_the_image_and_are_no_larger_than_asked(height: int, width: int, side: int) -> None:
    windows = parts((height, width), side)
    rows = {row for window in windows for row in range(window.y0, window.y1)}
    assert rows == set(range(height))
    assert all(window.height <= side and window.width <= side for window in windows)
    assert max(window.x1 for window in windows) == width


@pytest.mark.parametrize("factor", [0.6, 1.4])
def test_rescaling_keeps_ids_and_scales_areas(tmp_path: Path, factor: float) -> None:
    known = np.zeros((50, 50), np.int32)
    known[10:30, 10:30] = 70_000
    part = LabelledPart(SampleRecord(image_id="a", image=tmp_path / "a"), known[None].astype(np.float32), known)
    scaled = rescaled(part, factor)
    assert set(np.unique(scaled.known)) == {0, 70_000}
    assert (scaled.known > 0).sum() == pytest.approx(400 * factor**2, rel=0.1)
    assert scaled.image.shape[1:] == scaled.known.shape


def test_prefetch_gives_the_batches_in_order_and_follows_a_new_size() -> None:
    sampler = a_sampler([an_image()])
    prefetch = Prefetch(sampler.batch, 2)
    sizes = [len(prefetch.batch(step, size).image) for step, size in ((0, 4), (1, 4), (1, 2), (2, 2))]
    prefetch.close()
    assert sizes == [4, 4, 2, 2]


def info(name: str, kind: str, channels: int) -> ImageInfo:
    return ImageInfo(Path(name), 8, 8, channels, "uint8", kind, "YX", (8, 8), "PNG")  # type: ignore[arg-type]


def test_the_network_sees_what_most_images_have() -> None:
    gray, colour = info("a", "gray", 1), info("b", "rgb", 3)
    assert (plan_channels([gray, gray, colour]).kind, plan_channels([gray, gray, colour]).converted) == ("gray", 1)
    assert plan_channels([gray, colour, colour]).count == 3
    assert plan_channels([gray, gray, colour], "rgb").converted == 2


def test_different_numbers_of_channels_are_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"five\.tif has 5"):
        plan_channels([info("four.tif", "channels", 4), info("five.tif", "channels", 5)])


def test_channels_are_converted_or_refused() -> None:
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[..., 1] = 100
    assert as_channels(colour, "gray", 1, Path("a")).max() == pytest.approx(58.7)
    assert as_channels(colour[..., 0], "rgb", 3, Path("a")).shape == (4, 4, 3)
    with pytest.raises(BadInput, match="expects 4 channels"):
        as_channels(colour, "channels", 4, Path("a"))

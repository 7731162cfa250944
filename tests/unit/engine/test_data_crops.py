from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.config.augmentation import AugmentationConfig
from segstudio.config.data import DataConfig
from segstudio.config.run import RunConfig
from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.engine.data.channels import ChannelPlan, as_channels, channel_warnings, plan_channels
from segstudio.engine.data.crops import CropSampler, CropSettings, orient
from segstudio.engine.data.dataset import LabelledPart, Reading, TargetStore, parts, read_sample, training_image
from segstudio.engine.data.prefetch import Prefetch, patch_threads
from segstudio.engine.data.training_image import TrainingImage
from segstudio.engine.formulations import formulations
from segstudio.io.disk import DiskError
from segstudio.jobs.spec import SampleRecord

NONE = AugmentationConfig.none()


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
    assert first.targets["valid"].dtype == np.float16  # as it is kept: the device widens it


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


def test_images_beyond_the_memory_limit_wait_in_files_from_when_they_are_read(tmp_path: Path) -> None:
    made = cells((64, 80), 5)
    tifffile.imwrite(tmp_path / "image.tif", made.image)
    tifffile.imwrite(tmp_path / "labels.tif", made.labels.astype(np.uint16))
    sample = SampleRecord(image_id="a", image=tmp_path / "image.tif", labels=tmp_path / "labels.tif", complete=True)
    store = TargetStore(tmp_path / "cache", 0)
    (part,) = read_sample(sample, Reading(ChannelPlan("gray", 1), store=store))
    assert isinstance(part.image, np.memmap)
    assert isinstance(part.known, np.memmap)
    image = training_image(part, formulations.get("boundary")(), 64, store)
    assert image.image is part.image  # it is not kept twice
    assert len(list((tmp_path / "cache").iterdir())) == 2 + len(image.targets)
    (tmp_path / "cache" / "999999.npy").touch()  # a run that was killed left more
    store.close()
    assert not (tmp_path / "cache").exists()


def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "000000.npy").mkdir()
    with pytest.raises(DiskError, match=r"000000\.npy could not be written"):
        TargetStore(tmp_path / "cache", 0).keep(np.ones(3))


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(256, 2048))
def test_parts_cover_the_image_and_are_no_larger_than_asked(height: int, width: int, side: int) -> None:
    windows = parts((height, width), side)
    rows = {row for window in windows for row in range(window.y0, window.y1)}
    assert rows == set(range(height))
    assert all(window.height <= side and window.width <= side for window in windows)
    assert max(window.x1 for window in windows) == width


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
    own = plan_channels([info("four.tif", "channels", 4)], "gray")
    assert [warning.code for warning in channel_warnings(own, "gray")] == ["channels-own"], "gray is not what it gets"
    assert not list(channel_warnings(own, "auto"))


def test_channels_are_converted_or_refused() -> None:
    colour = np.zeros((4, 4, 3), np.uint8)
    colour[..., 1] = 100
    assert as_channels(colour, "gray", 1, Path("a")).max() == pytest.approx(58.7)
    assert as_channels(colour[..., 0], "rgb", 3, Path("a")).shape == (4, 4, 3)
    with pytest.raises(BadInput, match="expects 4 channels"):
        as_channels(colour, "channels", 4, Path("a"))


def test_threads_follow_the_wish_else_the_platform() -> None:
    assert patch_threads("cuda", 3) == 3
    assert patch_threads("cpu") == 1
    assert 1 <= patch_threads("cuda") <= 8


def a_part(tmp_path: Path, name: str = "a", side: int = 160, seed: int = 0, **record: object) -> LabelledPart:
    made = cells((side, side), 24, seed=seed, dtype="float32")
    labels = made.labels.copy()
    labels[:, :20] = -1
    sample = SampleRecord(image_id=name, image=tmp_path / name, **record)  # type: ignore[arg-type]
    return LabelledPart(sample, made.image[None], labels)


def a_real_sampler(
    parts_: list[LabelledPart],
    augmentation: AugmentationConfig,
    store: TargetStore,
    *,
    margin: int = 24,
    **data: object,
) -> CropSampler:
    config = RunConfig(augmentation=augmentation, data=DataConfig(**data))  # type: ignore[arg-type]
    joint = formulations.get("joint")(class_ids=(1, 2))
    images = [training_image(part, joint, 64, store, config) for part in parts_]
    settings_ = CropSettings(
        64, 0.9, 0, augmentation, joint.turn_targets, joint.encode, margin, config.data.balance_classes
    )
    return CropSampler(images, settings_)


EVERYTHING = AugmentationConfig(
    scale=0.4, rotation=180, elastic=6, shape_share=0.7, copy_paste=0.5, mosaic=0.3, cut_out=0.5, blur=2, defocus=3
)


def test_with_everything_on_a_batch_is_still_the_same_for_the_same_step(tmp_path: Path) -> None:
    store = TargetStore(tmp_path, 2**30)
    parts_ = [a_part(tmp_path, str(seed), seed=seed) for seed in range(3)]
    first = a_real_sampler(parts_, EVERYTHING, store).batch(5, 12)
    again = a_real_sampler(parts_, EVERYTHING, store).batch(5, 12)
    assert first.image.tobytes() == again.image.tobytes()
    assert first.image.shape == (12, 1, 64, 64)
    for name, planes in first.targets.items():
        assert planes.tobytes() == again.targets[name].tobytes()
        assert planes.dtype == np.float16
        assert planes.shape[2:] == (64, 64)
    assert np.isfinite(first.image).all()
    assert first.targets["valid"].mean() > 0.5


def test_labels_are_kept_in_memory_only_when_shapes_change(tmp_path: Path) -> None:
    store, part, joint = TargetStore(tmp_path, 2**30), a_part(tmp_path), formulations.get("joint")()
    assert training_image(part, joint, 64, store).labels is None
    assert training_image(part, joint, 64, store, RunConfig()).labels is None
    kept = training_image(part, joint, 256, store, RunConfig(augmentation=AugmentationConfig(scale=0.2))).labels
    assert kept is not None
    assert np.array_equal(kept[:160, :160], part.known)
    assert (kept[160:] == -1).all()


@pytest.mark.parametrize("orientation", range(8))
def test_targets_of_a_reshaped_patch_are_those_of_its_labels(tmp_path: Path, orientation: int) -> None:
    """Without any change of shape the way over the labels must give what the ready targets give."""
    part = a_part(tmp_path)
    store = TargetStore(tmp_path, 2**30)
    reshaping = NONE.model_copy(update={"mosaic": 1.0})  # keeps the labels
    sampler = a_real_sampler([part], reshaping, store, margin=32)
    image = training_image(
        part, formulations.get("joint")(class_ids=(1, 2)), 64, store, RunConfig(augmentation=reshaping)
    )
    place = (image, (90, 84))
    plain, ready = sampler._plain(place, orientation)
    shown, made = sampler._encoded(sampler._piece(place, False, np.random.default_rng(0)), orientation)
    assert np.allclose(plain, shown, atol=1e-6)
    for name in ("foreground", "boundary", "valid"):
        assert np.array_equal(ready[name], made[name])
    assert np.abs(ready["distance"] - made["distance"]).max() < 2e-3  # float16 in the store
    inside = (made["flow"] != 0).any(axis=0)
    # From the other side heat spreads in another order: where the flow turns it may turn a little elsewhere.
    assert (np.abs(ready["flow"] - made["flow"]).max(axis=0) < 0.05)[inside].mean() > 0.97


def test_an_object_larger_than_the_margin_is_not_learned_as_if_it_ended_there(tmp_path: Path) -> None:
    labels = np.zeros((160, 400), np.int32)
    labels[70:90, 20:380] = 1  # its centre lies far from the patch
    labels[60:66, 58:66] = 2
    part = LabelledPart(
        SampleRecord(image_id="a", image=tmp_path / "a", complete=True), np.zeros((1, 160, 400), np.float32), labels
    )
    reshaping = NONE.model_copy(update={"mosaic": 1.0})  # keeps the labels
    sampler = a_real_sampler([part], reshaping, TargetStore(tmp_path, 2**30), margin=8)
    place = (sampler._places.draw(np.random.default_rng(0))[0], (72, 62))
    _, made = sampler._encoded(sampler._piece(place, False, np.random.default_rng(0)), 0)
    small = made["foreground"][0, :26] > 0
    assert (made["whole"][0, :26][small] == 1).all()
    assert small.any()
    assert not made["whole"][0, 30:50].any()
    assert made["valid"].all()


def test_the_image_lies_over_its_targets_whatever_its_shape(tmp_path: Path) -> None:
    part = a_part(tmp_path)
    known = np.maximum(part.known, 0)
    part = LabelledPart(part.sample, (known > 0)[None].astype(np.float32), part.known)
    shapes = NONE.model_copy(
        update={"scale": 0.5, "rotation": 180.0, "elastic": 8.0, "shape_share": 1.0, "flips": True}
    )
    sampler = a_real_sampler([part], shapes, TargetStore(tmp_path, 2**30))
    batch = sampler.batch(0, 16)
    known_here = batch.targets["valid"] > 0
    same = (batch.image > 0.5) == (batch.targets["foreground"] > 0)
    assert same[known_here].mean() > 0.97


def test_patches_lie_within_the_image_wherever_they_fit(tmp_path: Path) -> None:
    part = a_part(tmp_path)
    part = LabelledPart(part.sample, part.image, np.maximum(part.known, 0))
    magnified = NONE.model_copy(update={"scale": 0.3, "shape_share": 1.0})
    batch = a_real_sampler([part], magnified, TargetStore(tmp_path, 2**30)).batch(0, 20)
    assert batch.targets["valid"].mean() > 0.999


def test_rare_classes_are_drawn_as_often_as_common_ones(tmp_path: Path) -> None:
    rare = [a_part(tmp_path, str(n), seed=n, object_classes=dict.fromkeys(range(1, 25), 1)) for n in range(4)]
    rare[0] = a_part(tmp_path, "0", object_classes={number: 2 if number == 5 else 1 for number in range(1, 25)})
    store = TargetStore(tmp_path, 2**30)
    shares = {}
    for balance in (False, True):
        batch = a_real_sampler(rare, NONE, store, balance_classes=balance).batch(0, 120)
        shares[balance] = float((batch.targets["class"] == 2).any(axis=(1, 2, 3)).mean())
    assert shares[False] < 0.3
    assert shares[True] > 0.4


ODD = {
    "smaller than a patch": (40, 30, lambda side: cells((side[0], side[1]), 4).labels),
    "an object a pixel": (72, 72, lambda side: np.arange(1, side[0] * side[1] + 1, dtype=np.int32).reshape(side)),
    "one object everywhere": (96, 96, lambda side: np.ones(side, np.int32)),
    "known at one pixel": (96, 96, lambda side: np.where(np.indices(side).sum(axis=0) == 60, 3, -1).astype(np.int32)),
    "no object": (96, 96, lambda side: np.zeros(side, np.int32)),
}


@pytest.mark.parametrize("channels", [1, 7])
@pytest.mark.parametrize("name", ODD)
def test_odd_images_pass_through_every_change(tmp_path: Path, name: str, channels: int) -> None:
    height, width, label = ODD[name]
    image = np.random.default_rng(0).random((channels, height, width), np.float32)
    parts_ = [
        LabelledPart(SampleRecord(image_id=str(n), image=tmp_path / "a"), image, label((height, width))) for n in (0, 1)
    ]
    always = EVERYTHING.model_copy(update={"shape_share": 1.0, "copy_paste": 1.0, "mosaic": 0.5, "channel_drop": 0.5})
    batch = a_real_sampler(parts_, always, TargetStore(tmp_path, 2**30)).batch(0, 6)
    assert batch.image.shape == (6, channels, 64, 64)
    assert np.isfinite(batch.image).all()
    assert all(np.isfinite(planes).all() for planes in batch.targets.values())
    if name == "smaller than a patch":
        assert 0 < batch.targets["valid"].mean() < 0.5


def test_patches_for_validation_are_pieces_of_the_images_whatever_is_set(tmp_path: Path) -> None:
    part = a_part(tmp_path)
    sampler = a_real_sampler([part], EVERYTHING, TargetStore(tmp_path, 2**30))
    still = CropSampler(
        [training_image(part, formulations.get("joint")(class_ids=(1, 2)), 64, TargetStore(tmp_path, 2**30))],
        sampler.settings.still(),
    )
    pieces = np.lib.stride_tricks.sliding_window_view(part.image[0], (64, 64))
    for image in still.batch(0, 4).image:
        assert (pieces == image[0]).all(axis=(2, 3)).any()


def test_labels_with_random_numbers_as_ids_are_learned_like_any_others(tmp_path: Path) -> None:
    """Some programs write hashes as ids: tables by id would take gigabytes."""
    made = cells((64, 64), 5)
    wild = np.where(made.labels > 0, 2_000_000_000 + 1000 * made.labels, 0).astype(np.uint32)
    tifffile.imwrite(tmp_path / "image.tif", made.image)
    for name, labels, ids in (("wild", wild, 2_000_002_000), ("tame", made.labels.astype(np.uint16), 2)):
        tifffile.imwrite(tmp_path / f"{name}.tif", labels)
        sample = SampleRecord(
            image_id=name,
            image=tmp_path / "image.tif",
            labels=tmp_path / f"{name}.tif",
            complete=True,
            object_classes={ids: 2},
        )
        (part,) = read_sample(sample, Reading(ChannelPlan("gray", 1)))
        image = training_image(part, formulations.get("joint")(class_ids=(1, 2)), 64, TargetStore(tmp_path, 2**30))
        if name == "wild":
            first = image
    assert int(first.targets["class"].max()) == 2
    for target, planes in image.targets.items():
        assert np.array_equal(planes, first.targets[target]), target

"""Prediction jobs through the files they read and write."""

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from factories import cells
from safetensors.torch import load_file

from segstudio.core.errors import BadInput, BadModel, JobFailed, WrongUsage
from segstudio.engine.architectures import architectures
from segstudio.engine.data.normalise import normalise
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import ModelCard, read_card, save_model
from segstudio.engine.prediction import block_decoding, map_store, result_files, room, seen_image
from segstudio.engine.prediction import predict as predict_module
from segstudio.engine.prediction.predict import decode, predict
from segstudio.io.atomic import TEMP_MARK
from segstudio.io.disk import DISK, DiskError
from segstudio.jobs.messages import Artifact, Finished, Message, Progress, Warned
from segstudio.jobs.spec import Choice, ClassSpec, DecodeJob, PredictImage, PredictJob

SMALL = {"width": 8, "depth": 2}


def make_model(folder: Path, channels: int = 1, steps: int = 0) -> Path:
    """Save a model; `steps` of training on synthetic cells make it find them."""
    torch.manual_seed(0)
    joint = formulations.get("joint")()
    kind = architectures.get("unet")
    net = kind(kind.Config.model_validate(SMALL)).build(channels, joint.out_channels)
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    net.train()
    for step in range(steps):
        made = cells((64, 64), 8, step % 4)
        targets = {key: torch.from_numpy(value)[None] for key, value in joint.encode(made.labels).items()}
        loss = torch.stack(list(joint.loss(net(torch.from_numpy(normalise(made.image))[None]), targets).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    card = ModelCard(
        name="test",
        created="2026-11-21T00:00:00",
        formulation=Choice(name="joint"),
        architecture=Choice(name="unet", settings=SMALL),
        in_channels=channels,
        channels="gray" if channels == 1 else "rgb",
        classes=(ClassSpec(id=3, name="cell"),),
        decode={"decoder": "distance"},
    )
    save_model(folder, card, net.state_dict())
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"), steps=60)


def job_for(model: Path, folder: Path, *images: Path, **options: Any) -> PredictJob:
    wanted = tuple(
        PredictImage(image_id=path.stem, image=path, output=folder / "out" / f"{path.stem}.tif", maps=folder / "m.npy")
        for path in images
    )
    return PredictJob(job_id="7", model=model, images=wanted, device="cpu", **options)


def write_image(folder: Path, name: str = "a12.tif", **options: Any) -> Path:
    made = cells((100, 130), 16, 50, **options)
    tifffile.imwrite(folder / name, made.image, photometric="rgb" if made.image.ndim == 3 else "minisblack")
    return folder / name


def objects_of(path: Path) -> dict[str, dict[str, float]]:
    content: dict[str, dict[str, dict[str, float]]] = json.loads(path.with_suffix(".json").read_text())
    return content["objects"]


def labels_artifact(messages: list[Message]) -> Artifact:
    return next(item for item in messages if isinstance(item, Artifact) and item.role == "labels")


def test_nothing_is_made_where_a_drive_was(model: Path, tmp_path: Path) -> None:
    place = tmp_path / "drive" / "predictions"
    place.parent.mkdir()
    images = tuple(
        PredictImage(image_id=path.stem, image=path, output=place / "run" / path.name, maps=place / "run" / "m.npy")
        for path in (write_image(tmp_path), write_image(tmp_path, "a13.tif"))
    )
    steps = predict(PredictJob(job_id="7", model=model, images=images, device="cpu"))
    assert next(item for item in steps if isinstance(item, Artifact) and item.role == "labels")
    place.parent.rename(tmp_path / "unplugged")
    place.parent.mkdir()
    with pytest.raises(DiskError, match="the folder is not there any more"):
        list(steps)
    assert list(place.parent.iterdir()) == []


def test_labels_classes_and_scores_are_written(model: Path, tmp_path: Path) -> None:
    image = write_image(tmp_path)
    messages = list(predict(job_for(model, tmp_path, image)))
    output = tmp_path / "out" / "a12.tif"
    labels = tifffile.imread(output)
    assert labels.shape == (100, 130)
    assert labels.max() >= 10
    objects = objects_of(output)
    assert sorted(map(int, objects)) == list(range(1, labels.max() + 1))
    assert all(row["class_id"] == 3 and 0 <= row["score"] <= 1 for row in objects.values())
    assert labels_artifact(messages).details["objects"] == labels.max()
    assert isinstance(messages[-1], Finished)
    progress = [item for item in messages if isinstance(item, Progress)]
    assert progress[0].done == 0
    assert progress[-1].done == progress[-1].total
    assert "a12.tif" in progress[0].stage


def test_decoding_kept_maps_gives_the_same_objects_without_the_network(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    list(predict(job_for(model, tmp_path, write_image(tmp_path))))
    monkeypatch.setattr(predict_module, "load_learned", lambda path: pytest.fail("the network was loaded"))
    again = tmp_path / "again.tif"
    job = DecodeJob(job_id="8", model=model, image_id="a12", maps=tmp_path / "m.npy", output=again)
    assert isinstance(list(decode(job))[-1], Finished)
    assert np.array_equal(tifffile.imread(again), tifffile.imread(tmp_path / "out" / "a12.tif"))
    strict = job.model_copy(update={"decode": {"min_size": 100_000}})
    assert labels_artifact(list(decode(strict))).details["objects"] == 0
    assert not tifffile.imread(again).any()


def test_a_threshold_is_obeyed(model: Path, tmp_path: Path) -> None:
    image = write_image(tmp_path)
    areas = []
    for threshold in (0.3, 0.9):
        list(predict(job_for(model, tmp_path, image, decode={"threshold": threshold})))
        areas.append(np.count_nonzero(tifffile.imread(tmp_path / "out" / "a12.tif")))
    assert areas[0] > areas[1]


def test_a_model_for_colour_refuses_a_gray_image_in_one_sentence(tmp_path: Path) -> None:
    rgb = make_model(tmp_path / "rgb", channels=3)
    image = write_image(tmp_path)
    with pytest.raises(BadModel, match=r"The model expects 3 channels; a12\.tif has 1\."):
        list(predict(job_for(rgb, tmp_path, image)))
    assert not (tmp_path / "out").exists()


def test_a_gray_model_takes_the_brightness_of_colour_and_says_so(model: Path, tmp_path: Path) -> None:
    messages = list(predict(job_for(model, tmp_path, write_image(tmp_path, coloured=True))))
    assert any(isinstance(item, Warned) and "brightness" in item.message for item in messages)
    assert (tmp_path / "out" / "a12.tif").is_file()


def test_one_bad_file_among_others_is_left_out_with_a_warning(model: Path, tmp_path: Path) -> None:
    bad = tmp_path / "broken.tif"
    bad.write_bytes(b"II*\0not an image")
    messages = list(predict(job_for(model, tmp_path, bad, write_image(tmp_path))))
    assert any(isinstance(item, Warned) and "broken.tif" in item.message for item in messages)
    end = messages[-1]
    assert isinstance(end, Finished)
    assert (end.summary["images"], end.summary["left_out"]) == (1, 1)
    with pytest.raises(BadInput, match=r"broken\.tif"):
        list(predict(job_for(model, tmp_path, bad)))


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((3, 3), np.uint8), np.full((20, 20), 7, np.uint16), np.full((16, 1), 2, np.uint8)],
    ids=["tiny", "constant", "one column"],
)
def test_odd_images_are_predicted(model: Path, tmp_path: Path, pixels: np.ndarray) -> None:
    tifffile.imwrite(tmp_path / "odd.tif", pixels)
    list(predict(job_for(model, tmp_path, tmp_path / "odd.tif")))
    assert tifffile.imread(tmp_path / "out" / "odd.tif").shape == pixels.shape


def test_an_image_of_nan_is_predicted_as_if_dark(model: Path, tmp_path: Path) -> None:
    image = cells((64, 64), 6, 1, dtype="float32").image
    image[:10] = np.nan
    tifffile.imwrite(tmp_path / "nan.tif", image)
    list(predict(job_for(model, tmp_path, tmp_path / "nan.tif")))
    assert np.isfinite(np.load(tmp_path / "m.npy")).all()


@pytest.mark.parametrize(("precision", "hint"), [("float32", "Train the model again"), ("bfloat16", "float32")])
def test_a_network_that_gives_no_numbers_is_told_instead_of_finding_nothing(
    model: Path, tmp_path: Path, precision: str, hint: str
) -> None:
    weights = load_file(model / "weights.safetensors")
    broken = {name: tensor * float("nan") if tensor.is_floating_point() else tensor for name, tensor in weights.items()}
    save_model(tmp_path / "broken", read_card(model), broken)
    job = job_for(tmp_path / "broken", tmp_path, write_image(tmp_path), settings={"precision": precision})
    with pytest.raises(BadModel, match=r"a12\.tif that are no numbers") as caught:
        list(predict(job))
    assert hint in caught.value.hint
    assert not (tmp_path / "out").exists()


def test_closing_between_tiles_leaves_no_file(model: Path, tmp_path: Path) -> None:
    steps = predict(job_for(model, tmp_path, write_image(tmp_path), settings={"tile_size": 64}))
    seen = 0
    for message in steps:
        seen += isinstance(message, Progress)
        if seen == 3:
            steps.close()  # type: ignore[attr-defined]
            break
    assert not (tmp_path / "out").exists()


def test_smaller_tiles_when_memory_does_not_suffice(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = write_image(tmp_path)
    list(predict(job_for(model, tmp_path, image)))
    expected = tifffile.imread(tmp_path / "out" / "a12.tif")
    real = predict_module.map_steps

    def hungry(network: Any, formulation: Any, image: Any, settings: Any, *rest: Any) -> Iterator[tuple[int, int]]:
        if settings.tile_size > 128:
            raise torch.OutOfMemoryError("CUDA out of memory")
        yield from real(network, formulation, image, settings, *rest)

    monkeypatch.setattr(predict_module, "map_steps", hungry)
    messages = list(predict(job_for(model, tmp_path, image)))
    warned = [item for item in messages if isinstance(item, Warned)]
    assert [item.code for item in warned] == ["smaller-tiles", "smaller-tiles"]
    assert np.array_equal(tifffile.imread(tmp_path / "out" / "a12.tif"), expected)

    tried: list[tuple[int, int]] = []

    def starving(network: Any, formulation: Any, image: Any, settings: Any, *_: Any) -> Iterator[tuple[int, int]]:
        tried.append((settings.batch_size, settings.tile_size))
        yield 1, 4
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(predict_module, "map_steps", starving)
    with pytest.raises(JobFailed, match=r"a12\.tif does not fit .* not even in tiles of 256 pixels"):
        list(predict(job_for(model, tmp_path, image, settings={"tile_size": 1024, "batch_size": 4})))
    assert tried == [(4, 1024), (1, 1024), (1, 512), (1, 256)]


@pytest.mark.parametrize("damage", ["missing", "garbage", "objects", "foreign"])
def test_unusable_maps_are_told(model: Path, tmp_path: Path, damage: str) -> None:
    maps = tmp_path / "maps.npy"
    if damage == "garbage":
        maps.write_bytes(b"\x93NUMPY nothing")
    elif damage == "objects":
        np.save(maps, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    elif damage == "foreign":
        np.save(maps, np.zeros((2, 5, 5), np.float16))
    job = DecodeJob(job_id="8", model=model, image_id="a", maps=maps, output=tmp_path / "a.tif")
    with pytest.raises(BadInput, match=r"maps\.npy"):
        list(decode(job))


def test_wrong_settings_name_the_field(model: Path, tmp_path: Path) -> None:
    image = write_image(tmp_path)
    with pytest.raises(WrongUsage, match=r"prediction\.tile_size"):
        list(predict(job_for(model, tmp_path, image, settings={"tile_size": 3})))
    with pytest.raises(WrongUsage, match=r"tile_size cannot be 3: it must be at least 64\."):
        list(predict(job_for(model, tmp_path, image, settings={"tile_size": 3})))
    with pytest.raises(WrongUsage, match=r"decode\.treshold"):
        list(predict(job_for(model, tmp_path, image, decode={"treshold": 0.4})))


@pytest.mark.parametrize("decode_", [{"threshold": 7.5}, {"surprise": 1}])
def test_a_wrong_setting_of_the_card_is_the_models_fault(tmp_path: Path, decode_: dict[str, Any]) -> None:
    model = make_model(tmp_path / "model")
    card = json.loads((model / "model.json").read_text())
    (model / "model.json").write_text(json.dumps({**card, "decode": decode_}))
    with pytest.raises(BadModel, match=rf"model test holds a wrong setting, decode\.{next(iter(decode_))}"):
        list(predict(job_for(model, tmp_path, write_image(tmp_path))))


def test_the_smallest_size_of_the_settings_overrides_the_models(model: Path, tmp_path: Path) -> None:
    image = write_image(tmp_path)
    list(predict(job_for(model, tmp_path, image, settings={"min_size": 100_000})))
    assert not tifffile.imread(tmp_path / "out" / "a12.tif").any()


def test_an_image_of_many_blocks_gives_the_files_of_one(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = write_image(tmp_path)
    settings = {"tile_size": 64}
    list(predict(job_for(model, tmp_path, image, settings=settings)))
    files = (tmp_path / "out" / "a12.tif", tmp_path / "out" / "a12.json", tmp_path / "m.npy")
    whole = [path.read_bytes() for path in files]
    for place, name, value in (
        (block_decoding, "CORE", 32),
        (block_decoding, "MARGIN", 40),  # more than an object: each is scored by a block that sees all of it
        (map_store, "MOST_PIXELS", 0),
        (result_files, "MOST_PIXELS", 0),
        (seen_image, "_KEPT_PIXELS", 0),
        (seen_image, "_BAND_ROWS", 32),
    ):
        monkeypatch.setattr(place, name, value)
    messages = list(predict(job_for(model, tmp_path, image, settings=settings)))
    assert [path.read_bytes() for path in files] == whole
    assert [path.name for path in sorted(tmp_path.rglob("*")) if TEMP_MARK in path.name] == []
    assert len([item for item in messages if isinstance(item, Progress)]) > 6 + 6
    job = DecodeJob(job_id="8", model=model, image_id="a12", maps=files[2], output=tmp_path / "again.tif")
    list(decode(job))
    assert (tmp_path / "again.tif").read_bytes() == whole[0]


def test_stopping_a_large_image_leaves_no_file(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_store, "MOST_PIXELS", 0)
    image = write_image(tmp_path)
    steps = predict(job_for(model, tmp_path, image, settings={"tile_size": 64}))
    assert sum(1 for _ in zip(range(3), steps, strict=False)) == 3
    steps.close()  # type: ignore[attr-defined]
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("a12.tif",)] == []


def test_too_little_memory_is_told_before_anything_is_computed(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = write_image(tmp_path)
    monkeypatch.setattr(predict_module, "map_steps", lambda *_: pytest.fail("the network was run"))
    monkeypatch.setattr(room.psutil, "virtual_memory", lambda: SimpleNamespace(available=1000))
    with pytest.raises(BadInput, match=r"a12\.tif needs about .* GB of memory") as caught:
        list(predict(job_for(model, tmp_path, image)))
    assert "smaller" in caught.value.hint
    monkeypatch.undo()
    monkeypatch.setattr(room, "MOST_PIXELS", 0)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(JobFailed, match=r"a12\.tif needs .* on the disk"):
        list(predict(job_for(model, tmp_path, image)))


@pytest.mark.parametrize("files", [0, 1])
def test_a_full_disk_leaves_neither_a_file_nor_a_folder(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int
) -> None:
    image, room_for, replace = write_image(tmp_path), [files], DISK.replace

    def refuse(source: Path, target: Path) -> None:
        room_for[0] -= 1
        if room_for[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    output = tmp_path / "deep" / "out" / "a12.tif"
    wanted = (PredictImage(image_id="a12", image=image, output=output),)
    monkeypatch.setattr(DISK, "replace", refuse)
    with pytest.raises(DiskError, match="the disk is full"):
        list(predict(PredictJob(job_id="7", model=model, images=wanted, device="cpu")))
    assert not (tmp_path / "deep").exists()

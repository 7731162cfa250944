"""Images that look unlike those of the training are told apart, and others are not."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
import torch
from factories import cells
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.engine.architectures import architectures
from segstudio.engine.data.appearance import Appearance, appearance, look, look_of, unlikeness
from segstudio.engine.data.normalise import normalise
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import ModelCard, read_card, save_model
from segstudio.engine.run import run_job
from segstudio.io.sources import open_image
from segstudio.jobs.messages import Message, Warned
from segstudio.jobs.spec import Choice, ClassSpec, PredictImage, PredictJob


def _seen(seed: int, count: int = 12) -> NDArray[np.float32]:
    return normalise(cells((128, 128), count, seed=seed).image)


@pytest.fixture(scope="module")
def known() -> Appearance:
    found = appearance([look(_seen(seed)) for seed in range(4)])
    assert found is not None
    return found


def test_images_of_the_same_kind_are_alike(known: Appearance) -> None:
    for seed in range(10, 20):
        assert unlikeness(look(_seen(seed, count=4 + seed)), known) == (pytest.approx(0, abs=1), "")


def test_swapped_bright_and_dark_are_named(known: Appearance) -> None:
    distance, reason = unlikeness(look(1 - _seen(20)), known)
    assert distance > 1
    assert reason.startswith("bright and dark seem to be swapped")


def test_a_blurred_image_is_said_to_be_blurred(known: Appearance) -> None:
    soft = cv2.GaussianBlur(_seen(21)[0], (0, 0), 8)[None]
    assert "blurred" in unlikeness(look(soft), known)[1]


def test_a_noisy_image_is_said_to_be_noisy(known: Appearance) -> None:
    fine = np.random.default_rng(0).normal(0.3, 0.25, (1, 128, 128)).astype(np.float32)
    noisy = 0.3 * _seen(22) + fine
    assert "noisier" in unlikeness(look(noisy), known)[1]


def test_another_number_of_channels_is_not_judged(known: Appearance) -> None:
    assert unlikeness(look(np.zeros((3, 8, 8), np.float32)), known) == (0.0, "")


def test_figures_of_another_version_are_not_judged(known: Appearance) -> None:
    older = known.model_copy(update={"usual": {"mean": known.usual["mean"], "sharpness": (1.0,)}})
    assert unlikeness(look(1 - _seen(20)), older) == (0.0, "")


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 1, 40), (1, 64, 64)])
def test_images_without_content_have_a_look(shape: tuple[int, ...]) -> None:
    found = look(np.zeros(shape, np.float32))
    assert found.shape == (shape[0], 6)
    assert np.isfinite(found).all()


def test_a_large_image_is_looked_at_in_a_few_windows() -> None:
    read: list[Window] = []

    def give(window: Window) -> NDArray[np.float32]:
        read.append(window)
        return np.zeros((1, *window.shape), np.float32)

    look_of(give, (20_000, 300))
    assert len(read) == 3
    assert all(window.shape == (768, 300) for window in read)
    assert read[0].y0 < read[1].y0 < read[2].y0 < 20_000 - 768


def test_other_kinds_of_microscopy_are_unlike_each_other(data_folder: Path) -> None:
    looks = {kind: list(_looks(data_folder / kind / "train" / "images", 10)) for kind in ("nuclei", "histology")}
    for kind, other in (("nuclei", "histology"), ("histology", "nuclei")):
        usual = appearance(looks[kind])
        assert usual is not None
        assert sum(bool(unlikeness(seen, usual)[1]) for seen in looks[other]) == 10
        assert not any(unlikeness(seen, usual)[1] for seen in looks[kind])


def _looks(folder: Path, count: int) -> Iterator[NDArray[np.float64]]:
    for path in sorted(folder.iterdir())[:count]:
        with open_image(path) as source:
            image = source.read()
        yield look(normalise(image.mean(axis=2) if image.ndim == 3 else image))


@pytest.fixture
def model(tmp_path: Path, known: Appearance) -> Path:
    formulation = formulations.get("semantic")
    made = formulation(formulation.Config(), [1])
    family = architectures.get("unet")
    settings = {"width": 4, "depth": 1}
    torch.manual_seed(0)
    network = family(family.Config.model_validate(settings)).build(1, made.out_channels)
    card = ModelCard(
        name="cells",
        created="2026-01-01T00:00:00+00:00",
        formulation=Choice(name="semantic"),
        architecture=Choice(name="unet", settings=settings),
        in_channels=1,
        channels="gray",
        classes=(ClassSpec(id=1, name="cell"),),
        intensity=known,
    )
    save_model(tmp_path / "model", card, network.state_dict())
    return tmp_path / "model"


def _predicted(model: Path, folder: Path) -> list[Message]:
    alike = cells((128, 128), 12, seed=30).image
    for name, image in {"alike.tif": alike, "swapped.tif": 255 - alike}.items():
        tifffile.imwrite(folder / name, image)
    images = tuple(
        PredictImage(image_id=name, image=folder / f"{name}.tif", output=folder / "out" / f"{name}.tif")
        for name in ("alike", "swapped")
    )
    return list(run_job(PredictJob(job_id="p", model=model, images=images, device="cpu")))


def test_a_prediction_warns_of_an_image_unlike_the_training_set(model: Path, tmp_path: Path) -> None:
    warnings = [m for m in _predicted(model, tmp_path) if isinstance(m, Warned) and m.code == "unlike-training"]
    assert [w.message.split(" looks unlike")[0] for w in warnings] == ["swapped.tif"]
    assert "cells was trained on" in warnings[0].message
    assert warnings[0].hint


def test_a_card_of_an_earlier_version_loads_and_warns_of_nothing(model: Path, tmp_path: Path) -> None:
    path = model / "model.json"
    path.write_text(read_card(model).model_copy(update={"intensity": None}).model_dump_json(exclude_none=True))
    assert "intensity" not in path.read_text()
    assert not [m for m in _predicted(model, tmp_path) if isinstance(m, Warned)]

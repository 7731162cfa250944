"""Data from which nothing, or nonsense, would be learned: a sentence says so before the training does it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from factories import grid_of_squares

from segstudio.core.errors import BadInput
from segstudio.engine.model_card import read_card
from segstudio.engine.run import run_job
from segstudio.jobs.messages import Message, Warned
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob

SHORT = {"epochs": 1, "steps_per_epoch": 2, "batch_size": 2, "precision": "float32", "max_minutes": 0}

pytestmark = pytest.mark.usefixtures("one_thread")


def a_training(folder: Path, images: list[np.ndarray], labels: list[np.ndarray], **config: Any) -> Iterator[Message]:
    """Train on pairs, of which the last is for validation."""
    samples = []
    for index, (image, known) in enumerate(zip(images, labels, strict=True)):
        tifffile.imwrite(folder / f"{index}.tif", image, photometric="minisblack")
        tifffile.imwrite(folder / f"{index}-labels.tif", known.astype(np.uint16))
        record = SampleRecord(
            image_id=str(index),
            image=folder / f"{index}.tif",
            labels=folder / f"{index}-labels.tif",
            complete=True,
            split="val" if index == len(images) - 1 else "train",
        )
        samples.append(record)
    job = TrainJob(
        job_id="j",
        name="odd",
        run_folder=folder / "run",
        samples=tuple(samples),
        classes=(ClassSpec(id=1, name="cell"),),
        formulation=Choice(name="semantic"),
        architecture=Choice(name="unet", settings={"width": 4, "depth": 1}),
        config={"data": {"patch_size": 32}, "training": SHORT, **config},
        device="cpu",
    )
    return run_job(job)


def codes(messages: Iterator[Message]) -> list[str]:
    return [message.code for message in messages if isinstance(message, Warned)]


def shown(labels: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, 9, labels.shape)
    return (60 + 120 * (labels > 0) + noise).clip(0, 255).astype(np.uint8)


SQUARES = grid_of_squares((48, 48), 8, 4)


def test_objects_smaller_than_the_usual_limit_are_kept(tmp_path: Path) -> None:
    spots = grid_of_squares((48, 48), 3, 5)
    assert not codes(a_training(tmp_path, [shown(spots)] * 3, [spots] * 3))
    assert read_card(tmp_path / "run").decode["min_size"] == 4  # of 9 pixels


def test_larger_objects_leave_the_usual_limit(tmp_path: Path) -> None:
    assert not codes(a_training(tmp_path, [shown(SQUARES)] * 3, [SQUARES] * 3))
    assert read_card(tmp_path / "run").decode["min_size"] == 15


def test_images_that_show_nothing_are_refused(tmp_path: Path) -> None:
    blank = np.full((48, 48), 7, np.uint8)
    with pytest.raises(BadInput, match=r"None of the 2 training images shows anything.* 0\.tif"):
        list(a_training(tmp_path, [blank, blank, shown(SQUARES)], [SQUARES] * 3))


def test_one_labelled_image_that_shows_nothing_is_told(tmp_path: Path) -> None:
    blank = np.full((48, 48), 7, np.uint8)
    told = list(a_training(tmp_path, [shown(SQUARES), blank, shown(SQUARES)], [SQUARES] * 3))
    assert codes(iter(told)) == ["no-contrast"]
    assert "1.tif" in next(message.message for message in told if isinstance(message, Warned))


def test_an_empty_field_of_view_is_nothing_odd(tmp_path: Path) -> None:
    blank = np.full((48, 48), 7, np.uint8)
    assert not codes(a_training(tmp_path, [shown(SQUARES), blank, shown(SQUARES)], [SQUARES, SQUARES * 0, SQUARES]))


@pytest.mark.parametrize("kind", ["picture", "points", "object a pixel"])
def test_specks_instead_of_objects_are_told(tmp_path: Path, kind: str) -> None:
    labels = {
        "picture": shown(SQUARES),
        "points": grid_of_squares((48, 48), 1, 7),
        "object a pixel": np.arange(1, 48 * 48 + 1).reshape(48, 48),
    }[kind]
    assert "objects-tiny" in codes(a_training(tmp_path, [shown(SQUARES)] * 3, [labels] * 3))


def test_a_background_with_a_number_of_its_own_is_told(tmp_path: Path) -> None:
    touching = np.kron(np.arange(1, 17).reshape(4, 4), np.ones((12, 12), int))
    for name, labels, told in (("numbered", SQUARES + 1, True), ("touching", touching, False)):
        folder = tmp_path / name
        folder.mkdir()
        said = codes(a_training(folder, [shown(SQUARES)] * 3, [labels] * 3))
        assert ("background-numbered" in said) == told

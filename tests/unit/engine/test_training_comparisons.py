"""What a training compares itself with: the model it starts from, and the look of its images."""

from pathlib import Path
from typing import Any

import pytest
import tifffile
from factories import cells

from segstudio.engine.model_card import read_card
from segstudio.engine.run import run_job
from segstudio.jobs.messages import Facts
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[SampleRecord, ...]:
    folder = tmp_path_factory.mktemp("cells")
    records = []
    for index in range(4):
        made = cells((64, 64), 3, seed=index)
        image, labels = folder / f"{index}.tif", folder / f"{index}-labels.tif"
        tifffile.imwrite(image, 255 - made.image if index == 3 else made.image)
        tifffile.imwrite(labels, made.labels.astype("uint16"))
        split = "train" if index < 2 else "val"
        records.append(SampleRecord(image_id=str(index), image=image, labels=labels, complete=True, split=split))
    return tuple(records)


def _facts(samples: tuple[SampleRecord, ...], folder: Path, **changes: Any) -> dict[str, Any]:
    training = {"epochs": 1, "steps_per_epoch": 3, "batch_size": 2, "precision": "float32"}
    job = TrainJob(
        job_id="j",
        name="cells",
        run_folder=folder,
        samples=samples,
        classes=(ClassSpec(id=1, name="cell"),),
        formulation=Choice(name="boundary"),
        architecture=Choice(name="unet", settings={"width": 4, "depth": 1}),
        config={"data": {"patch_size": 32, **changes.pop("data", {})}, "training": training},
        device="cpu",
        **changes,
    )
    return next(dict(message.values) for message in run_job(job) if isinstance(message, Facts))


def test_a_training_tells_how_good_its_start_is_and_how_that_was_scaled(
    samples: tuple[SampleRecord, ...], tmp_path: Path
) -> None:
    job = tmp_path / "first"
    first = _facts(samples, job)
    assert not [name for name in first if name.startswith("start_")]
    # The messages were not read to their end: the run goes on to its model now.
    list(run_job(_stored(job).model_copy(update={"resume": True})))
    second = _facts(samples, tmp_path / "second", start_from=job, data={"low_percentile": 5.0})
    assert 0 <= second["start_f1"] <= 1
    assert (second["start_low_percentile"], second["low_percentile"]) == (1.0, 5.0)
    card = read_card(job)
    assert card.intensity is not None
    assert card.intensity.images == 2


def _stored(folder: Path) -> TrainJob:
    return RunFolder(folder).job()


def test_a_validation_image_with_bright_and_dark_swapped_is_named(
    samples: tuple[SampleRecord, ...], tmp_path: Path
) -> None:
    told = _facts(samples, tmp_path / "run")
    assert (told["unlike_images"], told["unlike_image_id"]) == ("3.tif", "3")
    assert "swapped" in told["unlike_reason"]
    alike = _facts(samples[:3], tmp_path / "alike")
    assert "unlike_images" not in alike

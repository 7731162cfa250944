"""Trainings whose images and targets do not fit into the memory that they may take."""

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from factories import write_pairs

from segstudio.engine.control import Control
from segstudio.engine.data.dataset import TargetStore
from segstudio.engine.run import run_job
from segstudio.engine.training.prepare import Prepared, prepare
from segstudio.jobs.messages import Finished, Message, Progress
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob
from segstudio.project.folder_samples import folder_samples


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.engine.run.use_all_cores", lambda device: torch.set_num_threads(1))

    def store(folder: Path, limit: int) -> TargetStore:
        return TargetStore(folder, 0 if folder.name else limit)  # that of the validation's few patches has no folder

    monkeypatch.setattr("segstudio.engine.training.prepare.TargetStore", store)


def a_job(folder: Path) -> TrainJob:
    write_pairs(folder / "data", 3, (64, 72))
    return TrainJob(
        job_id="1",
        name="small",
        run_folder=folder / "run",
        samples=tuple(folder_samples(folder / "data")),
        classes=(ClassSpec(id=1, name="cell"),),
        architecture=Choice(name="unet", settings={"width": 4, "depth": 1}),
        config={
            "data": {"patch_size": 32},
            "augmentation": {"scale": 0.2},
            "training": {"epochs": 1, "steps_per_epoch": 2, "batch_size": 2, "precision": "float32"},
        },
        device="cpu",
    )


class Steps:
    """Keeps what a generator returns."""

    def __init__(self, steps: Generator[Message, None, Prepared | None]) -> None:
        self._steps = steps
        self.result: Prepared | None = None

    def __iter__(self) -> Iterator[Message]:
        self.result = yield from self._steps


def test_what_does_not_fit_waits_in_files_until_the_training_ends(tmp_path: Path) -> None:
    messages = list(run_job(a_job(tmp_path)))
    assert isinstance(messages[-1], Finished)
    assert messages[-1].outcome == "done"
    assert not (tmp_path / "run" / "cache").exists()


def test_images_are_in_files_once_and_nothing_of_them_in_memory(tmp_path: Path) -> None:
    steps = Steps(prepare(a_job(tmp_path), Control(), torch.device("cpu")))
    list(steps)
    prepared = steps.result
    assert prepared is not None
    images = [image for images in prepared.sampler._places._groups.values() for image in images]
    assert all(isinstance(image.image, np.memmap) and isinstance(image.labels, np.memmap) for image in images)
    files = len(list((tmp_path / "run" / "cache").iterdir()))
    assert files == len(images) * (2 + len(images[0].targets))
    prepared.store.close()


def test_a_stop_is_heard_while_targets_are_made_and_leaves_no_files(tmp_path: Path) -> None:
    control = Control()
    steps = Steps(prepare(a_job(tmp_path), control, torch.device("cpu")))
    for message in steps:
        if isinstance(message, Progress) and message.stage == "Preparing labels":
            assert (tmp_path / "run" / "cache").is_dir()
            control.request("stop")
    assert steps.result is None
    assert not (tmp_path / "run" / "cache").exists()

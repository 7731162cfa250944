"""What is automatic: other numbers on a graphics card, the same as ever on a processor, written down in the run."""

from pathlib import Path
from typing import Any

import pytest
import torch

from segstudio.config.run import RunConfig
from segstudio.config.training import TrainingConfig
from segstudio.core.errors import WrongUsage
from segstudio.engine.architectures.unet import UNet, UNetConfig
from segstudio.engine.training.automatic import record, resolved
from segstudio.engine.training.patches import patch_size
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, TrainJob

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def a_job(folder: Path, **changes: Any) -> TrainJob:
    values: dict[str, Any] = {
        "job_id": "1",
        "name": "run",
        "run_folder": folder,
        "samples": (),
        "classes": (ClassSpec(id=1, name="cell"),),
        "formulation": Choice(name="joint"),
        "architecture": Choice(name="unet"),
    }
    return TrainJob(**{**values, **changes})


@pytest.mark.parametrize(
    ("device", "width", "depth", "batch", "patches"),
    [(CPU, 16, 3, 8, (128, 152, 256)), (GPU, 32, 4, 16, (256, 256, 512))],
    ids=["processor", "graphics card"],
)
def test_a_device_gets_its_own_numbers(
    tmp_path: Path, device: torch.device, width: int, depth: int, batch: int, patches: tuple[int, ...]
) -> None:
    job = resolved(a_job(tmp_path), device)
    assert job.architecture.settings == {"width": width, "depth": depth}
    assert job.config == {"training": {"batch_size": batch}}
    assert tuple(patch_size(0, diameter, 2**depth, device) for diameter in (20, 50, 400)) == patches
    assert patch_size(96, 50, 2**depth, device) == 96


def test_a_patch_that_the_deepest_level_sees_as_one_pixel_is_refused() -> None:
    assert patch_size(33, None, 32, CPU) == 64
    with pytest.raises(WrongUsage, match="Patches of 32 px are too small") as caught:
        patch_size(32, None, 32, CPU)
    assert "at least 64 px" in caught.value.hint


def test_what_the_user_sets_is_kept_on_every_device(tmp_path: Path) -> None:
    settings = {"width": 8, "depth": 2, "dropout": 0.1}
    job = a_job(tmp_path, architecture=Choice(name="unet", settings=settings), config={"training": {"batch_size": 3}})
    assert resolved(job, GPU) == job


def test_the_numbers_are_written_into_the_run_and_hold_on_another_device(tmp_path: Path) -> None:
    job = a_job(tmp_path / "run", config={"training": {"epochs": 5}})
    RunFolder.create(job)
    begun = record(resolved(job, GPU), 256)
    kept = RunFolder(tmp_path / "run").job()
    assert kept == begun
    assert kept.config == {"training": {"epochs": 5, "batch_size": 16}, "data": {"patch_size": 256}}
    assert resolved(kept, CPU) == kept


def test_a_network_without_numbers_is_that_of_a_processor() -> None:
    assert UNet.stride(UNetConfig()) == 8
    network = UNet(UNetConfig()).build(1, 5)
    assert network.stride == 8
    with pytest.raises(ValueError, match="at least 4"):
        UNetConfig(width=3)


@pytest.mark.parametrize(
    ("given", "minutes", "epochs"),
    [
        ({}, 10.0, 0),
        ({"epochs": 40}, 0.0, 40),
        ({"epochs": 40, "max_minutes": 10.0}, 10.0, 40),
        ({"max_minutes": 3}, 3.0, 0),
        ({"epochs": 0}, 10.0, 0),
    ],
)
def test_epochs_alone_rule(given: dict[str, Any], minutes: float, epochs: int) -> None:
    config = TrainingConfig.model_validate(given)
    assert (config.max_minutes, config.epochs) == (minutes, epochs)
    whole = RunConfig.model_validate({"training": given})
    assert whole.training == config
    assert RunConfig.model_validate(whole.model_dump()) == whole

"""Trainings of a few seconds on synthetic discs."""

from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from segstudio.jobs.messages import Message
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob

FAST: dict[str, dict[str, Any]] = {
    "data": {"patch_size": 64},
    "training": {"max_minutes": 0, "epochs": 2, "steps_per_epoch": 4, "batch_size": 4, "precision": "float32"},
}


def discs(seed: int, size: int = 96, count: int = 7) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Bright discs that do not overlap on a dark, noisy ground."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    rows, columns = np.mgrid[:size, :size]
    for number in range(1, count + 1):
        for _ in range(50):
            (y, x), radius = rng.uniform(8, size - 8, 2), rng.uniform(6, 11)
            disc = (rows - y) ** 2 + (columns - x) ** 2 < radius**2
            if not labels[disc].any():
                labels[disc] = number
                break
    image = np.where(labels > 0, 140, 30) + rng.normal(0, 8, labels.shape)
    return np.clip(image, 0, 255).astype(np.uint8), labels


def disc_samples(folder: Path) -> tuple[SampleRecord, ...]:
    """Write six images of discs with their labels: four to learn from, two to validate."""
    records = []
    for index in range(6):
        image, labels = discs(index)
        tifffile.imwrite(folder / f"{index}.tif", image)
        tifffile.imwrite(folder / f"{index}-labels.tif", labels.astype(np.uint16))
        records.append(
            SampleRecord(
                image_id=str(index),
                image=folder / f"{index}.tif",
                labels=folder / f"{index}-labels.tif",
                complete=True,
                pixel_size_um=0.5,
                split="val" if index >= 4 else "train",
            )
        )
    return tuple(records)


def a_job(samples: tuple[SampleRecord, ...], folder: Path, **changes: Any) -> TrainJob:
    """Return a training of a few seconds, with `changes`."""
    config = {name: {**section, **changes.pop(name, {})} for name, section in FAST.items()}
    values: dict[str, Any] = {
        "job_id": "j",
        "name": "discs",
        "run_folder": folder,
        "samples": samples,
        "classes": (ClassSpec(id=1, name="cell"),),
        "architecture": Choice(name="unet", settings={"width": 8, "depth": 2}),
        "formulation": Choice(name="boundary"),
        "config": config,
        "device": "cpu",
    }
    return TrainJob(**{**values, **changes})


def of(kind: type, messages: list[Message]) -> list[Any]:
    """Return the messages of one kind."""
    return [message for message in messages if isinstance(message, kind)]

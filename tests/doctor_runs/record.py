"""Makes the recorded runs beside this file: tiny trainings, most of them broken on purpose, as the doctor hears them.

Run it again after a change of what trainings say: ``python tests/doctor_runs/record.py [NAME ...]``.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import tifffile
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from factories import cells

import segstudio.engine.run
from segstudio.core.errors import UserError
from segstudio.jobs.messages import Facts, Failed, Finished, Message, Metric, Warned, to_line
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob
from segstudio.project.project import Project
from segstudio.project.sample_project import copy_sample
from segstudio.project.samples import labelled_samples

HERE = Path(__file__).parent
#: Every epoch is validated, so that the curves have a point each.
_CONFIG: dict[str, dict[str, Any]] = {
    "data": {"patch_size": 64},
    "training": {"epochs": 16, "steps_per_epoch": 10, "batch_size": 4, "precision": "float32", "validation_share": 0.9},
}
_STILL = {"flips": False, "gain": 0.0, "offset": 0.0, "gamma": 0.0, "noise": 0.0}


@dataclass(frozen=True)
class World:
    """What the images show."""

    train: int = 6
    val: int = 3
    size: int = 96
    count: int = 14
    diameter: float = 20.0
    noise: float = 0.04
    rare: int = 0
    """Objects of a second class."""
    swapped: bool = False
    """Validation images are dark on bright."""
    mistaken: bool = False
    """The labels of each image are those of another."""


def _samples(folder: Path, world: World) -> Iterator[SampleRecord]:
    for index in range(world.train + world.val):
        made = cells((world.size, world.size), world.count, seed=index, noise=world.noise, diameter=world.diameter)
        image, labels = folder / f"{index}.tif", folder / f"{index}-labels.tif"
        split = "train" if index < world.train else "val"
        tifffile.imwrite(image, 255 - made.image if world.swapped and split == "val" else made.image)
        tifffile.imwrite(labels, made.labels.astype("uint16"))
        if world.mistaken:
            other = cells((world.size, world.size), world.count, seed=100 + index, diameter=world.diameter)
            tifffile.imwrite(labels, other.labels.astype("uint16"))
        classes = dict.fromkeys(range(1, 1 + world.rare), 2) if index == 0 else {}
        yield SampleRecord(
            image_id=str(index), image=image, labels=labels, complete=True, split=split, object_classes=classes
        )


def _train(
    name: str,
    folder: Path,
    world: World = World(),
    network: Mapping[str, int] = MappingProxyType({"width": 8, "depth": 2}),
    start_from: Path | None = None,
    **changes: dict[str, Any],
) -> RunFolder:
    data = folder / f"{name}-data"
    data.mkdir()
    names = ("cell", "debris") if world.rare else ("cell",)
    return _run(
        TrainJob(
            job_id=name,
            name=name,
            run_folder=folder / name,
            samples=tuple(_samples(data, world)),
            classes=tuple(ClassSpec(id=number, name=item) for number, item in enumerate(names, start=1)),
            formulation=Choice(name="boundary"),
            architecture=Choice(name="unet", settings=dict(network)),
            config={
                section: {**_CONFIG.get(section, {}), **changes.get(section, {})} for section in {*_CONFIG, *changes}
            },
            start_from=start_from,
            device="cpu",
        )
    )


def _run(job: TrainJob) -> RunFolder:
    try:
        for _ in segstudio.engine.run.run_job(job):
            pass
    except UserError as error:
        sys.stderr.write(f"{job.name}: {error}\n")
    return RunFolder(job.run_folder)


def _rate(rate: float) -> dict[str, dict[str, Any]]:
    return {"training": {"learning_rate": rate}}


def _sample_project(name: str, folder: Path) -> RunFolder:
    """Train what a user gets who opens the sample and presses Train, for a short time."""
    with Project.open(copy_sample(folder)) as project:
        samples = tuple(labelled_samples(project))
        classes = tuple(ClassSpec(id=item.id, name=item.name) for item in project.classes.classes)
    settings = {"epochs": 16, "steps_per_epoch": 12, "batch_size": 4, "validation_share": 0.9}
    return _run(
        TrainJob(
            job_id=name,
            name=name,
            run_folder=folder / name,
            samples=samples,
            classes=classes,
            config={"training": settings},
            architecture=Choice(name="unet", settings={"width": 8, "depth": 3}),
            device="cpu",
        )
    )


def _go_on(name: str, folder: Path, changes: dict[str, dict[str, Any]]) -> RunFolder:
    first = _train(f"{name}-start", folder)
    return _train(name, folder, start_from=first.path, **changes)


def _worse_than_its_start(name: str, folder: Path) -> RunFolder:
    return _go_on(name, folder, {"training": {"learning_rate": 0.3, "epochs": 5}})


RUNS: dict[str, Callable[[str, Path], RunFolder]] = {
    "healthy": _train,
    "rate-too-high": lambda name, folder: _train(name, folder, **_rate(1.0)),
    "rate-too-low": lambda name, folder: _train(name, folder, **_rate(2e-5)),
    "overfitting": lambda name, folder: _train(
        name,
        folder,
        World(train=1, noise=0.3),
        {"width": 16, "depth": 2},
        augmentation=_STILL,
        training={"epochs": 40},
    ),
    "stuck-at-background": lambda name, folder: _train(
        name, folder, World(size=128, count=5, diameter=12, mistaken=True), training={"epochs": 12}
    ),
    "sample-project": _sample_project,
    "one-validation-image": lambda name, folder: _train(name, folder, World(val=1)),
    "no-validation": lambda name, folder: _train(name, folder, World(val=0), training={"epochs": 2}),
    "swapped-validation": lambda name, folder: _train(name, folder, World(swapped=True), training={"epochs": 2}),
    "rare-class": lambda name, folder: _train(name, folder, World(rare=3), training={"epochs": 2}),
    "few-labels": lambda name, folder: _train(name, folder, World(train=1, count=4), training={"epochs": 2}),
    "too-short": lambda name, folder: _train(name, folder, training={"epochs": 4, "steps_per_epoch": 5}),
    "small-patch": lambda name, folder: _train(
        name, folder, World(), {"width": 4, "depth": 1}, data={"patch_size": 16}, training={"epochs": 3}
    ),
    "short-sight": lambda name, folder: _train(
        name, folder, World(size=160, count=4, diameter=70), {"width": 4, "depth": 1}, training={"epochs": 2}
    ),
    "worse-than-its-start": _worse_than_its_start,
    "other-normalisation": lambda name, folder: _go_on(
        name, folder, {"data": {"low_percentile": 0.0, "high_percentile": 90.0}, "training": {"epochs": 2}}
    ),
}


def _kept(run: RunFolder) -> Iterator[str]:
    """Yield the lines to keep: the job without paths, and what the rules read, rounded."""
    job = run.job()
    samples = tuple(
        sample.model_copy(update={"image": Path(f"{sample.image_id}.tif"), "labels": None}) for sample in job.samples
    )
    start = None if job.start_from is None else Path("start")
    clean = job.model_copy(update={"run_folder": Path("run"), "samples": samples, "start_from": start})
    yield clean.model_dump_json(exclude_defaults=True)
    for message in run.events():
        if isinstance(message, Metric | Facts | Warned | Failed | Finished):
            yield to_line(_rounded(message.model_copy(update={"time": 0.0})))


def _rounded(message: Message) -> Message:
    if not isinstance(message, Metric):
        return message
    values = {name: float(f"{value:.4g}") for name, value in message.values.items()}
    return message.model_copy(update={"values": values, "elapsed_s": round(message.elapsed_s, 1)})


def main() -> None:
    """Record the runs that are named, or all."""
    # Two threads on a busy computer wait for each other most of the time.
    segstudio.engine.run.use_all_cores = lambda _device: torch.set_num_threads(1)
    for name in sys.argv[1:] or RUNS:
        with tempfile.TemporaryDirectory() as folder:
            run = RUNS[name](name, Path(folder))
            lines = list(_kept(run))
        (HERE / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
        sys.stderr.write(f"{name}: {len(lines)} lines\n")


if __name__ == "__main__":
    main()

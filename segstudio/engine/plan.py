"""What a training would be, found out without starting it."""

from collections.abc import Generator, Iterator
from typing import Any

import psutil
import torch

from segstudio.config.run import RunConfig
from segstudio.config.training import TrainingConfig
from segstudio.engine.control import Control
from segstudio.engine.devices import device_name
from segstudio.engine.formulations.base import OWN_NETWORK
from segstudio.engine.summary import describe
from segstudio.engine.training.automatic import resolved
from segstudio.engine.training.choices import fetches_weights
from segstudio.engine.training.crew import ALONE, Crew
from segstudio.engine.training.facts import Fact, network_facts
from segstudio.engine.training.precision import settled_precision
from segstudio.engine.training.prepare import Survey, survey
from segstudio.engine.training.schedule import chosen_schedule, length_of
from segstudio.jobs.messages import Facts, Finished, Message
from segstudio.jobs.spec import SummaryJob, TrainJob

#: So many validation images are named.
_NAMED = 5


def plan(job: TrainJob, device: torch.device, crew: Crew = ALONE) -> Iterator[Message]:
    """Yield `Progress` and `Warned` as the training would, then its plan as `Facts`, and `Finished`; write nothing.

    Raises
    ------
    UserError
        What would prevent the training.
    """
    job = resolved(job, device, crew.size)
    config = RunConfig.model_validate(job.config).training
    length = length_of(config)
    schedule = chosen_schedule(config, length)
    _, own = crew.share(config.batch_size)
    seen: Survey | None = yield from _seen(job, device)
    assert seen is not None  # nothing stops it
    values: dict[str, Fact] = {
        **seen.facts,
        **network_facts(seen.network),
        "test_images": sum(sample.split == "test" for sample in job.samples),
        "validation_files": _named([sample.image.name for sample in job.samples if sample.split == "val"]),
        "classes": ", ".join(item.name for item in job.classes),
        "channel_kind": seen.plan.kind,
        "formulation": job.formulation.name,
        "architecture": OWN_NETWORK if seen.formulation.own_network else job.architecture.name,
        "from_scratch": job.start_from is None,
        "fetches_weights": fetches_weights(job),
        "device": device.type,
        "device_name": device_name(device),
        "processes": crew.size,
        "patch_px": seen.patch,
        "batch": config.batch_size,
        "batches_in_step": config.accumulate,
        "optimiser": config.optimiser,
        "learning_rate": config.learning_rate * (1.0 if job.start_from is None else config.fine_tune_factor),
        "schedule": schedule,
        "precision": _precision(config, device),
        "minutes": config.max_minutes,
        "epochs": config.epochs,
        "steps": length.steps,
        "memory_mb": round(_memory(job, seen, device, own) / 2**20),
        "free_memory_mb": _free_memory(device) // 2**20,
        "run_folder": str(job.run_folder),
    }
    yield Facts(values=values)
    yield Finished(outcome="done")


def _seen(job: TrainJob, device: torch.device) -> Generator[Message, None, Survey | None]:
    return (yield from survey(job, Control(), device, pretrain=False))


def _named(files: list[str]) -> str:
    """Return the first few of the names."""
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    return ", ".join(sorted(files)[:_NAMED]) + more


def _precision(config: TrainingConfig, device: torch.device) -> str:
    settled = settled_precision(config, device)
    return "measured at the start" if settled is None else str(settled).removeprefix("torch.")


def _memory(job: TrainJob, seen: Survey, device: torch.device, batch: int) -> float:
    """Return the bytes of a step on one device, and on a processor those of the images and targets that wait."""
    config: dict[str, Any] = {**job.config, "data": {**job.config.get("data", {}), "patch_size": seen.patch}}
    config["training"] = {**config.get("training", {}), "batch_size": batch}
    report = describe(
        SummaryJob(
            job_id=job.job_id,
            output=job.run_folder,
            formulation=job.formulation,
            architecture=job.architecture,
            model=job.start_from,
            channels=seen.plan.count,
            classes=len(job.classes),
            config=config,
            device="cpu" if device.type == "cpu" else "auto",
        )
    )
    images = sum(part.image.nbytes + part.known.nbytes for part in (*seen.parts.training, *seen.parts.validation))
    return report.training_bytes + (images if device.type == "cpu" else 0)


def _free_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)

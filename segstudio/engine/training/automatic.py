"""What is automatic in a training, as numbers for the device on which it begins."""

from typing import Any

import torch

from segstudio.config.run import RunConfig
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.io.atomic import write_atomic
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import Choice, TrainJob

#: Patches in a batch on a processor and on a graphics card.
_BATCH_CPU, _BATCH_GPU = 8, 16


def resolved(job: TrainJob, device: torch.device, processes: int = 1) -> TrainJob:
    """Return `job` with a batch size, and the settings of its network, as they are on `device`.

    A training that starts from a model has that model's network; one of several `processes` has a batch for each.
    """
    if not RunConfig.model_validate(job.config).training.batch_size:
        batch = _BATCH_CPU if device.type == "cpu" else _BATCH_GPU
        job = with_setting(job, "training", "batch_size", batch * processes)
    if job.start_from is not None or formulations.get(job.formulation.name).own_network:
        return job
    family = architectures.get(job.architecture.name)
    given = family.Config.model_validate(job.architecture.settings)
    before, after = given.model_dump(), family.resolved(given, device.type).model_dump()
    chosen = {name: value for name, value in after.items() if value != before[name]}
    settings = {**job.architecture.settings, **chosen}
    return job.model_copy(update={"architecture": Choice(name=job.architecture.name, settings=settings)})


def with_setting(job: TrainJob, section: str, name: str, value: Any) -> TrainJob:  # noqa: ANN401 - of any setting
    """Return `job` with one more setting."""
    config = {**job.config, section: {**job.config.get(section, {}), name: value}}
    return job.model_copy(update={"config": config})


def record(job: TrainJob, patch: int) -> TrainJob:
    """Write what was automatic into the run, so that it goes on the same on another device; return the job with it."""
    if not RunConfig.model_validate(job.config).data.patch_size:
        job = with_setting(job, "data", "patch_size", patch)
    run = RunFolder(job.run_folder)
    if run.job() != job:
        write_atomic(run.job_file, job.model_dump_json(indent=2).encode())
    return job

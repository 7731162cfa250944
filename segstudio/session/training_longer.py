"""A training that has used its time goes on for as long again."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from segstudio.config.run import RunConfig
from segstudio.jobs.messages import Facts
from segstudio.jobs.spec import TrainJob
from segstudio.session.bake_off_labels import is_copy
from segstudio.session.runs import Run

#: Learning rates that are planned over the whole training: with others it ends when it gets no better.
_PLANNED = frozenset({"auto", "one-cycle", "cosine"})


def longer(run: Run) -> TrainJob | None:
    """Return the job that goes on with a finished run, with twice its limits; ``None`` where more time is no help.

    That is a training without a limit, which got no better any more, and a candidate of a comparison: all of them had
    the same time. The job that is returned resumes.
    """
    if run.status != "done" or not run.has_checkpoint or any(map(is_copy, _labels(run.job))):
        return None
    limits = {name: 2 * value for name, value in _limits(run).items()}
    if not any(limits.values()) or _config(run.job).training.schedule not in _PLANNED:
        return None
    given = run.job.config.get("training", {})
    needed = {name: value for name, value in limits.items() if value or name in given}
    config = {**run.job.config, "training": {**given, **needed}}
    try:
        RunConfig.model_validate(config)
    except ValidationError:
        return None  # longer than any training may be
    return run.job.model_copy(update={"config": config, "resume": True, "run_folder": run.folder})


def more_time(run: Run) -> str:
    """Return for how long `longer` lets it go on, as ``"10 minutes"``."""
    words = {"epochs": "epoch", "max_minutes": "minute"}
    return " or ".join(
        f"{value:g} {words[name]}{'' if value == 1 else 's'}" for name, value in _limits(run).items() if value
    )


def _limits(run: Run) -> dict[str, int | float]:
    """Return the limits that the run ended at, 0 for none.

    They are those that it told of itself: its job may have got others since, for a process that never began.
    """
    training = _config(run.job).training
    told: dict[str, Any] = next((said.values for said in reversed(run.events) if isinstance(said, Facts)), {})
    return {
        "epochs": told.get("epochs", training.epochs),
        "max_minutes": told.get("minutes", training.max_minutes),
    }


def _config(job: TrainJob) -> RunConfig:
    try:
        return RunConfig.model_validate(job.config)
    except ValidationError:
        return RunConfig.model_validate({"training": {"max_minutes": 0}})  # of another version: its limits are unknown


def _labels(job: TrainJob) -> list[Path]:
    return [sample.labels for sample in job.samples if sample.labels is not None]

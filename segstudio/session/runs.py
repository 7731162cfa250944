"""The trainings of a project as a list: name, how each ended, how good it is."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segstudio.core.errors import UserError
from segstudio.io.json_file import json_content
from segstudio.jobs.events_file import messages_in
from segstudio.jobs.failures import as_user_error
from segstudio.jobs.messages import Failed, Message, Metric
from segstudio.jobs.run_folder import RunFolder, RunStatus, list_runs
from segstudio.jobs.spec import TrainJob
from segstudio.session.said import worth_keeping

#: States in which a process works on a run.
ACTIVE: frozenset[RunStatus] = frozenset({"running", "paused"})


@dataclass(frozen=True)
class Run:
    """One training of the project.

    Attributes
    ----------
    id
        Job id of the training; names its series in the curves.
    best
        Figures of its best weights.
    has_model
        Whether a model can be used.
    resumable
        Whether it was ended before its time and can go on from a checkpoint.
    has_checkpoint
        Whether there is one.
    decode
        Decoder settings that won on its validation images.
    scores
        Figures of the finished model with those settings, as ``"f1"`` or ``"psnr"``; none before its end.
    error
        How it failed, ``None`` otherwise.
    in_channels
        Channels that its finished model sees, 0 when unknown.
    makes_images
        Whether its finished model makes images instead of finding objects.
    unlearned
        What of its model has random weights, so that it finds nothing yet; empty for one that was trained.
    begun
        When it began or went on the last time, seconds since the epoch.
    events
        What it said, without what nobody asks for again: see `segstudio.session.said`.
    """

    id: str
    name: str
    folder: Path
    status: RunStatus
    job: TrainJob
    best: Metric | None
    has_model: bool
    resumable: bool = False
    has_checkpoint: bool = False
    decode: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    error: Failed | None = None
    in_channels: int = 0
    makes_images: bool = False
    unlearned: str = ""
    begun: float = 0.0
    events: Sequence[Message] = ()

    @property
    def model(self) -> Path:
        """Folder of its model."""
        return RunFolder(self.folder).model

    @property
    def predicts(self) -> bool:
        """Whether there is a model that has learned something."""
        return self.has_model and not self.unlearned

    @property
    def active(self) -> bool:
        """Whether a process works on it."""
        return self.status in ACTIVE

    @property
    def f1(self) -> float | None:
        """F1 of its model; of the best weights so far while there is none."""
        return self.scores.get("f1", self.value("val_f1"))

    @property
    def psnr(self) -> float | None:
        """Peak signal to noise of the images that its model makes, dB; as `f1`. ``None`` when it finds objects."""
        return self.scores.get("psnr", self.value("val_psnr"))

    def value(self, name: str) -> float | None:
        """Return one figure of the best weights, as ``"val_f1"``."""
        return self.best.values.get(name) if self.best else None


def read_run(folder: RunFolder) -> Run:
    """Read one run; raise `UserError` when its job file is damaged."""
    job = folder.job()
    events = worth_keeping(messages_in(folder.events_file))
    best = next((m for m in reversed(events) if isinstance(m, Metric) and m.best), None)
    card = _card(folder.model / "model.json")
    status, checkpoint = folder.status, folder.has_checkpoint
    return Run(
        id=job.job_id,
        name=job.name,
        folder=folder.path,
        status=status,
        job=job,
        best=best,
        has_model=card is not None,
        resumable=status not in ACTIVE and status != "done" and checkpoint,
        has_checkpoint=checkpoint,
        decode=_table(card, "decode"),
        scores=_numbers(_table(card, "scores")),
        error=next((m for m in reversed(events) if isinstance(m, Failed)), None) if status == "failed" else None,
        in_channels=channels if isinstance(channels := (card or {}).get("in_channels"), int) else 0,
        makes_images=(card or {}).get("target_scale") is not None,
        unlearned=str((card or {}).get("unlearned", "")),
        begun=folder.begun,
        events=events,
    )


def _card(path: Path) -> dict[str, Any] | None:
    """Return a model card, ``None`` when there is no model; the engine checks the card."""
    try:
        card = json_content(path)
    except (OSError, ValueError):
        return None
    return card if isinstance(card, dict) else None


def _table(card: dict[str, Any] | None, name: str) -> dict[str, Any]:
    table = (card or {}).get(name)
    return table if isinstance(table, dict) else {}


def _numbers(table: Mapping[str, Any]) -> dict[str, float]:
    """Return what of a damaged card is still a figure."""
    return {
        name: float(value)
        for name, value in table.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    }


def read_runs(folder: Path) -> tuple[list[Run], list[UserError]]:
    """Return the runs in `folder`, newest first, and what is wrong with those that cannot be read."""
    runs: list[Run] = []
    problems: list[UserError] = []
    for item in list_runs(folder):
        try:
            runs.append(read_run(item))
        except (UserError, OSError) as error:
            problems.append(as_user_error(error))
    return runs, problems

"""One background job as the user sees it: what it is, how far it is, how it ended."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from uuid import uuid4

from segstudio.jobs.messages import (
    Artifact,
    Facts,
    Failed,
    Finished,
    Message,
    Metric,
    Preview,
    Progress,
    Started,
    StateChanged,
    Warned,
)
from segstudio.jobs.spec import DecodeJob, EvaluateJob, JobSpec, PredictJob, RangeTestJob, TrainJob

State = Literal["queued", "starting", "running", "paused", "stopping", "done", "stopped", "failed"]

#: States in which a job takes its device.
BUSY: frozenset[State] = frozenset({"starting", "running", "stopping"})
ENDED: frozenset[State] = frozenset({"done", "stopped", "failed"})


def new_job_id() -> str:
    """Return a name that no other job has: the time and a few random letters, so that folders sort by age."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid4().hex[:4]}"


def clock(seconds: float) -> str:
    """Return a time left as ``m:ss`` or ``h:mm:ss``."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


@dataclass(frozen=True)
class Job:
    """One job of this sitting; a new value replaces it with each message.

    Attributes
    ----------
    id
        The spec's ``job_id``.
    outlived
        It ran already when this window was opened.
    waits_for
        Title of the job that has the device; empty when it waits for none.
    error
        How it failed, ``None`` otherwise.
    """

    id: str
    title: str
    spec: JobSpec
    state: State = "queued"
    created: float = 0.0
    device: str = ""
    device_name: str = ""
    progress: Progress | None = None
    metric: Metric | None = None
    best: Metric | None = None
    facts: Facts | None = None
    preview: Preview | None = None
    artifacts: tuple[Artifact, ...] = ()
    warnings: tuple[Warned, ...] = ()
    error: Failed | None = None
    finished: Finished | None = None
    waits_for: str = ""
    outlived: bool = False

    @property
    def ended(self) -> bool:
        """Whether nothing will come any more."""
        return self.state in ENDED

    @property
    def heavy(self) -> bool:
        """Whether it wants a device for itself."""
        return isinstance(self.spec, TrainJob | PredictJob | EvaluateJob | RangeTestJob)

    @property
    def folder(self) -> Path | None:
        """Run folder of a training."""
        return self.spec.run_folder if isinstance(self.spec, TrainJob) else None

    @property
    def log(self) -> Path | None:
        """Log file of a training."""
        return self.folder / "log.txt" if self.folder else None

    @property
    def wanted_device(self) -> str:
        """Kind of device it runs on, or asks for: ``"cuda"``, ``"cpu"``, ``"mps"``, ``"auto"``."""
        if self.device:
            return self.device.partition(":")[0]
        return "cpu" if isinstance(self.spec, DecodeJob) else str(getattr(self.spec, "device", "cpu"))

    def competes(self, other: "Job") -> bool:
        """Return whether both want the same device; one that chooses itself may choose any."""
        mine, theirs = self.wanted_device, other.wanted_device
        return self.heavy and other.heavy and (mine == theirs or "auto" in (mine, theirs))

    @property
    def counted(self) -> str:
        """How far it is, in what the user counts, as ``"3/20"``; empty when not known."""
        progress = self.progress
        if progress is None or not progress.total:
            return ""
        if isinstance(self.spec, PredictJob | EvaluateJob):  # its steps are parts of images
            images = len(self.spec.images if isinstance(self.spec, PredictJob) else self.spec.samples)
            return f"{min(progress.done * images // progress.total + 1, images)}/{images}" if images > 1 else ""
        return f"{progress.done}/{progress.total}"

    @property
    def left(self) -> str:
        """Time left as ``m:ss``; empty when not known, and for the last second."""
        seconds = self.progress.remaining_s if self.progress else None
        return clock(seconds) if seconds is not None and round(seconds) > 0 else ""

    def summary(self) -> tuple[str, float | None]:
        """Return one line about it, and how much of it is done (0..1, ``None`` when unknown)."""
        progress = self.progress
        if progress is None or self.state in ("paused", "stopping"):
            return f"{self.title}: {self.state}", None
        words = " ".join(word for word in (progress.stage, self.counted) if word)
        if self.left:
            words += f"  {self.left} left"
        return words, progress.done / progress.total if progress.total else None

    def told(self, message: Message) -> "Job":
        """Return the job after `message`."""
        match message:
            case Started():
                return replace(
                    self,
                    state="running",
                    device=message.device,
                    device_name=message.device_name,
                    error=None,
                    finished=None,
                )
            case Progress():
                state = "running" if self.state in ("queued", "starting") else self.state
                return replace(self, state=state, progress=message)
            case Metric() | Facts() | Preview():
                return self._learned(message)
            case Artifact():
                return replace(self, artifacts=(*self.artifacts, message))
            case Warned():
                return replace(self, warnings=(*self.warnings, message))
            case StateChanged():
                return replace(self, state=message.state)
            case Failed():
                return replace(self, state="failed", error=message)
            case Finished():
                return replace(self, state=message.outcome, finished=message)

    def _learned(self, message: Metric | Facts | Preview) -> "Job":
        match message:
            case Metric():
                return replace(self, metric=message, best=message if message.best else self.best)
            case Facts():
                known = self.facts.values if self.facts else {}
                return replace(self, facts=message.model_copy(update={"values": {**known, **message.values}}))
            case Preview():
                return replace(self, preview=message)

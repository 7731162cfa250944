"""A learning-rate range test as the user sees it: how far it is, its curve, and the rate that it suggests."""

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.config.run import RunConfig
from segstudio.jobs.messages import Failed, Finished, Message, Metric, Warned
from segstudio.jobs.spec import RangeTestJob, TrainJob
from segstudio.session.doctor.base import round_rate
from segstudio.session.job import new_job_id

if TYPE_CHECKING:
    from segstudio.session.job_queue import JobQueue

State = Literal["none", "running", "done", "stopped", "failed"]


class RateSearch:
    """Tries rising learning rates on what a training would learn from; one at a time.

    Attributes
    ----------
    suggested
        Setting of the learning rate that suits; ``None`` while none is known.
    problem
        Why there is none: a sentence, and what to do.
    """

    changed = Signal()

    def __init__(self, jobs: "JobQueue") -> None:
        self.state: State = "none"
        self.suggested: float | None = None
        self.problem = ""
        self.training: TrainJob | None = None
        self._jobs = jobs
        self._job_id = ""
        self._points: list[tuple[float, float, float]] = []
        jobs.message.connect(self._on_message)

    @property
    def curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Rates, losses, and losses without the chance of single batches; one length."""
        table = np.array(self._points, np.float64).reshape(-1, 3)
        return table[:, 0], table[:, 1], table[:, 2]

    @property
    def share(self) -> float:
        """How much of it is done, 0..1."""
        job = self._jobs.job(self._job_id)
        progress = job.progress if job is not None else None
        return progress.done / progress.total if progress is not None and progress.total else 0.0

    def start(self, training: TrainJob, title: str) -> None:
        """Begin anew with the data, network and settings of `training`."""
        self.stop()
        self.state, self.suggested, self.problem, self.training = "running", None, "", training
        self._points = []
        self._job_id = new_job_id()
        self._jobs.range_test(RangeTestJob(job_id=self._job_id, training=training), title)
        self.changed.emit()

    def stop(self) -> None:
        """Stop the test that runs."""
        if self.state == "running":
            self._jobs.stop(self._job_id)

    def forget(self) -> None:
        """Drop what was found: the project is another one."""
        self.stop()
        self.state, self.suggested, self.problem, self.training, self._job_id = "none", None, "", None, ""
        self._points = []
        self.changed.emit()

    def _on_message(self, job_id: str, message: Message) -> None:
        if job_id != self._job_id or self.state != "running":
            return
        match message:
            case Metric():
                values = message.values
                self._points.append((values["learning_rate"], values["train_loss"], values["smooth_loss"]))
            case Warned(code="range-test-flat"):
                self.problem = f"{message.message} {message.hint}".strip()
            case Failed():
                self.state, self.problem = "failed", f"{message.message} {message.hint}".strip()
            case Finished():
                self.state = "done" if message.outcome == "done" else "stopped"
                self.suggested = self._setting(message.summary.get("suggested_rate"))
        self.changed.emit()

    def _setting(self, rate: float | int | str | None) -> float | None:
        """Return the setting for a measured rate: a training that starts from a model lowers what is set."""
        if self.training is None or not isinstance(rate, float | int):
            return None
        config = RunConfig.model_validate(self.training.config).training
        factor = config.fine_tune_factor if self.training.start_from is not None else 1.0
        return round_rate(min(1.0, rate / factor))

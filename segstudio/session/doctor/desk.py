"""Findings about the trainings of the open project, kept up to date while they run."""

from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.jobs.messages import Facts, Failed, Finished, Message, Metric, Started, Warned
from segstudio.jobs.spec import TrainJob
from segstudio.session.doctor.base import Case, Finding
from segstudio.session.doctor.examine import examine, silence
from segstudio.session.training_longer import longer

if TYPE_CHECKING:
    from segstudio.session.job_queue import JobQueue
    from segstudio.session.project_runs import ProjectRuns

#: What rules read; all else that a training says is not kept.
_HEARD = (Started, Facts, Metric, Warned, Failed, Finished)


class Doctor:
    """Examines trainings, those that run and those that are over.

    Parameters
    ----------
    jobs
        Whose messages tell how the trainings of this sitting go.
    runs
        The trainings of the project with all that they have said.
    """

    changed = Signal(str)
    """There may be other findings about the training with this id."""

    def __init__(self, jobs: "JobQueue", runs: "ProjectRuns") -> None:
        self._jobs = jobs
        self._runs = runs
        self._heard: dict[str, list[Message]] = {}
        self._found: dict[str, tuple[Finding, ...]] = {}
        self._silence: dict[str, tuple[str, bool]] = {}
        self._of: dict[str, tuple[int, bool]] = {}
        jobs.message.connect(self._on_message)

    def findings(self, run_id: str) -> tuple[Finding, ...] | None:
        """Return what is worth knowing about a training, the worst first; ``None`` when nothing is known of it."""
        job, messages = self.job(run_id), self._messages(run_id)
        if job is None or not messages:
            return None
        run = self._runs.run(run_id)
        lengthens = run is not None and not self._jobs.live(run_id) and longer(run) is not None
        if self._of.get(run_id) != (len(messages), lengthens):
            case = Case.of(job, messages, lengthens=lengthens)
            self._found[run_id], self._silence[run_id] = examine(case), silence(case)
            self._of[run_id] = len(messages), lengthens
        return self._found[run_id]

    def silence(self, run_id: str) -> tuple[str, bool]:
        """Return what it means when `findings` returns nothing about a training, and whether that is good news."""
        return ("", False) if self.findings(run_id) is None else self._silence[run_id]

    def has_learned(self, run_id: str) -> bool:
        """Return whether a training has told figures yet."""
        return any(isinstance(message, Metric) for message in self._messages(run_id))

    def project_closed(self) -> None:
        """Forget the trainings of the project that was closed; what one that goes on says is still heard."""
        self._heard = {run_id: said for run_id, said in self._heard.items() if self._jobs.live(run_id)}
        self._found.clear()
        self._silence.clear()
        self._of.clear()

    def job(self, run_id: str) -> TrainJob | None:
        """Return what a training was told."""
        job, run = self._jobs.job(run_id), self._runs.run(run_id)
        if job is not None and isinstance(job.spec, TrainJob):
            return job.spec
        return run.job if run is not None else None

    def _messages(self, run_id: str) -> list[Message]:
        if run_id not in self._heard:
            run = self._runs.run(run_id)
            return [message for message in run.events if isinstance(message, _HEARD)] if run is not None else []
        return self._heard[run_id]

    def _on_message(self, job_id: str, message: Message) -> None:
        job = self._jobs.job(job_id)
        if job is None or not isinstance(job.spec, TrainJob) or not isinstance(message, _HEARD):
            return
        if job_id not in self._heard:
            # One that goes on: what it said before is in its folder, and is said again where it matters.
            self._heard[job_id] = []
        self._heard[job_id].append(message)
        self.changed.emit(job_id)

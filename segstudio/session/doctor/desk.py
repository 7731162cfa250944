"""Findings about the trainings of the open project, kept up to date while they run."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.jobs.messages import Message, Metric
from segstudio.jobs.spec import TrainJob
from segstudio.session.background import Background
from segstudio.session.doctor.base import Case, Finding
from segstudio.session.doctor.examine import examine, silence
from segstudio.session.said import KEPT, MOST, worth_keeping
from segstudio.session.training_longer import longer

if TYPE_CHECKING:
    from segstudio.session.job_queue import JobQueue
    from segstudio.session.project_runs import ProjectRuns


@dataclass(frozen=True)
class _Examined:
    """What was found about a training, and what it means when that is nothing."""

    findings: tuple[Finding, ...]
    silence: tuple[str, bool]


class Doctor:
    """Examines trainings, those that run and those that are over.

    Parameters
    ----------
    jobs
        Whose messages tell how the trainings of this sitting go.
    runs
        The trainings of the project with all that they have said.
    background
        Examines: a long training has said much.
    """

    changed = Signal(str)
    """There may be other findings about the training with this id."""

    def __init__(self, jobs: "JobQueue", runs: "ProjectRuns", background: Background) -> None:
        self._jobs = jobs
        self._runs = runs
        self._background = background
        self._heard: dict[str, list[Message]] = {}
        self._known: dict[str, _Examined | None] = {}
        self._of: dict[str, tuple[int, bool]] = {}
        # Those that are being examined now; another set for each project.
        self._under_way: set[str] = set()
        jobs.message.connect(self._on_message)

    def findings(self, run_id: str) -> tuple[Finding, ...] | None:
        """Return what is worth knowing about a training, the worst first; ``None`` when nothing is known of it.

        When it has said more since it was examined last, it is examined again: `changed` tells what is new.
        """
        job, said = self.job(run_id), self._said(run_id)
        if job is None or not said:
            return None
        run = self._runs.run(run_id)
        lengthens = run is not None and not self._jobs.live(run_id) and longer(run) is not None
        if self._of.get(run_id) != (len(said), lengthens) and run_id not in self._under_way:
            self._examine(job, run_id, tuple(said), lengthens=lengthens)
        known = self._known.get(run_id)
        return known.findings if known is not None else None

    def silence(self, run_id: str) -> tuple[str, bool]:
        """Return what it means when `findings` returns nothing about a training, and whether that is good news."""
        known = self._known.get(run_id) if self.findings(run_id) is not None else None
        return known.silence if known is not None else ("", False)

    def has_learned(self, run_id: str) -> bool:
        """Return whether a training has told figures yet."""
        return any(isinstance(message, Metric) for message in self._said(run_id))

    def project_closed(self) -> None:
        """Forget the trainings of the project that was closed; what one that goes on says is still heard."""
        self._heard = {run_id: said for run_id, said in self._heard.items() if self._jobs.live(run_id)}
        self._known.clear()
        self._of.clear()
        self._under_way = set()

    def job(self, run_id: str) -> TrainJob | None:
        """Return what a training was told."""
        job, run = self._jobs.job(run_id), self._runs.run(run_id)
        if job is not None and isinstance(job.spec, TrainJob):
            return job.spec
        return run.job if run is not None else None

    def _said(self, run_id: str) -> Sequence[Message]:
        run = self._runs.run(run_id) if run_id not in self._heard else None
        return run.events if run is not None else self._heard.get(run_id, ())

    def _examine(self, job: TrainJob, run_id: str, said: tuple[Message, ...], *, lengthens: bool) -> None:
        under_way = self._under_way
        under_way.add(run_id)

        def end() -> None:
            under_way.discard(run_id)

        def work() -> _Examined | None:
            try:
                heard = [message for message in said if isinstance(message, KEPT)]
                case = Case.of(job, heard, lengthens=lengthens)
                return _Examined(examine(case), silence(case)) if heard else None
            except BaseException:
                self._background.post(end)
                raise

        def take(found: _Examined | None) -> None:
            end()
            if under_way is not self._under_way:
                return  # of a project that was closed meanwhile
            before, self._known[run_id] = self._known.get(run_id), found
            self._of[run_id] = len(said), lengthens
            if found != before:
                self.changed.emit(run_id)

        self._background.run(work, take, lane="doctor")

    def _on_message(self, job_id: str, message: Message) -> None:
        job = self._jobs.job(job_id)
        if job is None or not isinstance(job.spec, TrainJob) or not isinstance(message, KEPT):
            return
        if job_id not in self._heard:
            # One that goes on: what it said before is in its folder, and is said again where it matters.
            self._heard[job_id] = []
        said = self._heard[job_id]
        said.append(message)
        if len(said) > 2 * MOST:
            self._heard[job_id] = worth_keeping(said, MOST)
        self.changed.emit(job_id)

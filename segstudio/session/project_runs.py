"""The trainings of the open project: listed, compared, renamed, deleted, gone on with."""

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.errors import UserError, WrongUsage
from segstudio.jobs.messages import Failed, Finished, Message, Metric, Started, StateChanged
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import PredictJob, TrainJob
from segstudio.session.background import Background
from segstudio.session.going_on import on_present_labels
from segstudio.session.job import Job
from segstudio.session.job_queue import JobQueue
from segstudio.session.job_specs import all_saved_first
from segstudio.session.model_import import ForeignModel, matched_classes, read_foreign, take_over
from segstudio.session.runs import Run, read_runs
from segstudio.session.training_longer import longer

if TYPE_CHECKING:
    from segstudio.project.project import Project

#: Seconds that a training's process may take to leave after it has said its last word.
_LAST_BREATH = 10.0
#: Codes of errors of a run that was deleted while the list was read.
_GONE = frozenset({"no-run", "file-missing"})


class ProjectRuns:
    """The runs of the open project, the newest first.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    jobs
        Where trainings run; a training that begins or ends changes the list.
    background
        Reads and writes the run folders.
    """

    changed = Signal()
    improved = Signal()
    """A training has weights that are better than all before."""
    ready = Signal(object, float)
    """The training `Job` that has just made a model, of this project or of an earlier one, and the model's F1."""
    makes_images = Signal(object, float)
    """The training `Job` that has just made a model that makes images, and its peak signal to noise, dB."""
    failed = Signal(str, str, str)
    """A training or prediction failed: its title, what happened, what to do."""
    unreadable = Signal(object)
    """A `UserError`: a run is damaged, or of another version, and is not in the list; told once."""
    outdated = Signal(str)
    """What was told of a training or prediction is past: its title. It went on, or it failed and another one trains."""

    def __init__(self, project: "Callable[[], Project | None]", jobs: JobQueue, background: Background) -> None:
        self.all: tuple[Run, ...] = ()
        self._project = project
        self._jobs = jobs
        self._background = background
        self._told: set[str] = set()
        self._failed: set[str] = set()
        jobs.message.connect(self._on_message)

    def run(self, run_id: str) -> Run | None:
        """Return one run of the project."""
        return next((run for run in self.all if run.id == run_id), None)

    def owns(self, job: Job) -> bool:
        """Return whether a job is a training of the open project: one of another project may still go on."""
        project = self._project()
        if project is None or job.folder is None:
            return False
        return job.folder.parent == project.runs_folder or self.run(job.id) is not None

    @property
    def training(self) -> Job | None:
        """The newest training of the open project that is not over."""
        return next((job for job in self._jobs.active if self.owns(job)), None)

    def project_opened(self) -> None:
        """List the runs of the project that was opened, and follow those that are still training."""
        self.all = ()
        training = self.training
        if training is not None:
            self._jobs.curves.show([training.id])
        self.refresh()

    def project_closed(self) -> None:
        """Forget the runs of the project that was closed, and their curves; those that train go on out of sight."""
        self.all = ()
        self._jobs.curves.keep_only(job.id for job in self._jobs.active)
        self.changed.emit()

    def refresh(self) -> None:
        """Read the list of runs again."""
        project = self._project()
        if project is None:
            self._take(None, ([], []))
            return
        folder = project.runs_folder
        self._background.run(lambda: read_runs(folder), lambda found: self._take(folder, found), lane="jobs")

    def resume(self, run: Run) -> str:
        """Let a run that ended go on from its newest checkpoint, on the labels of now; return the job's id."""
        self._check_writable()
        self._go_on(run.job.model_copy(update={"resume": True, "run_folder": run.folder}))
        return run.id

    def train_longer(self, run: Run) -> str:
        """Let a finished run go on for as long again, as `resume` does. `longer` tells whether it can."""
        self._check_writable()
        job = longer(run)
        if job is not None:
            self._go_on(job)
        return run.id

    def rename(self, run: Run, name: str) -> None:
        """Give a run another name; raise `WrongUsage` when another one has it."""
        self._check_writable()
        if any(other.name == name and other.id != run.id for other in self.all):
            raise WrongUsage(
                f"Another training is called {name}.",
                hint="Choose another name, so that the two can be told apart.",
                code="name-taken",
            )
        self._jobs.curves.name_run(run.id, name)
        self._background.run(lambda: RunFolder(run.folder).rename(name), lambda _: self.refresh(), lane="jobs")

    def delete(self, run: Run) -> None:
        """Delete a run with its model; cannot be undone. Raises `WrongUsage` while it is training."""
        self._check_writable()
        if self._jobs.live(run.id):
            raise WrongUsage(f"{run.name} is still training.", hint="Stop it first.", code="run-busy")
        self._jobs.forget(run.id)
        self._background.run(lambda: _delete(RunFolder(run.folder)), lambda _: self.refresh(), lane="jobs")

    def import_model(
        self,
        path: Path,
        then: Callable[[str, tuple[str, ...]], None],
        failed: Callable[[UserError], None] | None = None,
    ) -> None:
        """Copy a model from a folder into the project, as a run of its own.

        Classes that the model finds and the project lacks are added: `then` gets the id of the run and their names.
        A model that is in the project already is not copied again. `failed` gets what prevented it; where nobody does,
        it is told.
        """
        self._check_writable()
        project = self._project()
        if project is None:
            return
        folder, known = project.runs_folder, {run.name: run.model for run in self.all if run.has_model}

        def copy(model: ForeignModel) -> None:
            if project is not self._project():
                return  # another project was opened meanwhile
            classes, ids = matched_classes(project.classes, model.classes)
            added = tuple(name for name in classes.names if name not in project.classes.names)

            def copied(run_id: str) -> None:
                if added and project is self._project():
                    # Not before: a damaged model changes nothing.
                    project.set_classes(matched_classes(project.classes, model.classes)[0])
                self.refresh()
                # After the list was read.
                self._background.run(lambda: None, lambda _: then(run_id, added), lane="jobs")

            self._background.run(lambda: take_over(model, folder, ids, known), copied, failed, lane="jobs")

        self._background.run(lambda: read_foreign(path), copy, failed, lane="jobs")

    def compare(self, runs: Iterable[Run]) -> None:
        """Plot the curves of these runs over one another."""
        chosen, curves = list(runs), self._jobs.curves
        for run in chosen:
            curves.name_run(run.id, run.name)
            if not self._jobs.live(run.id):
                curves.load(run.id, run.events)
        curves.show(run.id for run in chosen)

    def _on_began(self, job: Job) -> None:
        self.outdated.emit(job.title)
        if isinstance(job.spec, TrainJob):
            failed, self._failed = self._failed, set()
            for title in failed - {job.title}:
                self.outdated.emit(title)

    def _on_message(self, job_id: str, message: Message) -> None:
        job = self._jobs.job(job_id)
        if (
            isinstance(message, Started | StateChanged | Finished | Failed)
            and job is not None
            and isinstance(job.spec, TrainJob)
        ):
            self.refresh()
        if isinstance(message, Metric) and message.best and self.run(job_id) is not None:
            self.all = tuple(replace(run, best=message) if run.id == job_id else run for run in self.all)
            self.improved.emit()
        if isinstance(message, Started) and job is not None and isinstance(job.spec, TrainJob | PredictJob):
            self._on_began(job)
        if isinstance(message, Failed) and job is not None and isinstance(job.spec, TrainJob | PredictJob):
            self._failed |= {job.title} if isinstance(job.spec, TrainJob) else set()
            self.failed.emit(job.title, message.message, message.hint)
        if isinstance(message, Finished) and job is not None and isinstance(job.spec, TrainJob):
            score = message.summary.get("f1")
            if isinstance(score, float):
                self.ready.emit(job, score)
            nearness = message.summary.get("psnr")
            if isinstance(nearness, float):
                self.makes_images.emit(job, nearness)

    def _go_on(self, job: TrainJob) -> None:
        project = self._project()
        if project is None or self._jobs.live(job.job_id):
            return

        def begin(ready: TrainJob) -> None:
            if project is self._project() and not self._jobs.live(job.job_id):  # neither closed nor begun meanwhile
                self._jobs.start_training(ready)

        self._background.run(all_saved_first(project, lambda: on_present_labels(project, job)), begin)

    def _take(self, folder: Path | None, found: tuple[list[Run], list[UserError]]) -> None:
        project = self._project()
        if folder is not None and (project is None or project.runs_folder != folder):
            return  # another project was opened meanwhile
        self.all = tuple(found[0])
        for problem in found[1]:
            if problem.code not in _GONE and problem.message not in self._told:
                self._told.add(problem.message)
                self.unreadable.emit(problem)
        for run in self.all:
            self._jobs.curves.name_run(run.id, run.name)
            if run.active and not self._jobs.live(run.id):
                self._jobs.attach(run.job, run.folder)
        self.changed.emit()

    def _check_writable(self) -> None:
        project = self._project()
        if project is not None:
            project.check_writable()


def _delete(run: RunFolder) -> None:
    # A process lives a moment longer than its last message.
    deadline = time.monotonic() + _LAST_BREATH
    while run.process_alive() and run.status not in ("running", "paused") and time.monotonic() < deadline:
        time.sleep(0.05)
    run.delete()

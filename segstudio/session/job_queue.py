"""The background jobs of this sitting: queued, running, done; one heavy job at a time on a device."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from uuid import uuid4

from psygnal import Signal

from segstudio.core.errors import UserError, WrongUsage
from segstudio.jobs.catalogue import Catalogue, catalogue_file, load_catalogue
from segstudio.jobs.failures import failure
from segstudio.jobs.messages import Artifact, Failed, Finished, Message, Metric, Started
from segstudio.jobs.run_folder import Command, RunFolder
from segstudio.jobs.spec import CatalogueJob, DecodeJob, JobSpec, PredictJob, TrainJob, ValidateJob
from segstudio.jobs.supervisor import RunProcess, WarmWorker
from segstudio.session.background import Background
from segstudio.session.curves import Curves
from segstudio.session.job import BUSY, Job
from segstudio.session.runs import Run, read_runs

if TYPE_CHECKING:
    from segstudio.project.project import Project

#: Seconds that a training's process may take to leave after it has said its last word.
_LAST_BREATH = 10.0
Handle = Callable[[Message], None]
Follow = Callable[[Iterator[Message], Handle], None]
"""Reads messages on a thread of its own and hands each to the main thread."""


class Launcher(Protocol):
    """Starts and finds trainings; tests give one with another command line."""

    def start(self, job: TrainJob) -> RunProcess:
        """Start a training in a process of its own."""

    def attach(self, folder: Path) -> RunProcess:
        """Follow a training that runs already."""


def new_job_id() -> str:
    """Return a name that no other job has: the time and a few random letters, so that folders sort by age."""
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{uuid4().hex[:4]}"


def clock(seconds: float) -> str:
    """Return a time left as ``m:ss`` or ``h:mm:ss``."""
    minutes, second = divmod(max(0, round(seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _delete(run: RunFolder) -> None:
    # A process lives a moment longer than its last message.
    deadline = time.monotonic() + _LAST_BREATH
    while run.process_alive() and run.status not in ("running", "paused") and time.monotonic() < deadline:
        time.sleep(0.05)
    run.delete()


class JobQueue:
    """Starts jobs, follows them, and tells about them.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    background
        Runs what touches the disk.
    worker, launcher
        Where short jobs and trainings run.
    """

    changed = Signal(str)
    """Id of a job that is new, or of which something is."""
    message = Signal(str, object)
    """Job id and `Message`, as it came."""
    runs_changed = Signal()
    catalogue_changed = Signal()

    def __init__(
        self,
        project: "Callable[[], Project | None]",
        background: Background,
        worker: WarmWorker | None = None,
        launcher: Launcher = RunProcess,
    ) -> None:
        self.follow: Follow | None = None
        self.curves = Curves()
        self.catalogue: Catalogue | None = None
        self.runs: tuple[Run, ...] = ()
        self._project = project
        self._background = background
        self._worker = worker or WarmWorker()
        self._launcher = launcher
        self._worker_followed = False
        self._jobs: dict[str, Job] = {}
        self._processes: dict[str, RunProcess] = {}
        self._unsent: dict[str, list[Command]] = {}
        self._resume_wanted: list[str] = []
        self._next_decode: dict[str, DecodeJob] = {}
        self._closed = False

    # -- what there is ---------------------------------------------------------------------------------

    @property
    def jobs(self) -> list[Job]:
        """All jobs of this sitting that a user would know about, the newest first."""
        known = (job for job in self._jobs.values() if not isinstance(job.spec, CatalogueJob | ValidateJob | DecodeJob))
        return sorted(known, key=lambda job: job.created, reverse=True)

    def job(self, job_id: str) -> Job | None:
        """Return one job."""
        return self._jobs.get(job_id)

    @property
    def active(self) -> list[Job]:
        """Jobs that are not over, the newest first."""
        return [job for job in self.jobs if not job.ended]

    @property
    def training(self) -> Job | None:
        """The newest training that is not over."""
        return next((job for job in self.active if isinstance(job.spec, TrainJob)), None)

    @property
    def training_runs(self) -> bool:
        """Whether a training has a process now; one that only waits is forgotten with the window."""
        return bool(self._processes)

    @property
    def device_name(self) -> str:
        """Name of the device that works, or worked last; empty before the first job."""
        named = [job for job in self.jobs if job.device_name]
        return next((job.device_name for job in named if not job.ended), named[0].device_name if named else "")

    def summary(self) -> tuple[str, float | None]:
        """Return one line about the job that runs, and how much of it is done (0..1, ``None`` when unknown)."""
        job = next((job for job in self.active if job.state != "queued"), None)
        if job is None:
            return "", None
        progress = job.progress
        if progress is None or job.state in ("paused", "stopping"):
            return f"{job.title}: {job.state}", None
        words = progress.stage
        if progress.total:
            words += f" {progress.done}/{progress.total}"
        if progress.remaining_s is not None:
            words += f"  {clock(progress.remaining_s)} left"
        return words, progress.done / progress.total if progress.total else None

    # -- starting --------------------------------------------------------------------------------------

    def start_training(self, spec: TrainJob) -> str:
        """Train as soon as the device is free; return the job's id."""
        self.curves.name_run(spec.job_id, spec.name)
        self.curves.show([spec.job_id])
        return self._enqueue(spec, spec.name)

    def predict(self, spec: PredictJob, title: str) -> str:
        """Predict as soon as the device is free; return the job's id."""
        return self._enqueue(spec, title)

    def decode(self, spec: DecodeJob) -> str:
        """Decode kept maps again. While one runs for the same image only the newest wish waits."""
        running = (job for job in self._jobs.values() if isinstance(job.spec, DecodeJob) and not job.ended)
        if any(isinstance(job.spec, DecodeJob) and job.spec.image_id == spec.image_id for job in running):
            self._next_decode[spec.image_id] = spec
            return spec.job_id
        return self._enqueue(spec, "")

    def validate(self, spec: ValidateJob) -> str:
        """Check settings; the answer is a `message` of this job."""
        return self._enqueue(spec, "")

    def want_catalogue(self) -> None:
        """Load what the engine offers: from disk, else from the worker; `catalogue_changed` tells when it is there."""
        if self.catalogue is None and not any(
            isinstance(job.spec, CatalogueJob) and not job.ended for job in self._all()
        ):
            self._background.run(load_catalogue, self._on_kept_catalogue, lane="jobs")

    # -- steering --------------------------------------------------------------------------------------

    def pause(self, job_id: str) -> None:
        """Let a training rest after the step it is at; its device is free for others then."""
        self._send(job_id, "pause")

    def resume(self, job_id: str) -> None:
        """Let a paused training go on, as soon as its device is free."""
        if job_id not in self._resume_wanted:
            self._resume_wanted.append(job_id)
        self._advance()

    def stop(self, job_id: str) -> None:
        """End a job: a training keeps its best model, a prediction the images it has done, a queued one vanishes."""
        job = self._jobs.get(job_id)
        if job is None or job.ended:
            return
        if job.state == "queued":
            self._tell(job_id, Finished(time=time.time(), job_id=job_id, outcome="stopped"))
            return
        self._set(replace(job, state="stopping"))
        if isinstance(job.spec, TrainJob):
            self._send(job_id, "stop")
        else:
            self._background.run(lambda: self._worker.cancel(job_id), lane="worker")

    def kill(self, job_id: str) -> None:
        """End a training's process at once; its last checkpoint stays."""
        process = self._processes.get(job_id)
        if process is not None:
            self._background.run(process.kill)

    def detach_training(self) -> None:
        """Let the trainings go on when the window closes."""
        for process in self._processes.values():
            process.send("detach")

    def stop_training(self) -> None:
        """Tell the trainings to stop and keep their best model; they finish without the window."""
        for process in self._processes.values():
            process.send("stop")
            process.send("detach")

    def close(self) -> None:
        """End the threads that read messages, and the worker of short jobs."""
        self._closed = True
        for process in self._processes.values():
            process.close()
        self._worker.stop()

    # -- runs of the project -----------------------------------------------------------------------------

    def project_opened(self) -> None:
        """List the runs of the project that was opened, and follow those that are still training."""
        self.runs = ()
        self.refresh_runs()

    def project_closed(self) -> None:
        """Stop predictions: nobody would note any more which images have one. Trainings go on."""
        for job in self.active:
            if isinstance(job.spec, PredictJob):
                self.stop(job.id)

    def refresh_runs(self) -> None:
        """Read the list of runs again."""
        project = self._project()
        if project is None:
            self._on_runs(None, ([], []))
            return
        folder = project.runs_folder
        self._background.run(lambda: read_runs(folder), lambda found: self._on_runs(folder, found), lane="jobs")

    def run(self, run_id: str) -> Run | None:
        """Return one run of the project."""
        return next((run for run in self.runs if run.id == run_id), None)

    def resume_run(self, run: Run) -> str:
        """Let a run that ended go on from its newest checkpoint; return the job's id."""
        self._check_writable()
        if self._live(run.id):
            return run.id
        return self.start_training(run.job.model_copy(update={"resume": True, "run_folder": run.folder}))

    def rename_run(self, run: Run, name: str) -> None:
        """Give a run another name."""
        self._check_writable()
        self.curves.name_run(run.id, name)
        self._background.run(lambda: RunFolder(run.folder).rename(name), lambda _: self.refresh_runs(), lane="jobs")

    def delete_run(self, run: Run) -> None:
        """Delete a run with its model; cannot be undone. Raises `WrongUsage` while it is training."""
        self._check_writable()
        if self._live(run.id):
            raise WrongUsage(f"{run.name} is still training.", hint="Stop it first.", code="run-busy")
        self.curves.forget(run.id)
        self._jobs.pop(run.id, None)
        self._background.run(lambda: _delete(RunFolder(run.folder)), lambda _: self.refresh_runs(), lane="jobs")

    def compare(self, runs: Iterable[Run]) -> None:
        """Plot the curves of these runs over one another."""
        chosen = list(runs)
        for run in chosen:
            self.curves.name_run(run.id, run.name)
            if not self._live(run.id):
                self.curves.load(run.id, run.events)
        self.curves.show(run.id for run in chosen)

    # -- messages ----------------------------------------------------------------------------------------

    def handle(self, message: Message) -> None:
        """Take one message of a job, on the main thread."""
        job = self._jobs.get(message.job_id)
        if job is None or self._closed:
            return
        if isinstance(message, Metric):
            self.curves.add(job.id, message)
        self._tell(job.id, message)

    def _tell(self, job_id: str, message: Message) -> None:
        job = self._jobs[job_id].told(message)
        self._set(job)
        self.message.emit(job_id, message)
        if isinstance(message, Artifact) and message.role == "catalogue":
            self._background.run(lambda: load_catalogue(Path(message.path)), self._on_made_catalogue, lane="jobs")
        if isinstance(message, Started) and isinstance(job.spec, TrainJob):
            self.refresh_runs()
        if isinstance(message, Finished | Failed):
            self._on_end(job)
        elif job.state == "paused":
            self._advance()

    def _on_end(self, job: Job) -> None:
        if isinstance(job.spec, TrainJob):
            process = self._processes.pop(job.id, None)
            if process is not None:
                process.close()  # it has said its last word: nobody waits for it when the window closes
            self.refresh_runs()
        if isinstance(job.spec, ValidateJob | DecodeJob):
            del self._jobs[job.id]
        if isinstance(job.spec, DecodeJob):
            following = self._next_decode.pop(job.spec.image_id, None)
            if following is not None:
                self.decode(following)
        self._advance()

    # -- starting what can start -------------------------------------------------------------------------

    def _enqueue(self, spec: JobSpec, title: str) -> str:
        self._set(Job(spec.job_id, title, spec, created=time.time()))
        self._advance()
        return spec.job_id

    def _advance(self) -> None:
        for job_id in list(self._resume_wanted):
            job = self._jobs.get(job_id)
            if job is None or job.state != "paused":
                self._resume_wanted.remove(job_id)
            elif not self._wait(job):
                self._resume_wanted.remove(job_id)
                self._set(replace(job, state="starting"))
                self._send(job_id, "resume")
        for job in self._all():
            if job.state == "queued" and not self._wait(job):
                self._start(job)

    def _wait(self, job: Job) -> bool:
        """Return whether `job` must wait, and say for what."""
        holder = next((o for o in self._all() if o.id != job.id and o.state in BUSY and o.competes(job)), None)
        waits_for = holder.title if holder else ""
        if waits_for != job.waits_for:
            self._set(replace(job, waits_for=waits_for))
        return holder is not None

    def _start(self, job: Job) -> None:
        self._set(replace(job, state="starting", waits_for=""))

        def failed(error: UserError) -> None:
            self._tell(job.id, failure(error, job.id).model_copy(update={"time": time.time()}))

        if not isinstance(job.spec, TrainJob):
            self._follow_worker()
            self._background.run(lambda: self._worker.submit(job.spec), failed=failed, lane="worker")
            return
        training = job.spec
        self._background.run(
            lambda: self._launcher.start(training), lambda process: self._follow_run(job.id, process), failed, "jobs"
        )

    def _follow_run(self, job_id: str, process: RunProcess) -> None:
        self._processes[job_id] = process
        self._read(process.messages())
        for command in self._unsent.pop(job_id, ()):
            self._send(job_id, command)

    def _follow_worker(self) -> None:
        if not self._worker_followed:
            self._worker_followed = True
            self._read(self._worker.messages())

    def _read(self, messages: Iterator[Message]) -> None:
        if self.follow is None:
            raise RuntimeError("Nobody reads the messages of jobs: JobQueue.follow is not set.")
        self.follow(messages, self.handle)

    def _send(self, job_id: str, command: Command) -> None:
        process = self._processes.get(job_id)
        if process is not None:
            self._background.run(lambda: process.send(command), lane="jobs")
        elif self._live(job_id):  # its process is being started
            self._unsent.setdefault(job_id, []).append(command)

    # -- answers -----------------------------------------------------------------------------------------

    def _on_kept_catalogue(self, kept: Catalogue | None) -> None:
        if kept is not None:
            self._set_catalogue(kept)
            return
        self._enqueue(CatalogueJob(job_id=new_job_id(), output=catalogue_file()), "")

    def _on_made_catalogue(self, made: Catalogue | None) -> None:
        if made is not None:
            self._set_catalogue(made)

    def _set_catalogue(self, catalogue: Catalogue) -> None:
        self.catalogue = catalogue
        self.catalogue_changed.emit()

    def _on_runs(self, folder: Path | None, found: tuple[list[Run], list[UserError]]) -> None:
        project = self._project()
        if folder is not None and (project is None or project.runs_folder != folder):
            return  # another project was opened meanwhile
        self.runs = tuple(found[0])
        for run in self.runs:
            self.curves.name_run(run.id, run.name)
            if run.active and not self._live(run.id):
                self._attach(run)
        self.runs_changed.emit()

    def _attach(self, run: Run) -> None:
        self._jobs[run.id] = Job(run.id, run.name, run.job, state="starting", created=time.time())
        self.curves.load(run.id, ())
        self._follow_run(run.id, self._launcher.attach(run.folder))
        self.curves.show([run.id])
        self.changed.emit(run.id)

    def _check_writable(self) -> None:
        project = self._project()
        if project is not None:
            project.check_writable()

    def _live(self, run_id: str) -> bool:
        job = self._jobs.get(run_id)
        return job is not None and not job.ended

    def _all(self) -> list[Job]:
        return list(self._jobs.values())

    def _set(self, job: Job) -> None:
        self._jobs[job.id] = job
        self.changed.emit(job.id)

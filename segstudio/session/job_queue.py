"""The background jobs of this sitting: queued, running, done; one heavy job at a time on a device."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.jobs.catalogue import Catalogue
from segstudio.jobs.failures import failure
from segstudio.jobs.messages import Artifact, Failed, Finished, Message, Metric
from segstudio.jobs.run_folder import Command
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import (
    AugmentJob,
    CatalogueJob,
    DecodeJob,
    EvaluateJob,
    ImportWeightsJob,
    InspectJob,
    JobSpec,
    PredictJob,
    RangeTestJob,
    SummaryJob,
    TrainJob,
    ValidateJob,
)
from segstudio.jobs.warm_worker import WarmWorker
from segstudio.jobs.worker_log import worker_log
from segstudio.session.background import Background
from segstudio.session.curves import Curves
from segstudio.session.job import BUSY, Job
from segstudio.session.job_list import ENDED_KEPT, JobList
from segstudio.session.known_catalogue import KnownCatalogue
from segstudio.session.training_processes import Launcher, TrainingProcesses

Handle = Callable[[Message], None]
Follow = Callable[[Iterator[Message], Handle], None]
"""Reads messages on a thread of its own and hands each to the main thread."""


class JobQueue(JobList):
    """Starts jobs, follows them, and tells about them.

    Parameters
    ----------
    background
        Runs what touches the disk.
    worker, launcher
        Where short jobs and trainings run.
    """

    message = Signal(str, object)
    """Job id and `Message`, as it came."""
    catalogue_changed = Signal()

    def __init__(
        self,
        background: Background,
        worker: WarmWorker | None = None,
        launcher: Launcher = RunProcess,
    ) -> None:
        super().__init__()
        self.follow: Follow | None = None
        self.curves = Curves()
        self.offers = KnownCatalogue(background, lambda spec: self._enqueue(spec, ""), self._makes_catalogue)
        self.offers.changed.connect(lambda: self.catalogue_changed.emit())
        self.trainings = TrainingProcesses(background, launcher)
        """The processes of trainings; one that only waits has none and is forgotten with the window."""
        self._background = background
        self._worker = worker or WarmWorker(worker_log())
        self._worker_followed = False
        self._resume_wanted: list[str] = []
        self._next_decode: dict[str, DecodeJob] = {}
        self._closed = False

    @property
    def catalogue(self) -> Catalogue | None:
        """What the engine offers; ``None`` while it is not known."""
        return self.offers.catalogue

    def start_training(self, spec: TrainJob) -> str:
        """Train as soon as the device is free; return the job's id."""
        self.curves.name_run(spec.job_id, spec.name)
        self.curves.show([spec.job_id])
        return self._enqueue(spec, spec.name)

    def attach(self, training: TrainJob, folder: Path) -> None:
        """Follow a training that runs already in `folder`, and plot its curves."""
        job_id = training.job_id
        here = training.model_copy(update={"run_folder": folder})  # the job's own word is older than a moved project
        self._jobs[job_id] = Job(job_id, training.name, here, state="starting", created=time.time(), outlived=True)
        self.curves.load(job_id, ())
        self.trainings.attach(job_id, folder, self._read)
        self.curves.show([job_id])
        self.changed.emit(job_id)

    def predict(self, spec: PredictJob, title: str) -> str:
        """Predict as soon as the device is free; return the job's id."""
        return self._enqueue(spec, title)

    def evaluate(self, spec: EvaluateJob, title: str) -> str:
        """Score a model on labelled images as soon as the device is free; return the job's id."""
        return self._enqueue(spec, title)

    def import_weights(self, spec: ImportWeightsJob, title: str) -> str:
        """Make a model of foreign weights; return the job's id."""
        return self._enqueue(spec, title)

    def range_test(self, spec: RangeTestJob, title: str) -> str:
        """Try learning rates as soon as the device is free; return the job's id."""
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

    def look_at(self, spec: SummaryJob | InspectJob | AugmentJob) -> str:
        """Find out about a network, or how its patches look; return the job's id.

        The answer is a file or folder that an `Artifact` of this job names.
        """
        return self._enqueue(spec, "")

    def want_catalogue(self, *, make: bool = True) -> None:
        """Load what the engine offers; `catalogue_changed` tells when it is there.

        Parameters
        ----------
        make
            Let the worker make it when none is kept on the disk.
        """
        self.offers.want(make=make)

    def _makes_catalogue(self) -> bool:
        return any(isinstance(job.spec, CatalogueJob) and not job.ended for job in self._all())

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
        self.trainings.kill(job_id)

    def forget(self, job_id: str) -> None:
        """Drop a training that is over from jobs and curves."""
        self.curves.forget(job_id)
        self._drop(job_id)

    def close(self) -> None:
        """End the threads that read messages, and the worker of short jobs."""
        self._closed = True
        self.trainings.close()
        self._worker.stop()

    def stop_predictions(self) -> None:
        """Stop the predictions of a project that closes: nobody would note any more which images have one."""
        for job in self.active:
            if isinstance(job.spec, PredictJob):
                self.stop(job.id)

    def handle(self, message: Message) -> None:
        """Take one message of a job, on the main thread."""
        job = self._jobs.get(message.job_id)
        if job is None or self._closed:
            return
        if isinstance(message, Metric) and isinstance(job.spec, TrainJob):
            self.curves.add(job.id, message)
        self._tell(job.id, message)

    def _tell(self, job_id: str, message: Message) -> None:
        job = self._jobs[job_id].told(message)
        self._set(job)
        self.message.emit(job_id, message)
        if isinstance(message, Artifact) and message.role == "catalogue":
            self.offers.read(Path(message.path))
        if isinstance(message, Finished | Failed):
            self._on_end(job)
        elif job.state == "paused":
            self._advance()

    def _on_end(self, job: Job) -> None:
        if isinstance(job.spec, TrainJob):
            self.trainings.ended(job.id)
        self._put_last(job)
        if isinstance(job.spec, DecodeJob):
            following = self._next_decode.pop(job.spec.image_id, None)
            if following is not None:
                self.decode(following)
        self._forget_oldest()
        self._advance()

    def _forget_oldest(self) -> None:
        """Forget who ended long ago; curves in sight stay, and a run has its own in its folder."""
        for job in [job for job in self._all() if job.ended][:-ENDED_KEPT]:
            if job.id not in self.curves.shown:
                self.curves.forget(job.id)
            self._drop(job.id)

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
        self.trainings.start(job.spec, self._read, failed)

    def _follow_worker(self) -> None:
        if not self._worker_followed:
            self._worker_followed = True
            self._read(self._worker.messages())

    def _read(self, messages: Iterator[Message]) -> None:
        if self.follow is None:
            raise RuntimeError("Nobody reads the messages of jobs: JobQueue.follow is not set.")
        self.follow(messages, self.handle)

    def _send(self, job_id: str, command: Command) -> None:
        if self.live(job_id):
            self.trainings.send(job_id, command)

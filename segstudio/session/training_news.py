"""What the user is told when a training ends: ready, ready but useless, or failed."""

from collections.abc import Callable

from segstudio.jobs.messages import Message, Metric, Started
from segstudio.jobs.spec import TrainJob
from segstudio.session.bake_off_result import NOTHING_FOUND
from segstudio.session.chosen_model import ChosenModel
from segstudio.session.job import Job
from segstudio.session.job_queue import JobQueue
from segstudio.session.notice import Notice
from segstudio.session.project_bake_off import ProjectBakeOff
from segstudio.session.project_runs import ProjectRuns


class TrainingNews:
    """Turns the ends of trainings into notices.

    Parameters
    ----------
    jobs
        Whose messages tell which trainings go on from where they were.
    models
        Knows whether a new model is the one that predicts from now on.
    tell
        Takes each `Notice`.
    """

    def __init__(
        self,
        runs: ProjectRuns,
        jobs: JobQueue,
        bake_off: ProjectBakeOff,
        models: ChosenModel,
        tell: Callable[[Notice], None],
    ) -> None:
        self._runs, self._jobs, self._bake_off, self._models, self._tell = runs, jobs, bake_off, models, tell
        self._steps: dict[str, int] = {}
        """How many steps the trainings that go on had made before."""
        jobs.message.connect(self._on_message)
        runs.ready.connect(self._on_model_ready)
        runs.makes_images.connect(self._on_image_maker_ready)
        runs.failed.connect(self._on_failed)

    def _on_message(self, job_id: str, message: Message) -> None:
        job, run = self._jobs.job(job_id), self._runs.run(job_id)
        if not isinstance(message, Started) or job is None or not isinstance(job.spec, TrainJob):
            return
        self._steps.pop(job_id, None)
        if job.spec.resume and run is not None and run.has_model:
            self._steps[job_id] = max((said.step for said in run.events if isinstance(said, Metric)), default=0)

    def _on_model_ready(self, job: Job, f1: float) -> None:
        if self._bake_off.trains(job.id):
            return  # one of several; the result is told at the end
        more = job.metric.step - self._steps[job.id] if job.metric is not None and job.id in self._steps else 0
        if more > 0 and job.best is None and f1 >= NOTHING_FOUND:
            what = f"{job.title}: {more} more step{'' if more == 1 else 's'}, and no better than before: F1 {f1:.2f}."
            self._tell(Notice(what, "The model stays as it was. More labels may help more than more time."))
            return
        if f1 < NOTHING_FOUND:
            what = f"{job.title} is trained, but finds nothing yet: F1 {f1:.2f}."
            self._tell(Notice(what, "The step Train says what may help.", "warning"))
            return
        hint = "Press Ctrl+P to let it find the cells of this image."
        self._tell(Notice(f"{job.title} is ready: F1 {f1:.2f}.", self._how_to_use(job, hint), "good"))

    def _on_image_maker_ready(self, job: Job, psnr: float) -> None:
        hint = "Press Ctrl+P to let it make an image of this one."
        self._tell(Notice(f"{job.title} is ready: PSNR {psnr:.1f} dB.", self._how_to_use(job, hint), "good"))

    def _how_to_use(self, job: Job, hint: str) -> str:
        """Return `hint`, or why another model predicts still, or which project to open first."""
        chosen = self._models.run
        if job.folder is not None and not self._runs.owns(job):
            return f"It belongs to the project {job.folder.parents[1].name}: open that to use it."
        if chosen is not None and self._models.stays(job.id):
            return f"{chosen.name} stays the model that predicts, as you chose; Predict has the list of all."
        if chosen is not None and chosen.id != job.id and self._models.is_reviewed:
            return f"It predicts from when you have accepted or rejected what {chosen.name} proposes in this image."
        return hint

    def _on_failed(self, title: str, message: str, hint: str) -> None:
        self._tell(Notice(f"{title} failed. {message}", hint, "error", about=title))

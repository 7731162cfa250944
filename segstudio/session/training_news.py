"""What the user is told when a training ends: ready, ready but useless, or failed."""

from collections.abc import Callable

from segstudio.session.bake_off_result import NOTHING_FOUND
from segstudio.session.job import Job
from segstudio.session.notice import Notice
from segstudio.session.project_bake_off import ProjectBakeOff
from segstudio.session.project_runs import ProjectRuns


class TrainingNews:
    """Turns the ends of trainings into notices.

    Parameters
    ----------
    tell
        Takes each `Notice`.
    """

    def __init__(self, runs: ProjectRuns, bake_off: ProjectBakeOff, tell: Callable[[Notice], None]) -> None:
        self._runs, self._bake_off, self._tell = runs, bake_off, tell
        runs.ready.connect(self._on_model_ready)
        runs.makes_images.connect(self._on_image_maker_ready)
        runs.failed.connect(self._on_failed)

    def _on_model_ready(self, job: Job, f1: float) -> None:
        if self._bake_off.trains(job.id):
            return  # one of several; the result is told at the end
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
        """Return `hint`, or which project to open first."""
        if self._runs.owns(job) or job.folder is None:
            return hint
        return f"It belongs to the project {job.folder.parents[1].name}: open that to use it."

    def _on_failed(self, title: str, message: str, hint: str) -> None:
        self._tell(Notice(f"{title} failed. {message}", hint, "error", about=title))

"""Weights of another program become a model of the project: made by the engine, then copied like any other model."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.jobs.messages import Artifact, Failed, Finished, Message
from segstudio.jobs.spec import ImportWeightsJob
from segstudio.session.background import Background
from segstudio.session.job import new_job_id
from segstudio.session.job_queue import JobQueue
from segstudio.session.job_specs import TrainingWish, project_classes
from segstudio.session.notice import Notice
from segstudio.session.project_runs import ProjectRuns

if TYPE_CHECKING:
    from segstudio.project.project import Project

#: What such notices are about.
WEIGHTS = "weights"


class WeightsTaking:
    """Takes weights from files, one after the other.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    jobs
        Where the model is made.
    runs
        Gets the model.
    background
        Does the rest.
    """

    noticed = Signal(object)
    """A `Notice`."""
    taken = Signal(str)
    """Id of the run that the weights have become; it is in the list of runs."""

    def __init__(
        self, project: "Callable[[], Project | None]", jobs: JobQueue, runs: ProjectRuns, background: Background
    ) -> None:
        self._project, self._jobs, self._runs, self._background = project, jobs, runs, background
        self._making: dict[str, tuple[Project, TemporaryDirectory[str]]] = {}
        self._made: dict[str, Artifact] = {}
        jobs.message.connect(self._on_message)

    def take(self, weights: Path, wish: TrainingWish, channels: int) -> None:
        """Make a model of a file for the network and the objects of `wish`; `taken` tells when it is there.

        Parameters
        ----------
        channels
            Channels of the images; 0 when not known.

        Raises
        ------
        UserError
            The project is open for reading only.
        """
        project = self._project()
        if project is None:
            return
        project.check_writable()

        def begin(folder: TemporaryDirectory[str]) -> None:
            job = ImportWeightsJob(
                job_id=new_job_id(),
                weights=weights,
                output=Path(folder.name) / "model",
                name=weights.stem[:300],
                formulation=wish.formulation,
                architecture=wish.architecture,
                channels=channels or 1,
                classes=project_classes(project),
            )
            self._making[job.job_id] = project, folder
            self._jobs.import_weights(job, f"Weights of {weights.name}")

        self._background.run(lambda: TemporaryDirectory(prefix="segstudio-"), begin)

    def _on_message(self, job_id: str, message: Message) -> None:
        if job_id not in self._making:
            return
        if isinstance(message, Artifact):
            self._made[job_id] = message
        elif isinstance(message, Failed):
            self.noticed.emit(Notice(message.message, message.hint, "error", about=WEIGHTS))
            self._tidy(job_id)
        elif isinstance(message, Finished):
            made, (project, _) = self._made.pop(job_id, None), self._making[job_id]
            if made is None or project is not self._project():
                self._tidy(job_id)  # stopped, or another project was opened meanwhile
                return
            self._copy(job_id, made, int(message.summary.get("tensors", 0)))

    def _copy(self, job_id: str, made: Artifact, tensors: int) -> None:
        def copied(run_id: str, _added: tuple[str, ...]) -> None:
            self._tidy(job_id)
            run = self._runs.run(run_id)
            if run is not None:
                unlearned = str(made.details.get("unlearned", ""))
                rest = f" {unlearned[:1].upper()}{unlearned[1:]} begins with random weights." if unlearned else ""
                what = "1 tensor was" if tensors == 1 else f"{tensors:,} tensors were"
                says = f"{what} taken as the model {run.name}.{rest}"
                self.noticed.emit(Notice(says, "The next training starts from it.", "good", about=WEIGHTS))
                self.taken.emit(run_id)

        def refused(error: UserError) -> None:
            self._tidy(job_id)
            self.noticed.emit(Notice(error.message, error.hint, "error", about=WEIGHTS))

        self._runs.import_model(Path(made.path), copied, refused)

    def _tidy(self, job_id: str) -> None:
        _, folder = self._making.pop(job_id)
        self._made.pop(job_id, None)
        self._background.run(folder.cleanup)

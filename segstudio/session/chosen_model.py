"""The model that predicts: the one that the user chose last, the newest where nobody chose."""

import time

from psygnal import Signal

from segstudio.jobs.spec import TrainJob
from segstudio.session.job_queue import JobQueue
from segstudio.session.project_bake_off import ProjectBakeOff
from segstudio.session.project_runs import ProjectRuns
from segstudio.session.review import Review
from segstudio.session.runs import Run


class ChosenModel:
    """Follows the newest model until the user chooses one, which then stays.

    A training that the user begins after choosing says that its model is wanted: that one follows again. Candidates of
    a comparison do not: their table asks which one to take. Nor does a model change under somebody who is stepping
    through its proposals: the new one waits for the end of that.

    Parameters
    ----------
    runs, jobs, bake_off
        Which models there are, which were trained in this sitting, and which of them as candidates.
    review
        The proposals that are looked at.
    """

    changed = Signal()
    """Another model is chosen, or there is news of the trainings."""

    def __init__(self, runs: ProjectRuns, jobs: JobQueue, bake_off: ProjectBakeOff, review: Review) -> None:
        self.run_id = ""
        """Empty while there is no model."""
        self.chosen_at = 0.0
        """When the user chose, seconds since the epoch."""
        self._runs, self._jobs, self._bake_off, self._review = runs, jobs, bake_off, review
        self._known: frozenset[str] = frozenset()
        self._by_user = False
        self._begun: frozenset[str] = frozenset()
        self._waiting = ""
        runs.changed.connect(self._follow)
        review.changed.connect(lambda _window: self._relieve())

    @property
    def wish(self) -> str:
        """The run that the user chose; empty when nobody did."""
        return self.run_id if self._by_user else ""

    @property
    def run(self) -> Run | None:
        """The training that made it; ``None`` while there is no model."""
        return self._runs.run(self.run_id)

    def choose(self, run_id: str, at: float | None = None) -> None:
        """Predict with the model of this run, as the user says, or said in an earlier sitting `at` that time."""
        self.run_id, self._by_user, self._waiting = run_id, True, ""
        self.chosen_at = time.time() if at is None else at
        self._begun = frozenset(run.id for run in self._runs.all) | {
            job.id for job in self._jobs.jobs if job.created <= self.chosen_at
        }
        self.changed.emit()

    def stays(self, new: str) -> bool:
        """Return whether what the user chose stays when the run `new` has made a model."""
        if not self._by_user or self.run_id == new:
            return False
        job, record = self._jobs.job(new), self._bake_off.record
        trained = job is not None and isinstance(job.spec, TrainJob) and new not in self._begun
        if job is not None and job.outlived:  # found when its run was listed, which may be after the user chose
            run = self._runs.run(new)
            trained = trained and run is not None and run.begun > self.chosen_at
        return not trained or (record is not None and record.row(new) is not None)

    @property
    def is_reviewed(self) -> bool:
        """Whether the user is just stepping through proposals of this model."""
        run, prediction = self.run, self._review.prediction
        mine = run is not None and prediction is not None and prediction.run == run.folder.name
        return mine and self._review.pending_count > 0

    def _follow(self) -> None:
        models = [run.id for run in self._runs.all if run.predicts]  # the newest comes first
        known = self._known | {self.run_id}  # what is chosen is not news: when it is listed first, nobody chooses anew
        fresh = next((run_id for run_id in models if run_id not in known and not self.stays(run_id)), "")
        self._known = frozenset(models)
        if self.run_id not in self._known:
            self.run_id, self._by_user, self._waiting = fresh or next(iter(models), ""), False, ""
        elif fresh and self.is_reviewed:
            self._waiting = fresh
        elif fresh:
            self.run_id, self._by_user, self._waiting = fresh, False, ""
        self.changed.emit()

    def _relieve(self) -> None:
        """Take the model that waited, once the proposals of the one before are decided about or out of sight."""
        if not self._waiting or self.is_reviewed:
            return
        new, self._waiting = self._waiting, ""
        if new in self._known:
            self.run_id, self._by_user = new, False
            self.changed.emit()

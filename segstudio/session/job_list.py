"""The jobs of this sitting as they are known: those that go on, and the last ones that are over."""

from typing import Final

from psygnal import Signal

from segstudio.jobs.spec import AugmentJob, CatalogueJob, DecodeJob, InspectJob, SummaryJob, ValidateJob
from segstudio.session.job import Job

#: Jobs that no user would know about: they are forgotten with their answer.
Silent = ValidateJob | DecodeJob | SummaryJob | InspectJob | AugmentJob
#: So many jobs that are over stay in the list; a window that is open for days would only grow.
ENDED_KEPT: Final = 50


class JobList:
    """What can be asked about jobs."""

    changed = Signal(str)
    """Id of a job that is new, of which something is, or that is no more."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}

    @property
    def jobs(self) -> list[Job]:
        """Jobs of this sitting that a user would know about, the newest first; of those that are over the last ones."""
        known = (job for job in self._jobs.values() if not isinstance(job.spec, CatalogueJob | Silent))
        return sorted(known, key=lambda job: job.created, reverse=True)

    def job(self, job_id: str) -> Job | None:
        """Return one job."""
        return self._jobs.get(job_id)

    def live(self, job_id: str) -> bool:
        """Return whether a job is not over."""
        job = self._jobs.get(job_id)
        return job is not None and not job.ended

    @property
    def active(self) -> list[Job]:
        """Jobs that are not over, the newest first."""
        return [job for job in self.jobs if not job.ended]

    @property
    def device_name(self) -> str:
        """Name of the device that works, or worked last; empty before the first job."""
        named = [job for job in self.jobs if job.device_name]
        return next((job.device_name for job in named if not job.ended), named[0].device_name if named else "")

    def summary(self) -> tuple[str, float | None]:
        """Return one line about the job that runs, and how much of it is done (0..1, ``None`` when unknown)."""
        job = next((job for job in self.active if job.state != "queued"), None)
        return job.summary() if job is not None else ("", None)

    def _all(self) -> list[Job]:
        return list(self._jobs.values())

    def _set(self, job: Job) -> None:
        self._jobs[job.id] = job
        self.changed.emit(job.id)

    def _drop(self, job_id: str) -> None:
        if self._jobs.pop(job_id, None) is not None:
            self.changed.emit(job_id)

    def _put_last(self, job: Job) -> None:
        """Put a job that is over behind those that ended before; nobody would ask for a silent one any more."""
        known = self._jobs.pop(job.id, None)
        if known is not None and not isinstance(job.spec, Silent):
            self._jobs[job.id] = known

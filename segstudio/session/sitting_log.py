"""What happened in a sitting, in short lines of the log: projects, images and jobs; no data of images."""

import logging

from segstudio.jobs.spec import AugmentJob, DecodeJob, InspectJob, SummaryJob, ValidateJob
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.session.job import Job, State
from segstudio.session.session import Session

log = logging.getLogger("segstudio")


class SittingLog:
    """Notes what `session` tells, as long as that lives."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._project = ""
        self._states: dict[str, State] = {}
        session.project_changed.connect(self._on_project)
        session.door.refused.connect(self._on_refused)
        session.document_changed.connect(self._on_document)
        session.jobs.changed.connect(self._on_job)

    def _on_project(self, project: Project | None) -> None:
        if self._project:
            log.info("Project closed: %s", self._project)
        self._project = project.folder.name if project is not None else ""
        if project is not None:
            how = ", for reading only" if project.read_only else ""
            log.info("Project opened: %s, %d images%s", self._project, len(project.images), how)

    def _on_refused(self, folder: object, error: Exception) -> None:
        log.warning("Project not opened for writing: %s. %s", getattr(folder, "name", folder), error)

    def _on_document(self, document: ImageDocument | None) -> None:
        if document is not None:
            entry = document.entry
            log.info("Image opened: %s, %d x %d pixels", entry.name, entry.width, entry.height)

    def _on_job(self, job_id: str) -> None:
        job = self._session.jobs.job(job_id)
        before = self._states.pop(job_id, None)
        if job is None:
            return
        if not job.ended:
            self._states[job_id] = job.state
        # Validating a form or decoding for a slider comes with each of their changes: only failures are worth a line.
        quiet = isinstance(job.spec, ValidateJob | DecodeJob | SummaryJob | InspectJob | AugmentJob)
        if job.state != before and (not quiet or job.error is not None):
            log.log(logging.ERROR if job.error is not None else logging.INFO, "%s", _line(job))


def _line(job: Job) -> str:
    said = f"Job {job.spec.kind} {job.title or job.id}: {job.state}"
    if job.error is not None:
        return " ".join(f"{said} ({job.error.code}). {job.error.message} {job.error.hint}".split())
    return f"{said} on {job.device_name}" if job.device_name and job.state == "running" else said

"""The bake-offs of the open project: begun from what the Train form says, found again when the project is opened."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.io.disk import DiskError
from segstudio.jobs.spec import ClassSpec, TrainJob
from segstudio.project.samples import labelled_samples, refuse_changed_images
from segstudio.session.background import Background
from segstudio.session.bake_off import BakeOff
from segstudio.session.bake_off_candidates import Candidate
from segstudio.session.bake_off_labels import (
    copied,
    labels_folder,
    remove_abandoned,
    remove_copies,
    remove_unneeded,
)
from segstudio.session.bake_off_record import (
    OVER,
    Record,
    all_records,
    new_record,
    newest_record,
    read_record,
    record_path,
    training_job,
    write_record,
)
from segstudio.session.bake_off_result import finds_anything, standings, verdict
from segstudio.session.job import new_job_id
from segstudio.session.job_queue import JobQueue
from segstudio.session.job_specs import TrainingWish, all_saved_first
from segstudio.session.notice import Level, Notice

if TYPE_CHECKING:
    from segstudio.project.project import Project

#: Where the user finds the table, and what notices are about.
_WHERE, _ABOUT = "Train › Compare networks…", "bake-off"


@dataclass(frozen=True)
class BakeOffWish:
    """What the user wants compared.

    Attributes
    ----------
    like
        The form of an ordinary training: its settings and device hold for all candidates.
    minutes
        For each candidate.
    """

    candidates: tuple[Candidate, ...]
    minutes: float
    like: TrainingWish


class ProjectBakeOff:
    """At most one bake-off of the project runs; the newest one stays in sight.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    """

    noticed = Signal(object)
    """A `Notice`: one was found that has stopped, or ended."""

    def __init__(self, project: "Callable[[], Project | None]", jobs: JobQueue, background: Background) -> None:
        self.runner = BakeOff(jobs, background)
        self.runner.ended.connect(self._on_ended)
        self._project = project
        self._background = background

    @property
    def record(self) -> Record | None:
        """The newest bake-off, running or not."""
        return self.runner.record

    def job(self, run: str) -> TrainJob | None:
        """Return the training of a candidate as it was asked for: what is automatic stands as automatic in it."""
        row = self.record.row(run) if self.record is not None else None
        return None if row is None or self.record is None else training_job(self.record, row, self.runner.base)

    def trains(self, job_id: str) -> bool:
        """Return whether this training is the candidate at work."""
        row = self.runner.current
        return row is not None and row.run == job_id

    def project_opened(self) -> None:
        """Find the newest bake-off of the project that was opened, and go on when its training did."""
        self.runner.leave()
        project = self._project()
        if project is None:
            return
        base, now = project.runs_folder, new_job_id()

        def read() -> tuple[Path, Record] | None:
            if not project.read_only:
                remove_unneeded(base)
                remove_abandoned(base, now)
            path = newest_record(base)
            return None if path is None else (path, read_record(path))

        def take(found: tuple[Path, Record] | None) -> None:
            if found is None or project is not self._project() or self.runner.record is not None:
                return
            self.runner.show(*found)
            if found[1].over or project.read_only:
                return
            self.runner.go_on_if_it_did(otherwise=lambda: self._say_interrupted(found[1]))

        self._background.run(read, take, lane="jobs")

    def start(self, wish: BakeOffWish, then: Callable[[], None], failed: Callable[[UserError], None]) -> None:
        """Begin a bake-off on what is labelled now, as soon as every label is in its file.

        The labels are copied: who goes on labelling meanwhile changes nothing for the later candidates.
        """
        project = self._project()
        if project is None:
            return

        def work() -> tuple[Path, Record]:
            project.check_writable()
            return _begun(project, wish)

        def begin(made: tuple[Path, Record]) -> None:
            if project is not self._project():
                return  # closed meanwhile
            try:
                self.runner.begin(*made)
            except UserError as error:
                self._background.run(lambda: _taken_back(*made), lane="bake-off")
                failed(error)
            else:
                then()

        self._background.run(all_saved_first(project, work), begin, failed)

    def _say_interrupted(self, record: Record) -> None:
        over = sum(row.state in OVER for row in record.rows)
        says = f"{record.name} was stopped after {over} of {len(record.rows)} candidates."
        self.noticed.emit(Notice(says, f"{_WHERE} goes on with it.", about=_ABOUT))

    def _on_ended(self) -> None:
        base = self.runner.base
        self._background.run(lambda: remove_unneeded(base), lane="bake-off")  # after the record was written there
        if self.record is not None:
            level: Level = "good" if finds_anything(standings(self.record)) else "warning"
            self.noticed.emit(Notice(verdict(self.record), f"{_WHERE} shows the table.", level, about=_ABOUT))


def _begun(project: "Project", wish: BakeOffWish) -> tuple[Path, Record]:
    base, record_id = project.runs_folder, new_job_id()
    samples = labelled_samples(project)
    refuse_changed_images(project, samples)
    classes = tuple(ClassSpec(id=item.id, name=item.name) for item in project.classes.classes)
    number = 1 + len(all_records(base))
    record = new_record(
        f"Comparison {number}",
        [(candidate, new_job_id()) for candidate in wish.candidates],
        (samples, classes),
        wish.like.config,
        wish.minutes,
        wish.like.device,
    )
    path = record_path(base, record_id)
    folder = labels_folder(path)
    record = record.model_copy(update={"samples": copied(record.samples, folder), "created": time.time()})
    try:
        write_record(path, record)
    except DiskError:
        remove_copies(record, folder)
        raise
    return path, record


def _taken_back(path: Path, record: Record) -> None:
    """Remove a bake-off of which nothing was begun: it would be taken for the newest one."""
    remove_copies(record, labels_folder(path))
    path.unlink(missing_ok=True)

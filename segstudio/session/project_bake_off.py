"""The bake-offs of the open project: begun from what the Train form says, found again when the project is opened."""

import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.io.atomic import make_folders
from segstudio.io.disk import disk_errors
from segstudio.jobs.spec import ClassSpec, SampleRecord, TrainJob
from segstudio.project.samples import labelled_samples
from segstudio.session.background import Background
from segstudio.session.bake_off import BakeOff
from segstudio.session.bake_off_candidates import Candidate
from segstudio.session.bake_off_record import (
    OVER,
    Record,
    new_record,
    newest_record,
    read_record,
    record_path,
    training_job,
    write_record,
)
from segstudio.session.bake_off_result import verdict
from segstudio.session.job import new_job_id
from segstudio.session.job_queue import JobQueue
from segstudio.session.job_specs import TrainingWish, all_saved_first
from segstudio.session.notice import Notice

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
        base = project.runs_folder

        def read() -> tuple[Path, Record] | None:
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
                failed(error)
            else:
                then()

        self._background.run(all_saved_first(project, work), begin, failed)

    def _say_interrupted(self, record: Record) -> None:
        over = sum(row.state in OVER for row in record.rows)
        says = f"{record.name} was stopped after {over} of {len(record.rows)} candidates."
        self.noticed.emit(Notice(says, f"{_WHERE} goes on with it.", about=_ABOUT))

    def _on_ended(self) -> None:
        if self.record is not None:
            self.noticed.emit(Notice(verdict(self.record), f"{_WHERE} shows the table.", "good", about=_ABOUT))


def _begun(project: "Project", wish: BakeOffWish) -> tuple[Path, Record]:
    base, record_id = project.runs_folder, new_job_id()
    samples = labelled_samples(project)
    classes = tuple(ClassSpec(id=item.id, name=item.name) for item in project.classes.classes)
    number = 1 + sum(1 for _ in base.glob(record_path(Path(), "*").name))
    record = new_record(
        f"Comparison {number}",
        [(candidate, new_job_id()) for candidate in wish.candidates],
        (samples, classes),
        wish.like.config,
        wish.minutes,
        wish.like.device,
    )
    path = record_path(base, record_id)
    kept = _copied(record.samples, base / f"{record_id}.labels")
    record = record.model_copy(update={"samples": kept, "created": time.time()})
    write_record(path, record)
    return path, record


def _copied(samples: Sequence[SampleRecord], folder: Path) -> tuple[SampleRecord, ...]:
    """Return the samples with copies of their label files in `folder`."""
    make_folders(folder)
    made = []
    for number, sample in enumerate(samples):
        copies: dict[str, Path] = {}
        for kind, path in (("labels", sample.labels), ("regions", sample.regions)):
            if path is not None:
                copies[kind] = folder / f"{number:04d}-{kind}{path.suffix}"
                with disk_errors(copies[kind], "saved"):
                    shutil.copyfile(path, copies[kind])
        made.append(sample.model_copy(update=copies))
    return tuple(made)

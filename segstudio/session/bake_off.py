"""A bake-off runs: one candidate after the other is trained and scored, and the record says at any time how far it is.

Each training is an ordinary job of the queue, so it is listed, paused and stopped like any other. Whoever finds the
record later, after the window was closed or the computer went down, goes on where it stopped.
"""

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from psygnal import Signal

from segstudio.core.errors import BadModel, WrongUsage
from segstudio.jobs.evaluation import REPORT_NAME, Evaluation, read_evaluation
from segstudio.jobs.events_file import messages_in
from segstudio.jobs.messages import Artifact, Failed, Finished, Message, Metric
from segstudio.jobs.run_folder import RunFolder, RunStatus
from segstudio.jobs.spec import EvaluateJob
from segstudio.session.background import Background
from segstudio.session.bake_off_record import Record, Row, scoring_job, training_job, write_record
from segstudio.session.job import new_job_id
from segstudio.session.job_queue import JobQueue

T = TypeVar("T")
#: A candidate whose process has vanished without a word so often, and us with it, is given up.
_MOST_CRASHES = 3
#: Codes of failures that are no fault of the candidate: who held its process went away.
_INTERRUPTED = frozenset({"interrupted", "window-gone"})
#: States of a run that somebody trains, or has trained to its end without us.
_WENT_ON: frozenset[RunStatus] = frozenset({"running", "paused", "done"})


class BakeOff:
    """Runs one record.

    Parameters
    ----------
    jobs
        Where candidates are trained and scored.
    background
        Reads and writes the files.
    """

    changed = Signal()
    """The record, or whether it runs, is another."""
    ended = Signal()
    """All candidates are over."""

    def __init__(self, jobs: JobQueue, background: Background) -> None:
        self.record: Record | None = None
        self.path: Path | None = None
        self.running = False
        self._jobs = jobs
        self._background = background
        self._scoring = ""
        self._halting = False
        jobs.message.connect(self._on_message)

    @property
    def base(self) -> Path:
        """Folder of the runs; the record lies in it."""
        if self.path is None:
            raise ValueError("There is no record yet.")
        return self.path.parent

    @property
    def current(self) -> Row | None:
        """The candidate at work; ``None`` while nothing runs."""
        return self.record.next_row if self.record is not None and self.running else None

    def begin(self, path: Path, record: Record) -> None:
        """Take `record`, to be kept at `path`, and start with its first open candidate.

        Raises
        ------
        WrongUsage
            Another one is running.
        """
        if self.running:
            raise WrongUsage("A comparison is running already.", hint="Wait for it, or stop it.", code="bake-off-busy")
        self.show(path, record)
        self.go_on()

    def show(self, path: Path | None, record: Record | None) -> None:
        """Take a record without starting anything; ``None`` forgets the one there is."""
        self.path, self.record, self.running, self._halting = path, record, False, False
        self.changed.emit()

    def go_on(self) -> None:
        """Go on with the first candidate that is not over."""
        if self.record is not None and not self.running and not self.record.over:
            self.running, self._halting = True, False
            self._save()
            self._advance()

    def go_on_if_it_did(self, otherwise: Callable[[], None]) -> None:
        """Go on when the candidate at work was trained on without us, because the window was closed over it.

        Parameters
        ----------
        otherwise
            Called when nothing went on.
        """
        row = self.record.next_row if self.record is not None else None
        if row is None or row.state != "training":
            otherwise()
        else:
            self._look(row, lambda found: self.go_on() if found.status in _WENT_ON else otherwise())

    def halt(self) -> None:
        """Stop comparing: the candidate at work stops at its checkpoint, from which `go_on` takes it up."""
        self._halting = True
        self.stop_current()

    def stop_current(self) -> None:
        """Stop the candidate at work: its best model so far is scored, and the next one begins."""
        row = self.current
        if row is not None:
            self._jobs.stop(self._scoring or row.run)

    def leave(self) -> None:
        """Forget the record: its project is closed. A training goes on, and is found when the project is opened."""
        if self._scoring:
            self._jobs.stop(self._scoring)
        self._scoring = ""
        self.show(None, None)

    def _advance(self) -> None:
        row = self.current
        if row is None or self._halting:
            self.running = False
            self.changed.emit()
            if self.record is not None and self.record.over:
                self.ended.emit()
        elif row.state == "scoring":
            self._score(row)
        else:
            self._look(row, lambda found: self._train(row, found))

    def _look(self, row: Row, then: "Callable[[_Found], None]") -> None:
        """Call `then` with what became of a candidate's training."""
        folder = RunFolder(self.base / row.run)
        self._read(lambda: _look_at(folder), then)

    def _read(self, work: Callable[[], T], then: Callable[[T], None]) -> None:
        """Do `work` on a thread, then ``then(result)``, unless the record is another one by then."""
        path = self.path

        def answer(result: T) -> None:
            if path == self.path and self.record is not None:
                then(result)

        self._background.run(work, answer, lane="jobs")

    def _train(self, row: Row, found: "_Found") -> None:
        if self.current != row or self.record is None:
            return
        crashes = row.crashes + found.crashed
        if found.status in ("running", "paused"):
            self._change(row, state="training")
            if not self._jobs.live(row.run):
                self._jobs.attach(training_job(self.record, row, self.base), self.base / row.run)
        elif found.status == "done":
            self._trained(row, stopped=False)
        elif found.status == "failed":
            self._fail_from_its_events(row)
        elif crashes >= _MOST_CRASHES:
            self._fail(row, f"Its process ended unexpectedly {crashes} times.", "The computer may lack memory for it.")
        else:  # new; or interrupted, or stopped together with us: it has the rest of its minutes
            self._change(row, state="training", crashes=crashes)
            shown = [other.run for other in self.record.rows if other.state != "waiting"]
            self._jobs.start_training(training_job(self.record, row, self.base, resume=found.status is not None))
            self._jobs.curves.show(shown)

    def _fail_from_its_events(self, row: Row) -> None:
        folder = RunFolder(self.base / row.run)

        def told(events: Iterable[Message]) -> None:
            failed = next((item for item in reversed(list(events)) if isinstance(item, Failed)), None)
            self._fail(row, failed.message if failed else "It failed.", failed.hint if failed else "")

        self._read(folder.events, told)

    def _trained(self, row: Row, *, stopped: bool) -> None:
        folder = RunFolder(self.base / row.run)

        def go(found: tuple[bool, float, int]) -> None:
            has_model, minutes, looks = found
            if not has_model:
                self._fail(row, "It was stopped before it had learned anything.", "Compare again to give it its time.")
                return
            self._change(row, state="scoring", stopped=stopped, minutes=minutes, looks=looks)
            self._advance()

        self._read(lambda: (folder.model.is_dir(), *_learned(folder)), go)

    def _score(self, row: Row) -> None:
        record, base = self.record, self.base
        if record is None:
            return
        report, job_id = base / row.run / REPORT_NAME, new_job_id()

        def work() -> Evaluation | EvaluateJob | BadModel:
            kept = read_evaluation(report)
            wanted = [sample.image_id for sample in record.validation]
            if kept is not None and [image.image_id for image in kept.images] == wanted:
                return kept
            try:
                return scoring_job(record, row, base, job_id)
            except BadModel as error:
                return error

        def go(found: Evaluation | EvaluateJob | BadModel) -> None:
            if self.current != row:
                return
            match found:
                case Evaluation():
                    self._scored(row, found)
                case EvaluateJob():
                    self._scoring = job_id
                    self._jobs.evaluate(found, f"Score {row.title}")
                case BadModel():
                    self._fail(row, found.message, found.hint)

        self._read(work, go)

    def _on_message(self, job_id: str, message: Message) -> None:
        row = self.current
        if row is None or not isinstance(message, Finished | Failed | Artifact):
            return
        if job_id == row.run and not isinstance(message, Artifact):
            self._on_training_end(row, message)
        elif job_id == self._scoring:
            self._on_scoring(row, message)

    def _on_training_end(self, row: Row, message: Finished | Failed) -> None:
        if self._halting or (isinstance(message, Failed) and message.code in _INTERRUPTED):
            self._halting = True
            self._advance()
        elif isinstance(message, Failed):
            self._fail(row, message.message, message.hint)
        else:
            self._trained(row, stopped=message.outcome == "stopped")

    def _on_scoring(self, row: Row, message: Finished | Failed | Artifact) -> None:
        if isinstance(message, Artifact):
            return
        self._scoring = ""
        if isinstance(message, Failed):
            self._fail(row, message.message, message.hint)
        elif message.outcome == "stopped":
            self._halting = True
            self._advance()
        else:
            report = self.base / row.run / REPORT_NAME
            self._read(lambda: read_evaluation(report), lambda read: self._scored(row, read))

    def _scored(self, row: Row, evaluation: Evaluation | None) -> None:
        if evaluation is None:
            self._fail(row, "Its score could not be read again.", "Look whether the disk is full, and compare again.")
            return
        self._change(row, state="done", evaluation=evaluation)
        self._advance()

    def _fail(self, row: Row, error: str, hint: str = "") -> None:
        self._change(row, state="failed", error=error, hint=hint)
        self._advance()

    def _change(self, row: Row, **values: object) -> None:
        if self.record is not None:
            self.record = self.record.changed(row.run, **values)
            self._save()
            self.changed.emit()

    def _save(self) -> None:
        path, record = self.path, self.record
        if path is not None and record is not None:
            self._background.run(lambda: write_record(path, record), lane="bake-off")


@dataclass(frozen=True, slots=True)
class _Found:
    """What became of a training: ``None`` when it has not begun; `crashed` when its process left without a word."""

    status: RunStatus | None
    crashed: bool = False


def _look_at(folder: RunFolder) -> _Found:
    if not folder.job_file.exists():
        return _Found(None)
    status, last = folder.status, deque(messages_in(folder.events_file), maxlen=1)
    said = any(isinstance(message, Failed) and message.code in _INTERRUPTED for message in last)
    return _Found(status, status == "died" and not said)


def _learned(folder: RunFolder) -> tuple[float, int]:
    """Return for how many minutes a run has learned, and how often it was validated meanwhile."""
    seconds, looks = 0.0, 0
    for message in messages_in(folder.events_file):
        if isinstance(message, Metric):
            seconds = max(seconds, message.elapsed_s)
            looks += any(name.startswith("val_") for name in message.values)
    return round(seconds / 60, 2), looks

"""A run is one folder: its job, environment, messages, commands, log, checkpoints and model."""

import json
import os
import shutil
import time
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from segstudio.config.problems import first_problem
from segstudio.core.errors import BadInput, WrongUsage
from segstudio.io.atomic import make_folders, remove_folders, write_atomic
from segstudio.io.disk import DiskError, disk_errors
from segstudio.io.json_file import limited_bytes
from segstudio.jobs import run_lock
from segstudio.jobs.environment import environment
from segstudio.jobs.events_file import messages_in
from segstudio.jobs.messages import Failed, Finished, Message, Started, to_line
from segstudio.jobs.moved import as_it_lies
from segstudio.jobs.process_note import ProcessNote
from segstudio.jobs.run_name import run_name
from segstudio.jobs.spec import TrainJob

RunStatus = Literal["waiting", "running", "paused", "done", "stopped", "failed", "died"]
Command = Literal["pause", "resume", "stop", "detach"]

#: A run on another computer counts as running while its messages are younger than this, seconds.
_FOREIGN_SILENCE = 600.0


class RunFolder:
    """The files of one run, training or trained. Nothing is cached: another process may write at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.job_file = path / "job.json"
        self.events_file = path / "events.jsonl"
        self.control_file = path / "control.jsonl"
        self.log_file = path / "log.txt"
        self.environment_file = path / "environment.json"
        self.process_file = path / "process.json"
        self.lock_file = path / "process.lock"
        self.checkpoints = path / "checkpoints"
        self.previews = path / "previews"
        self.model = path / "model"
        self._made: list[Path] = []

    @classmethod
    def create(cls, job: TrainJob) -> "RunFolder":
        """Write `job` into its folder, ready to run; a job that resumes keeps what is there.

        Raises
        ------
        WrongUsage
            The folder holds another run, or is not empty; or the run that should go on is being trained, or has a
            model but no checkpoint.
        DiskError
            It cannot be written. Nothing of a new run is left behind then.
        """
        run = cls(job.run_folder)
        if job.resume:
            run._refuse_when_busy()
            if run.model.exists() and not run.has_checkpoint:
                raise run.cannot_go_on()
        else:
            run.refuse_when_taken()
        run._made = made = make_folders(run.path)
        surroundings = json.dumps(environment(), indent=2).encode()
        try:
            if job.resume:
                write_atomic(run.environment_file, surroundings)
            else:
                run._claim(surroundings)
            run.control_file.unlink(missing_ok=True)
            write_atomic(run.job_file, job.model_dump_json(indent=2).encode())
        except DiskError:
            if not job.resume:  # what is left would count as another run
                run.environment_file.unlink(missing_ok=True)
                remove_folders(made)
            raise
        return run

    def refuse_when_taken(self) -> None:
        """Raise `WrongUsage` when a new run cannot be made here, because the folder is not empty."""
        if self.path.exists() and any(self.path.iterdir()):
            raise self._not_empty()

    def _claim(self, surroundings: bytes) -> None:
        """Make the first file: of two that start in one folder at the same moment, one gets it."""
        with disk_errors(self.environment_file, "saved"):
            try:
                with self.environment_file.open("xb") as file:
                    file.write(surroundings)
            except FileExistsError:
                raise self._not_empty() from None

    @property
    def name(self) -> str:
        """What the user calls it."""
        return run_name(self.path)

    @property
    def begun(self) -> float:
        """When the training began or went on the last time, seconds since the epoch; from the disk."""
        # Not the job file: renaming a run writes it anew.
        file = self.environment_file if self.environment_file.exists() else self.job_file
        return file.stat().st_mtime

    def job(self) -> TrainJob:
        """Read the job, with its files where they lie now; raise `BadInput` when the folder holds none."""
        try:
            return as_it_lies(TrainJob.model_validate_json(limited_bytes(self.job_file)), self.path.absolute())
        except (FileNotFoundError, NotADirectoryError):
            raise BadInput(
                f"The folder {self.path} holds no run.",
                hint="Choose a folder that a training wrote.",
                code="no-run",
                path=self.path,
            ) from None
        except ValidationError as error:
            raise BadInput(
                f"The file {self.job_file} is damaged or of a newer version: {first_problem(error)}.",
                hint="Update the program, or delete this run.",
                code="run-damaged",
                path=self.job_file,
            ) from error

    def events(self) -> list[Message]:
        """Return all messages so far, as `messages_in` its file, which takes less memory, yields them."""
        return list(messages_in(self.events_file))

    def append(self, message: Message) -> None:
        """Add `message` to the run's messages."""
        self.path.mkdir(exist_ok=True)
        with self.events_file.open("a+b") as file:
            # What a process that died, or a full disk, left of a line must not swallow this one.
            torn = file.tell() > 0 and file.seek(-1, os.SEEK_END) >= 0 and file.read(1) != b"\n"
            file.write((b"\n" if torn else b"") + to_line(message).encode() + b"\n")

    def command(self, command: Command) -> None:
        """Tell the process that works on the run what to do."""
        with self.control_file.open("ab") as file:
            file.write(json.dumps({"command": command, "time": time.time()}).encode() + b"\n")

    def claim(self) -> None:
        """Note that this process works on the run, until `release`; raise `WrongUsage` when another one does."""
        if not run_lock.take(self.lock_file):
            raise self._busy()
        try:
            self._refuse_when_busy()
        except WrongUsage:
            self.release()
            raise
        write_atomic(self.process_file, ProcessNote.of_this_process().model_dump_json().encode())

    def release(self) -> None:
        """Let another process work on the run; may be called when this one does not."""
        run_lock.give_back(self.lock_file)

    def beat(self) -> None:
        """Let others see that the process that claimed the run lives; raise ``OSError`` when the disk refuses."""
        os.utime(self.process_file)

    def last_beat(self) -> int | None:
        """Return what changes with each `beat`; ``None`` while there is none, or the disk does not tell."""
        try:
            return self.process_file.stat().st_mtime_ns
        except OSError:
            return None

    @property
    def elsewhere(self) -> bool:
        """Whether another computer works on the run."""
        note = self._process()
        return note is not None and note.elsewhere

    def process_alive(self) -> bool:
        """Whether the process that claimed the run lives; for another computer, whether messages came lately."""
        note = self._process()
        if note is None:
            return False
        if note.elsewhere:
            newest = max((f.stat().st_mtime for f in (self.events_file, self.process_file) if f.exists()), default=0.0)
            return time.time() - newest < _FOREIGN_SILENCE
        return note.alive

    def kill(self) -> None:
        """End the process that works on the run at once; raise `WrongUsage` when it is on another computer."""
        note = self._process()
        if note is None or not self.process_alive():
            return
        if note.elsewhere:
            raise WrongUsage(
                f"The run {self.name} is trained on the computer {note.host}.",
                hint="Stop it, or end it there.",
                code="run-elsewhere",
            )
        note.kill()

    @property
    def status(self) -> RunStatus:
        """What became of the run, from its messages and its process."""
        last: RunStatus = "waiting"
        for message in messages_in(self.events_file):
            if isinstance(message, Finished):
                last = message.outcome
            elif isinstance(message, Failed):
                last = "died" if message.code == "interrupted" else "failed"
            elif isinstance(message, Started):
                last = "running"
            elif message.kind == "state":
                last = "paused" if message.state == "paused" else "running"
        if last in ("running", "paused") and not self.process_alive():
            return "died"
        return last

    def rename(self, name: str) -> None:
        """Give the run another name; the folder stays where it is."""
        job = self.job().model_copy(update={"name": name})
        write_atomic(self.job_file, job.model_dump_json(indent=2).encode())

    def delete(self) -> None:
        """Remove the run with everything in it; raise `WrongUsage` while it is training."""
        self.job()  # never remove a folder that holds no run
        if self.process_alive():
            raise WrongUsage(f"The run {self.name} is still training.", hint="Stop it first.", code="run-busy")
        shutil.rmtree(self.path)

    @property
    def has_checkpoint(self) -> bool:
        """Whether the training can go on from somewhere."""
        return self.checkpoints.is_dir() and any(self.checkpoints.iterdir())

    @property
    def learned(self) -> bool:
        """Whether there is anything worth keeping: a checkpoint or a model."""
        return self.model.exists() or self.has_checkpoint

    def discard(self) -> None:
        """Remove a run that has learned nothing; only folders that were there before `create` stay."""
        self.job()  # never empty a folder that holds no run
        for item in self.path.iterdir():
            if item.is_dir():
                shutil.rmtree(item)
            else:
                item.unlink()
        remove_folders(self._made)

    def cannot_go_on(self) -> WrongUsage:
        """Return why a run with a model but without a checkpoint is not trained: it would lose the model."""
        return WrongUsage(
            f"The run {self.name} cannot go on: it has no checkpoint that can be read.",
            hint="Its model stays. Train a new run that starts from this model instead.",
            code="no-checkpoint",
        )

    def _refuse_when_busy(self) -> None:
        if not run_lock.is_free(self.lock_file):
            raise self._busy()
        note = self._process()
        if note is None or (note.pid == os.getpid() and not note.elsewhere):
            return
        # One that came to its end may take a moment to leave.
        if not self.process_alive() or self.status in ("done", "stopped", "failed", "died"):
            return
        raise self._busy()

    def _busy(self) -> WrongUsage:
        note = self._process()
        where = "" if note is None or not note.elsewhere else f" on the computer {note.host}"
        return WrongUsage(
            f"The run {self.name} is already being trained by another process{where}.",
            hint="Stop it first, or wait until it ends.",
            code="run-busy",
        )

    def _not_empty(self) -> WrongUsage:
        return WrongUsage(
            f"The folder {self.path} for the run is not empty.",
            hint="Choose another folder, or go on with the run that is in it (--resume).",
            code="run-folder-not-empty",
        )

    def _process(self) -> ProcessNote | None:
        return ProcessNote.read(self.process_file)


def list_runs(folder: Path) -> list[RunFolder]:
    """Return the runs in `folder`, the newest first."""
    runs = [RunFolder(path.parent) for path in folder.glob("*/job.json")]
    return sorted(runs, key=lambda run: run.begun, reverse=True)

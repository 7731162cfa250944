"""A run is one folder: its job, environment, messages, commands, log, checkpoints and model."""

import json
import os
import platform
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from segstudio import __version__
from segstudio.core.errors import BadInput, WrongUsage
from segstudio.io.atomic import make_folders, remove_folders, write_atomic
from segstudio.io.disk import DiskError, disk_errors
from segstudio.jobs import run_lock
from segstudio.jobs.channel import LineTail, parsed
from segstudio.jobs.messages import Failed, Finished, Message, Started, from_line, to_line
from segstudio.jobs.processor import processor_name
from segstudio.jobs.spec import TrainJob

RunStatus = Literal["waiting", "running", "paused", "done", "stopped", "failed", "died"]
Command = Literal["pause", "resume", "stop", "detach"]

#: A run on another computer counts as running while its messages are younger than this, seconds.
_FOREIGN_SILENCE = 600.0
_RECORDED = ("numpy", "scipy", "torch", "torchvision", "scikit-image", "opencv-python-headless", "safetensors")


class ProcessNote(BaseModel):
    """Which process works on a run."""

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float
    host: str


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
            The folder holds another run, or is not empty; or the run that should go on is being trained.
        DiskError
            It cannot be written. Nothing of a new run is left behind then.
        """
        run = cls(job.run_folder)
        if job.resume:
            run._refuse_when_busy()
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

    def job(self) -> TrainJob:
        """Read the job; raise `BadInput` when the folder holds none."""
        try:
            return TrainJob.model_validate_json(self.job_file.read_bytes())
        except FileNotFoundError:
            raise BadInput(
                f"The folder {self.path} holds no run.",
                hint="Choose a folder that a training wrote.",
                code="no-run",
                path=self.path,
            ) from None
        except ValidationError as error:
            raise BadInput(
                f"The file {self.job_file} is damaged or of a newer version: {error.errors()[0]['msg']}.",
                hint="Update the program, or delete this run.",
                code="run-damaged",
                path=self.job_file,
            ) from error

    def events(self) -> list[Message]:
        """Return all messages so far; a damaged line is left out."""
        return list(parsed(iter(LineTail(self.events_file).read()), from_line))

    def append(self, message: Message) -> None:
        """Add `message` to the run's messages."""
        self.path.mkdir(parents=True, exist_ok=True)
        with self.events_file.open("ab") as file:
            file.write(to_line(message).encode() + b"\n")

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
        import psutil  # here and below: the window starts without it

        own = psutil.Process()
        note = ProcessNote(pid=own.pid, created=own.create_time(), host=socket.gethostname())
        write_atomic(self.process_file, note.model_dump_json().encode())

    def release(self) -> None:
        """Let another process work on the run; may be called when this one does not."""
        run_lock.give_back(self.lock_file)

    def process_alive(self) -> bool:
        """Whether the process that claimed the run lives; for another computer, whether messages came lately."""
        note = self._process()
        if note is None:
            return False
        if note.host != socket.gethostname():
            newest = max((f.stat().st_mtime for f in (self.events_file, self.process_file) if f.exists()), default=0.0)
            return time.time() - newest < _FOREIGN_SILENCE
        import psutil

        try:
            process = psutil.Process(note.pid)
            return abs(process.create_time() - note.created) < 2.0 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def kill(self) -> None:
        """End the process that works on the run at once; raise `WrongUsage` when it is on another computer."""
        note = self._process()
        if note is None or not self.process_alive():
            return
        if note.host != socket.gethostname():
            raise WrongUsage(
                f"The run {self.path.name} is trained on the computer {note.host}.",
                hint="Stop it, or end it there.",
                code="run-elsewhere",
            )
        import psutil

        with suppress(psutil.NoSuchProcess):
            psutil.Process(note.pid).kill()

    @property
    def status(self) -> RunStatus:
        """What became of the run, from its messages and its process."""
        last: RunStatus = "waiting"
        for message in self.events():
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
            raise WrongUsage(f"The run {self.path.name} is still training.", hint="Stop it first.", code="run-busy")
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

    def _refuse_when_busy(self) -> None:
        if not run_lock.is_free(self.lock_file):
            raise self._busy()
        note = self._process()
        if note is None or (note.host, note.pid) == (socket.gethostname(), os.getpid()):
            return
        # One that came to its end may take a moment to leave.
        if not self.process_alive() or self.status in ("done", "stopped", "failed", "died"):
            return
        raise self._busy()

    def _busy(self) -> WrongUsage:
        note = self._process()
        where = "" if note is None or note.host == socket.gethostname() else f" on the computer {note.host}"
        return WrongUsage(
            f"The run {self.path.name} is already being trained by another process{where}.",
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
        try:
            return ProcessNote.model_validate_json(self.process_file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None


def list_runs(folder: Path) -> list[RunFolder]:
    """Return the runs in `folder`, the newest first."""
    runs = [RunFolder(path.parent) for path in folder.glob("*/job.json")]
    return sorted(runs, key=_started, reverse=True)


def environment() -> dict[str, object]:
    """Return what a run ran on: versions, system, processor, memory."""
    import psutil

    return {
        "segstudio": __version__,
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "processor": processor_name(),
        "cores": os.cpu_count() or 1,
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "packages": dict(_versions()),
    }


def _started(run: RunFolder) -> float:
    # Not the job file: renaming a run writes it anew.
    file = run.environment_file if run.environment_file.exists() else run.job_file
    return file.stat().st_mtime


def _versions() -> Iterator[tuple[str, str]]:
    for name in _RECORDED:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"

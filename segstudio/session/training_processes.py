"""The processes of trainings: each in its own, which may outlive the window."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from segstudio.core.errors import UserError
from segstudio.jobs.messages import Message
from segstudio.jobs.run_folder import Command
from segstudio.jobs.run_process import RunProcess
from segstudio.jobs.spec import TrainJob
from segstudio.session.background import Background

Read = Callable[[Iterator[Message]], None]
"""Reads the messages of one process until it has said its last."""


class Launcher(Protocol):
    """Starts and finds trainings; tests give one with another command line."""

    def start(self, job: TrainJob) -> RunProcess:
        """Start a training in a process of its own."""

    def attach(self, folder: Path) -> RunProcess:
        """Follow a training that runs already."""


class TrainingProcesses:
    """Starts the processes of trainings, finds those that run already, and steers them.

    Parameters
    ----------
    background
        Starts processes and writes commands.
    launcher
        Where trainings run.
    """

    def __init__(self, background: Background, launcher: Launcher = RunProcess) -> None:
        self.launcher = launcher
        self._background = background
        self._processes: dict[str, RunProcess] = {}
        self._unsent: dict[str, list[Command]] = {}

    @property
    def running(self) -> bool:
        """Whether a training has a process now."""
        return bool(self._processes)

    def start(self, job: TrainJob, read: Read, failed: Callable[[UserError], None]) -> None:
        """Start a training; what was sent to it before is handed on."""
        self._background.run(
            lambda: self.launcher.start(job), lambda process: self._follow(job.job_id, process, read), failed, "jobs"
        )

    def attach(self, job_id: str, folder: Path, read: Read) -> None:
        """Follow a training that runs already in `folder`."""
        self._follow(job_id, self.launcher.attach(folder), read)

    def send(self, job_id: str, command: Command) -> None:
        """Tell a training what to do; one whose process is still being started hears it then."""
        process = self._processes.get(job_id)
        if process is None:
            self._unsent.setdefault(job_id, []).append(command)
        else:
            self._background.run(lambda: process.send(command), lane="jobs")

    def kill(self, job_id: str) -> None:
        """End a process at once."""
        process = self._processes.get(job_id)
        if process is not None:
            self._background.run(process.kill)

    def ended(self, job_id: str) -> None:
        """Let go of a training that has said its last word: nobody waits for it when the window closes."""
        self._unsent.pop(job_id, None)
        process = self._processes.pop(job_id, None)
        if process is not None:
            process.close()

    def detach(self) -> None:
        """Let all go on when the window closes."""
        for process in self._processes.values():
            process.send("detach")

    def stop(self) -> None:
        """Tell all to stop and keep their best model; they finish without the window."""
        for process in self._processes.values():
            process.send("stop")
            process.send("detach")

    def close(self) -> None:
        """End the threads that read messages."""
        for process in self._processes.values():
            process.close()

    def _follow(self, job_id: str, process: RunProcess, read: Read) -> None:
        self._processes[job_id] = process
        read(process.messages())
        for command in self._unsent.pop(job_id, ()):
            self.send(job_id, command)

"""A run whose folder is deleted while it is trained gets it back, with its curves, from the process that trains it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final

from segstudio.core.errors import JobFailed, UserError
from segstudio.io.atomic import write_atomic
from segstudio.io.regular_file import open_regular
from segstudio.jobs.environment import environment
from segstudio.jobs.messages import Message, Warned
from segstudio.jobs.run_folder import RunFolder

_LOOK_S: Final = 1.0
_CHUNK: Final = 1 << 20


class RunKeeper:
    """Writes the messages of a run that this process trains, and makes its folder again when that is gone.

    Parameters
    ----------
    run
        What is trained; this process has claimed it.

    Notes
    -----
    What the files held that only grow is read from the open files: the system keeps a deleted one as long as somebody
    has it open, and where it does not, it refuses to delete it. Where what the folder lay in is gone too, as with a
    drive that was unplugged, nothing is made again, and the next `append` says so.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._job = b""
        self._job_written = 0
        self._growing: dict[Path, BinaryIO] = {}
        self._told: list[Warned] = []
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._remember()
        self._thread = threading.Thread(target=self._watch, name="run-keeper", daemon=True)
        self._thread.start()

    def append(self, message: Message) -> None:
        """Add `message` to those of the run.

        Raises
        ------
        JobFailed
            The folder is gone, and what it lay in.
        OSError, DiskError
            The disk refuses.
        """
        with self._lock:
            try:
                self._look()
                self._run.append(message)
            except FileNotFoundError:
                raise folder_gone(self._run) from None
            self._remember()

    def told(self) -> list[Warned]:
        """Return what the run was told of its folder since the last call."""
        with self._lock:
            told, self._told = self._told, []
        return told

    def close(self) -> None:
        """End the thread and let go of the files."""
        self._closed.set()
        self._thread.join()
        self._let_go()

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_S):
            with self._lock, suppress(OSError, UserError):  # `append` says what is wrong
                self._look()
                self._remember()

    def _remember(self) -> None:
        run = self._run
        with suppress(FileNotFoundError):  # deleted at this moment: the next look finds out
            written = run.job_file.stat().st_mtime_ns
            if written != self._job_written:
                self._job, self._job_written = run.job_file.read_bytes(), written
            for path in (run.events_file, run.control_file, run.log_file):
                if path not in self._growing and path.exists():
                    self._growing[path] = open_regular(path)

    def _look(self) -> None:
        run = self._run
        if run.job_file.exists():
            return
        run.path.mkdir(exist_ok=True)  # not its parents: the empty folder that a drive leaves is no place for it
        write_atomic(run.environment_file, json.dumps(environment(), indent=2).encode())
        for path, file in self._growing.items():
            write_atomic(path, _pieces(file))
        self._let_go()
        run.release()
        run.claim()
        write_atomic(run.job_file, self._job)
        warned = Warned(
            time=time.time(),
            job_id=run.job().job_id,
            code="run-folder-deleted",
            message="The folder of this training was deleted or moved away: its checkpoints and previews until now "
            "are lost; the training goes on with its curves in a new folder of the same name.",
        )
        run.append(warned)
        self._told.append(warned)

    def _let_go(self) -> None:
        for file in self._growing.values():
            file.close()
        self._growing.clear()


def folder_gone(run: RunFolder) -> JobFailed:
    """Return what is said of a training whose folder is gone for good."""
    return JobFailed(
        f"The folder of this training is not there any more: {run.path}.",
        hint="It was deleted or moved, or its drive is gone. Your labels are safe; where the folder comes back, Go on "
        "continues from its last checkpoint, else train anew.",
        code="run-gone",
    )


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_CHUNK):
        yield piece

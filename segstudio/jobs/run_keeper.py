"""A run whose folder is deleted while it is trained gets it back, with its curves, from the process that trains it."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, TypeVar

from segstudio.core.errors import JobFailed, UserError
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import DiskError
from segstudio.io.regular_file import open_regular
from segstudio.jobs.channel import redirect_output
from segstudio.jobs.messages import Message, Warned
from segstudio.jobs.run_folder import RunFolder

_LOOK_S: Final = 1.0
_CHUNK: Final = 1 << 20
#: What is said of a folder in whose place there is nothing, or a file.
_GONE: Final = (FileNotFoundError, NotADirectoryError, FileExistsError)
T = TypeVar("T")


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
    drive that was unplugged, nothing is made again, and the next `append` says so. What this process prints into the
    log goes on there.
    """

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._whole: dict[Path, tuple[int, bytes]] = {}
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
            except _GONE:
                raise folder_gone(self._run) from None
            self._remember()

    def within(self, write: Callable[[], T]) -> T:
        """Return what `write` does in the folder, which is made again before; once more when it goes meanwhile.

        Raises
        ------
        JobFailed
            The folder is gone, and what it lay in.
        """
        self._stand()
        try:
            return write()
        except DiskError as error:
            if error.code != "folder-missing":
                raise
        self._stand()
        return write()

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

    def _stand(self) -> None:
        with self._lock:
            try:
                self._look()
            except _GONE:
                raise folder_gone(self._run) from None

    def _remember(self) -> None:
        run = self._run
        for path in (run.environment_file, run.job_file):
            with suppress(*_GONE):  # deleted at this moment: the next look finds out
                written = path.stat().st_mtime_ns
                if self._whole.get(path, (0, b""))[0] != written:
                    self._whole[path] = written, path.read_bytes()
        for path in (run.events_file, run.control_file, run.log_file):
            with suppress(*_GONE):
                if path not in self._growing and path.exists():
                    self._growing[path] = open_regular(path)

    def _look(self) -> None:
        run = self._run
        if run.job_file.exists():
            return
        run.path.mkdir(exist_ok=True)  # not its parents: the empty folder that a drive leaves is no place for it
        self._put_back(run.environment_file)
        for path, file in self._growing.items():
            write_atomic(path, _pieces(file))
        if _prints_into(self._growing.get(run.log_file)):
            redirect_output(run.log_file)
        self._let_go()
        run.release()
        run.claim()
        self._put_back(run.job_file)  # the last one: by it a folder is known to hold a run
        warned = Warned(
            time=time.time(),
            job_id=run.job().job_id,
            code="run-folder-deleted",
            message="The folder of this training was deleted or moved away: its checkpoints and previews until now "
            "are lost; the training goes on with its curves in a new folder of the same name.",
        )
        run.append(warned)
        self._told.append(warned)

    def _put_back(self, path: Path) -> None:
        if path in self._whole:
            written, content = self._whole[path]
            write_atomic(path, content)
            os.utime(path, ns=(written, written))  # since when the run is trained is asked of it

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


def _prints_into(log: BinaryIO | None) -> bool:
    """Whether the standard output of this process is that file: a training from a terminal has its own."""
    try:
        return log is not None and os.path.sameopenfile(1, log.fileno())
    except OSError:  # it has none
        return False


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    while piece := file.read(_CHUNK):
        yield piece

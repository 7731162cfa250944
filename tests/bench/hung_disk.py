"""A disk that does not answer: whoever opens, lists or asks for a file below a folder waits until it is let go."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_EVENTS = frozenset({"open", "os.listdir", "os.scandir", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link"})
#: Nobody waits longer than this, be the disk let go or not, seconds.
_LONGEST_S = 20.0


class HungDisk:
    """Stands for a network drive that is gone; reads and writes of files that are open already go through.

    Parameters
    ----------
    folder
        What lies on it.

    Attributes
    ----------
    window_waited
        Where the thread that made this waited for the disk.
    """

    def __init__(self, folder: Path) -> None:
        self.window_waited: list[str] = []
        self._folder = str(folder.resolve())
        self._window = threading.get_ident()
        self._answers = threading.Event()
        self._answers.set()
        sys.addaudithook(self._on_event)  # stays as long as the process
        self._stat: Callable[..., os.stat_result] = os.stat

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Let nothing through."""

        def stat(path: Any, *words: Any, **more: Any) -> os.stat_result:
            self._wait(path)
            return self._stat(path, *words, **more)

        os.stat = stat  # type: ignore[assignment] - there is no audit event for it
        self._answers.clear()
        try:
            yield
        finally:
            self._answers.set()
            os.stat = self._stat

    def _on_event(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _EVENTS and not self._answers.is_set():
            self._wait(arguments[0])

    def _wait(self, path: Any) -> None:
        if self._answers.is_set() or isinstance(path, int) or path is None:
            return
        if os.path.abspath(os.fsdecode(path)).startswith(self._folder):  # noqa: PTH100 - a Path would be asked again
            if threading.get_ident() == self._window:
                self.window_waited.append(_place())
            self._answers.wait(_LONGEST_S)


def _place() -> str:
    frame, own = sys._getframe(), list[str]()
    while frame is not None:
        if "/segstudio/" in frame.f_code.co_filename:
            own.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return " > ".join(own[3::-1])

"""Which files and folders below a folder one thread asks the disk for, by Python's own calls."""

import builtins
import io
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_CALLS: tuple[tuple[Any, str], ...] = (
    (builtins, "open"),
    (io, "open"),
    *((os, name) for name in ("open", "stat", "lstat", "listdir", "scandir", "mkdir", "rmdir", "access", "utime")),
    *((os, name) for name in ("replace", "rename", "unlink", "remove", "link", "statvfs") if hasattr(os, name)),
)


class DiskTouches:
    """Notes each call of this thread; made once, it listens until the test is over.

    Parameters
    ----------
    folder
        What lies elsewhere is not noted.

    Attributes
    ----------
    seen
        The call, the path, and where it was made.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seen: list[str] = []
        self._folder = str(folder.resolve())
        self._thread = threading.get_ident()
        for module, name in _CALLS:
            monkeypatch.setattr(module, name, self._noted(name, getattr(module, name)))

    def _noted(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **more: Any) -> Any:
            if words and threading.get_ident() == self._thread:
                self._note(name, words[0])
            return real(*words, **more)

        return call

    def _note(self, name: str, path: object) -> None:
        if isinstance(path, str | bytes | os.PathLike):
            text = os.path.abspath(os.fsdecode(path))  # noqa: PTH100 - a Path would ask again
            if text.startswith(self._folder):
                self.seen.append(f"{name} {text[len(self._folder) :]} in {_place()}")


def _place() -> str:
    frame, own = sys._getframe(2), list[str]()
    while frame is not None:
        code = frame.f_code
        if "/segstudio/" in code.co_filename.replace(os.sep, "/"):
            own.append(f"{Path(code.co_filename).name}:{code.co_name}")
        frame = frame.f_back  # type: ignore[assignment]
    return " < ".join(own[:5])

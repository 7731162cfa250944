"""Starts the real program as `painting.py` works in it, reads what it notes of itself, and lets another one look on."""

import contextlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import psutil

_HERE = Path(__file__).parent
#: Actions of a program that paints to its end.
ACTIONS = 60


def painting() -> ModuleType:
    """Return `painting.py`, which is no module of a package."""
    spec = importlib.util.spec_from_file_location("painting", _HERE / "painting.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _own_folders(project: Path, deed: str) -> dict[str, str]:
    """Return the user's folders of one program: what another one remembers would move the pixels under the mouse."""
    place = str(project.parent / f"user-{deed}")
    return {name: place for name in os.environ if name.startswith("XDG_") or name.endswith("APPDATA")}


Starter = Callable[[str, Path, Path], psutil.Process]


@contextlib.contextmanager
def starter(errors: Path) -> Iterator[Starter]:
    """Give what starts the program, many times: on Linux without importing everything each time."""
    pipe, environment = subprocess.PIPE, {**os.environ, "PYTHONFAULTHANDLER": "1"}
    command = [sys.executable, str(_HERE / "painting.py")]
    with errors.open("wb") as told:
        if sys.platform != "linux":  # elsewhere the libraries of a window do not bear a fork

            def start_anew(deed: str, project: Path, log: Path) -> psutil.Process:
                words = [*command, deed, str(project), str(log), str(ACTIONS)]
                return psutil.Popen(words, env=environment | _own_folders(project, deed), stderr=told)

            yield start_anew
            return
        lock = threading.Lock()
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=told, env=environment, text=True) as server:

            def start(deed: str, project: Path, log: Path) -> psutil.Process:
                with lock:
                    json.dump([_own_folders(project, deed), deed, str(project), str(log), ACTIONS], server.stdin)
                    server.stdin.write("\n")
                    server.stdin.flush()
                    return psutil.Process(int(server.stdout.readline()))

            yield start


@contextlib.contextmanager
def watched(root: Path) -> Iterator[dict[str, object]]:
    """Let another program read the label files below `root`; what it has seen is there afterwards."""
    found: dict[str, object] = {}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, str(_HERE / "watching.py"), str(root)], stdin=pipe, stdout=pipe) as watcher:
        yield found
        told, _ = watcher.communicate(timeout=60)
    found.update(json.loads(told))


@dataclass(frozen=True)
class Done:
    """An action of which the program has written that it is finished."""

    number: int
    state: int
    labels: dict[str, int]


def lines(log: Path) -> list[list[Any]]:
    """Return the whole lines of a log."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text().rpartition("\n")[0].splitlines()]


def finished(log: Path) -> list[Done]:
    """Return the actions that the program has finished."""
    return [Done(*line) for line in lines(log) if len(line) > 1]


def must_survive(log: Path) -> int:
    """Return the number of the last action that ended a quarter of a second of the program's time before its end."""
    return max((line[0] for line in lines(log) if len(line) == 1), default=0)


def begun(log: Path) -> bool:
    """Return whether the work has begun that a deed is about."""
    return bool(lines(log))


def lives(program: psutil.Process) -> bool:
    """Return whether a program runs."""
    try:
        return program.is_running() and program.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False

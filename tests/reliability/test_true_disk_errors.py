"""Experiment 4 with nothing of ours in between: the kernel's answers to the real program are exchanged for errors.

`strace` does it. The program of `painting.py` works on; when it has been closed and opened again, all is there.
"""

import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import psutil
import pytest
import tifffile

from segstudio.project.project import Project

_HERE = Path(__file__).parent
_ACTIONS, _SIDE = 40, 256
#: What the disk may refuse, and up to which of such calls of a thread.
_REFUSED = {"fsync,fdatasync": 60, "rename,renameat,renameat2": 30, "ftruncate,link,linkat": 10}
_PATIENCE_S = 180
_ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EROFS")


@dataclass(frozen=True)
class Session:
    """What became of the program.

    Attributes
    ----------
    injected
        Calls that were refused.
    states
        Digest of all images after each action.
    errors
        End of what it wrote to the terminal.
    """

    code: int
    injected: int
    states: list[int]
    errors: str


def _painting() -> ModuleType:
    spec = importlib.util.spec_from_file_location("painting", _HERE / "painting.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "place"
    images = place / "images"
    images.mkdir(parents=True)
    for number, name in enumerate(_painting().IMAGES):
        noise = np.random.default_rng(number).integers(0, 200, (_SIDE, _SIDE), dtype=np.uint8)
        tifffile.imwrite(images / f"{name}.tif", noise)
    project, problems = Project.create(place / "p", images)
    assert not problems
    project.close()
    return place


def _can_exchange_answers() -> bool:
    if sys.platform != "linux" or shutil.which("strace") is None:
        return False
    words = ["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=fsync", "-e", "inject=fsync:error=EIO", "true"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def _work(place: Path, calls: str, error: str, first: int, last: int) -> Session:
    """Let the program work; calls number `first` to `last` of each of its threads are answered with `error`."""
    log, told = place / "log", place / "strace"
    rule = f"inject={calls}:error={error}:when={first}..{last}"
    words = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(told), "-e", f"trace={calls}", "-e", rule]
    program = [sys.executable, str(_HERE / "painting.py"), "draw", str(place / "p"), str(log), str(_ACTIONS)]
    own = {name: str(place / "user") for name in os.environ if name.startswith("XDG_")} | {"PYTHONFAULTHANDLER": "1"}
    with (place / "errors").open("wb") as errors:
        painter = psutil.Popen([*words, *program], env=os.environ | own, stderr=errors)
    try:
        code = painter.wait(_PATIENCE_S)
    except psutil.TimeoutExpired:
        code = -1
        for child in painter.children(recursive=True):
            child.send_signal(signal.SIGABRT)  # it writes the stacks of its threads
        painter.wait(_PATIENCE_S)
    lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    errors = (place / "errors").read_text(errors="replace")[-6000:]
    return Session(code, told.read_text().count("(INJECTED)"), [line[1] for line in lines if len(line) == 3], errors)


def _fault(place: Path, session: Session) -> str:
    """Return what the program has lost, or ``""``."""
    if session.code or len(session.states) != _ACTIONS:
        how = "did not end" if session.code < 0 else f"ended with {session.code}"
        return f"it {how} after {len(session.states)} actions: {session.errors}"
    paint, digests = _painting(), {}
    with Project.open(place / "p", rescue=place / "user" / "SegStudio" / "rescue") as project:
        for entry in project.images:
            digests[entry.stem] = paint.digest(project.document(entry.id).planes)
    return "" if paint.digest_of_all(digests) == session.states[-1] else "the labels are not those of the last action"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_the_kernel_refuses_and_nothing_is_lost(
    folder: Path,
    tmp_path: Path,
    tier: Callable[..., int],
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    if not _can_exchange_answers():
        pytest.skip("there is no strace here that may exchange answers of the kernel")
    chance, faults, judged = random.Random(seed), [], 0
    for number in range(tier(merge=1, nightly=60, release=200)):
        calls = list(_REFUSED)[number % len(_REFUSED)]
        first, error = chance.randrange(1, _REFUSED[calls]), chance.choice(_ERRORS)
        last = first + chance.choice([0, 0, 3, 20])
        place = tmp_path / f"place{number}"
        shutil.copytree(folder, place)
        session = _work(place, calls, error, first, last)
        judged += session.injected > 0
        fault = _fault(place, session)
        if fault:
            faults.append(f"{calls} {first}..{last} {error}: {fault}")
        else:
            shutil.rmtree(place)
    record_property("count", judged)
    assert judged
    assert not faults, f"seed {seed}: " + "\n".join(faults)

"""The one who asks a confined process outlives whatever becomes of it, and leaves none behind."""

import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from segstudio.io import confined
from segstudio.io.confined import ConfinedDied, ConfinedProcess, ConfinedSlow, ask_once

READY = "import sys, os, time; print('ready', flush=True); line = sys.stdin.readline()\n"


def _command(work: str) -> list[str]:
    return [sys.executable, "-P", "-c", READY + work]


def _gone(process: ConfinedProcess) -> bool:
    return not process.alive and not psutil.pid_exists(process.pid)


@pytest.mark.parametrize(
    "work",
    [
        "os.abort()",
        "sys.exit(0)",
        "sys.stdout.write('half a line'); sys.stdout.flush(); os._exit(0)",
        "sys.stdout.write('x' * (3 << 20) + '\\n'); sys.stdout.flush(); time.sleep(60)",
    ],
)
def test_one_that_gives_no_answer_has_died(work: str) -> None:
    process = ConfinedProcess(_command(work), 1 << 30)
    with pytest.raises(ConfinedDied):
        process.ask(b"a", 60)
    assert _gone(process)
    with pytest.raises(ConfinedDied):  # nor does it answer later
        process.ask(b"a", 60)
    process.close()


def test_one_that_takes_too_long_is_ended() -> None:
    process = ConfinedProcess(_command("time.sleep(60)"), 1 << 30)
    with pytest.raises(ConfinedSlow):
        process.ask(b"a", 0.2)
    assert _gone(process)


def test_one_that_takes_too_much_memory_is_ended_where_the_system_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "sys", SimpleNamespace(platform="darwin"))
    process = ConfinedProcess(_command("kept = bytearray(80_000_000); time.sleep(60)"), 50_000_000)
    with pytest.raises(ConfinedDied):
        process.ask(b"a", 60)
    assert _gone(process)


def test_one_question_is_answered_or_not(tmp_path: Path) -> None:
    answer = "import json; print(json.dumps({'told': json.loads(line)['path']}), flush=True)"
    path = tmp_path / "a.pt"
    assert ask_once(_command(answer), 1 << 30, path, 60) == {"told": str(path)}
    assert ask_once(_command("os.abort()"), 1 << 30, path, 60) is None
    assert ask_once(_command("print('no json', flush=True); time.sleep(60)"), 1 << 30, path, 60) is None

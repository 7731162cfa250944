"""How a process is confined: what is asked of the system, and which events are refused. Nothing is confined here."""

import os
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from segstudio.io import confinement, first_look
from segstudio.io.confinement import confine, serve

Hook = Callable[[str, tuple[Any, ...]], None]


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> dict[int, tuple[int, int]]:
    """Return the limits that the system was asked for."""
    import resource

    asked: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr(resource, "setrlimit", asked.__setitem__)
    return asked


@pytest.fixture
def hooks(monkeypatch: pytest.MonkeyPatch, limits: dict[int, tuple[int, int]]) -> list[Hook]:
    """Take what Python would ask before each thing."""
    found: list[Hook] = []
    monkeypatch.setattr(sys, "addaudithook", found.append)
    monkeypatch.setattr(sys, "dont_write_bytecode", sys.dont_write_bytecode)
    return found


pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="its limits are those of POSIX")


def test_on_linux_the_system_limits_memory_and_writes_no_core(
    hooks: list[Hook], limits: dict[int, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import resource

    monkeypatch.setattr(sys, "platform", "linux")
    confine(1_000_000)
    assert limits[resource.RLIMIT_CORE] == (0, 0)
    soft, hard = limits[resource.RLIMIT_AS]
    assert soft == hard > 1_000_000


def test_elsewhere_the_parent_watches_and_the_rest_is_refused_as_well(
    hooks: list[Hook], limits: dict[int, tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    confine(1_000_000)
    assert limits == {}
    with pytest.raises(OSError, match=r"does not do socket\.connect"):
        hooks[0]("socket.connect", ())


@pytest.mark.parametrize(
    "event",
    ["socket.connect", "subprocess.Popen", "os.system", "os.fork", "os.remove", "os.rename", "ctypes.dlopen"],
)
def test_what_a_reader_never_does_is_refused(hooks: list[Hook], event: str) -> None:
    confine(0)
    with pytest.raises(OSError, match=event):
        hooks[0](event, ())


def test_what_a_reader_does_is_let_through(hooks: list[Hook]) -> None:
    confine(0)
    for event in ("import", "compile", "os.listdir", "mmap.__new__"):
        hooks[0](event, ())


@pytest.mark.parametrize("place", [str, os.fsencode, Path], ids=["text", "bytes", "path"])
def test_files_are_written_in_the_one_folder_only(
    hooks: list[Hook], tmp_path: Path, place: Callable[[Path], object]
) -> None:
    confine(0, tmp_path / "own")
    writing = os.O_WRONLY | os.O_CREAT
    hooks[0]("open", (place(tmp_path / "a"), "r", os.O_RDONLY))
    hooks[0]("open", (place(tmp_path / "own" / "a"), "w", writing))
    for outside in (tmp_path / "a", tmp_path / "own" / ".." / "a", tmp_path / "own-too" / "a"):
        with pytest.raises(OSError, match="does not write"):
            hooks[0]("open", (place(outside), "w", writing))


def test_a_descriptor_was_opened_before_and_what_is_no_path_is_refused(hooks: list[Hook]) -> None:
    confine(0)
    hooks[0]("open", (5, "w", os.O_WRONLY))
    with pytest.raises(OSError, match="does not write"):
        hooks[0]("open", (None, "w", os.O_WRONLY))


def test_who_says_no_flags_reads(hooks: list[Hook], tmp_path: Path) -> None:
    confine(0)
    hooks[0]("open", (str(tmp_path / "a"), "r", None))


class Rested(Exception):
    pass


def test_each_line_has_its_answer_and_a_rest_and_then_the_end_come(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(confinement, "_REST_S", 0.2)
    monkeypatch.setattr(confinement.os, "_exit", ended.append)

    def rest() -> None:
        raise Rested

    answers = BytesIO()
    with pytest.raises(Rested):
        serve(BytesIO(b"a\nb\n"), answers, lambda line: line.strip().upper(), rest)
    assert answers.getvalue() == b"ready\nA\nB\n"
    assert ended == [0], "who asks is gone"


def test_all_readers_are_there_before_the_process_is_confined(monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[object] = []
    pipes = BytesIO(), BytesIO()
    monkeypatch.setattr(first_look, "claim_pipes", lambda: steps.append("pipes") or pipes)
    monkeypatch.setattr(first_look, "import_module", steps.append)
    monkeypatch.setattr(first_look, "confine", lambda memory: steps.append("confined"))
    monkeypatch.setattr(first_look, "serve", lambda *args: steps.append(args[:2]))
    first_look.main()
    assert steps[0] == "pipes", "what libraries print while they are loaded is no answer"
    assert set(steps[1:-2]) >= {"segstudio.io.tiff", "segstudio.io.raster", "segstudio.io.arrays", "imagecodecs"}
    assert steps[-2:] == ["confined", pipes]

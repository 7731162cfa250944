"""Two programs open one project: one writes, the other is told who does, and a killed owner holds nothing."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
import tifffile
from reliability.cases import Cases

from segstudio.core.errors import UserError
from segstudio.labels.edits import Stroke
from segstudio.project.lock import LEFT_OPEN, left_open_by, was_left_open
from segstudio.project.project import Project

#: Opens the project named first for each line, answers whether it could, and with what; "kill" is the parent's.
_OWNER = """
import json, sys
from pathlib import Path
import numpy as np
from segstudio.core.errors import UserError
from segstudio.labels.edits import Stroke
from segstudio.project.project import Project
project = None
for line in sys.stdin:
    word, *numbers = line.split()
    answer = "done"
    try:
        if word == "open":
            project = Project.open(Path(sys.argv[1]))
            document = project.document(project.images[0].id)
        elif word == "draw":
            document.apply(Stroke(np.array([[8.0 * int(numbers[0]), 20.0]]), 3, int(numbers[0])))
            assert document.flush()
        elif word == "close":
            project.close()
    except UserError as error:
        answer = error.message
    print(json.dumps(answer), flush=True)
"""


class Program:
    """Another program, by its pipe."""

    def __init__(self, folder: Path) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OWNER, str(folder)], stdin=pipe, stdout=pipe, text=True, bufsize=1
        )

    def say(self, *words: object) -> str:
        self.ask(*words)
        return self.hear()

    def ask(self, *words: object) -> None:
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def hear(self) -> str:
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        with suppress(OSError):
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@contextmanager
def programs(folder: Path, count: int) -> Iterator[list[Program]]:
    found = [Program(folder) for _ in range(count)]
    try:
        yield found
    finally:
        for program in found:
            program.end()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 900), np.uint8))
    Project.create(tmp_path / "cells", tmp_path / "a.tif")[0].close()
    return tmp_path / "cells"


def test_one_writes_and_a_killed_owner_holds_nothing(folder: Path, cases: Cases) -> None:
    for number in (1 + case for case in cases(merge=2, nightly=50, release=50)):
        with programs(folder, 1) as (owner,):
            assert owner.say("open") == "done"
            began = time.monotonic()
            with pytest.raises(UserError) as refused:
                Project.open(folder)
            assert time.monotonic() - began < 1
            assert refused.value.code == "project-locked"
            assert f"process {owner.process.pid}" in refused.value.message
            assert owner.say("draw", number) == "done"
            with Project.open(folder, read_only=True) as reader:
                assert len(reader.document(reader.images[0].id).planes.objects) == number
            owner.process.kill()
            owner.process.wait()
            began = time.monotonic()
            with Project.open(folder) as mine:
                assert time.monotonic() - began < 1
                assert len(mine.document(mine.images[0].id).planes.objects) == number


def test_of_many_that_open_at_once_one_writes(folder: Path, cases: Cases) -> None:
    with programs(folder, 3) as all_of_them:
        for number in (1 + case for case in cases(merge=4, nightly=100, release=100)):
            for program in all_of_them:
                program.ask("open")
            answers = [program.hear() for program in all_of_them]
            assert answers.count("done") == 1, answers
            owner = all_of_them[answers.index("done")]
            others = [answer for answer in answers if answer != "done"]
            assert all("already open for writing" in answer for answer in others), others
            assert owner.say("draw", number) == "done"
            assert owner.say("close") == "done"
    with Project.open(folder) as project:
        assert len(project.document(project.images[0].id).planes.objects) == number


def test_a_lock_from_another_computer_is_told_by_its_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "microscope-2")
    with Project.open(folder) as elsewhere:
        monkeypatch.undo()
        with pytest.raises(UserError, match=r"microscope-2") as refused:
            Project.open(folder)
        assert str(os.getpid()) in refused.value.message
        elsewhere.document(elsewhere.images[0].id).apply(Stroke(np.array([[20.0, 20.0]]), 3, 1))


def no_lock_knows_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let locks stay within each computer, as on some network drives; here each opener is one."""
    monkeypatch.setattr("segstudio.project.lock.try_lock", lambda _descriptor: True)


@contextmanager
def another_computer(name: str = "microscope-2") -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: name)
        patch.setattr("segstudio.project.lock.computer_mark", lambda: name)
        yield


def test_where_locks_stay_within_each_computer_one_writes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_lock_knows_of_others(monkeypatch)
    with another_computer():
        elsewhere = Project.open(folder)
    with pytest.raises(UserError, match=r"was not closed on another computer \(.*microscope-2") as refused:
        Project.open(folder)
    assert refused.value.code == LEFT_OPEN
    assert "segstudio unlock" in refused.value.hint
    with Project.open(folder, read_only=True) as reader:
        assert len(reader.images) == 1
    with another_computer():
        elsewhere.document(elsewhere.images[0].id).apply(Stroke(np.array([[20.0, 20.0]]), 3, 1))
        assert elsewhere.close()
    with Project.open(folder) as mine:
        assert len(mine.document(mine.images[0].id).planes.objects) == 1


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_a_computer_that_is_off_has_left_open_can_be_taken_over(
    folder: Path, monkeypatch: pytest.MonkeyPatch, by_hand: bool
) -> None:
    no_lock_knows_of_others(monkeypatch)
    with another_computer():
        dead = Project.open(folder)
        document = dead.document(dead.images[0].id)
        document.apply(Stroke(np.array([[20.0, 20.0]]), 3, 1))
        assert document.flush()
    with pytest.raises(UserError, match="microscope-2"):
        Project.open(folder)
    lock = folder / ".segstudio" / "lock"
    holder = left_open_by(lock)
    if by_hand:
        lock.unlink()
        assert was_left_open(lock)
    with Project.open(folder, take_from=None if by_hand else holder) as mine:
        assert mine.behind, "nobody has closed it"
        mine.catch_up(mine.behind[0])
        assert mine.images[0].objects == 1
    with another_computer():
        dead.close()


def test_a_computer_of_the_same_name_is_another_one(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_lock_knows_of_others(monkeypatch)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segstudio.project.lock.computer_mark", lambda: "another")
        elsewhere = Project.open(folder)
    monkeypatch.setattr("segstudio.project.lock.computer_mark", lambda: "mine")
    with pytest.raises(UserError, match="another computer"):
        Project.open(folder)
    elsewhere.close()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOTSUP, errno.EIO])
def test_a_drive_without_locks_can_be_looked_at(folder: Path, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int) -> bool:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("segstudio.project.lock.try_lock", refuse)
    with pytest.raises(UserError, match="cannot tell who has it open") as refused:
        Project.open(folder)
    assert refused.value.code == "no-locks"
    assert os.strerror(number) in refused.value.message
    with Project.open(folder, read_only=True) as reader:
        assert len(reader.images) == 1

"""Fail the first, second, third ... primitive of a session, in every way a disk fails: no action is lost."""

import errno
import os
import random
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import tifffile
from reliability.cases import Cases

from segstudio.core.errors import UserError
from segstudio.io import atomic
from segstudio.io.disk import Disk
from segstudio.labels.edits import Delete, Edit, EraseStroke, Stroke
from segstudio.labels.history import Planes
from segstudio.project import checkpoint, journal_writer, rescue_watch
from segstudio.project.changes import FAILED
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

PRIMITIVES = ("create", "write", "sync", "replace", "link", "sync_folder", "make_folder", "unlink", "truncate", "close")
#: "short": half of the bytes, then no more room; a number above 1000: that of Windows plus 1000.
ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EDQUOT, "short", 1005, 1032)
ACTIONS = 60
SIZE = (96, 128)


class FailingDisk(Disk):
    """Raises at the `first`-th primitive, and at all later ones when `for_ever`; 0 never does. Syncs cost nothing."""

    def __init__(self, first: int, error: int | str, *, for_ever: bool) -> None:
        self.count = 0
        self._first = first
        self._error = error
        self._for_ever = for_ever
        for name in PRIMITIVES:
            if hasattr(Disk, name):
                setattr(self, name, self._wrap(name, getattr(super(), name)))

    def sync(self, descriptor: int) -> None:
        os.fstat(descriptor)

    def _wrap(self, name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object) -> object:
            self.count += 1
            if self._first and (self.count == self._first or (self._for_ever and self.count > self._first)):
                if name == "close":  # what is closed is closed, whatever the disk says
                    real(*args)
                if name == "write" and self._error == "short":
                    real(args[0], bytes(memoryview(args[1]))[: memoryview(args[1]).nbytes // 2])
                raise _error(self._error)
            return real(*args)

        return call


class FailingReads:
    """Lets the `first`-th look at a file of the project fail, and all after it when `for_ever`; 0 never does.

    Looks are what the threads that save ask the system: is it there, how is it, what is in it.
    """

    THREADS = ("checkpoint", "journal", "journal sync", "rescue")

    def __init__(self, folder: Path, first: int, error: int, *, for_ever: bool) -> None:
        self.count = 0
        self._folder = str(folder)
        self._first = first
        self._error = error
        self._for_ever = for_ever

    def __enter__(self) -> "FailingReads":
        self._patch = pytest.MonkeyPatch()
        for name in ("stat", "open", "iterdir"):
            self._patch.setattr(Path, name, self._wrap(getattr(Path, name)))
        return self

    def __exit__(self, *_: object) -> None:
        self._patch.undo()

    def _wrap(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(path: Path, *args: object, **named: object) -> object:
            if threading.current_thread().name in self.THREADS and str(path).startswith(self._folder):
                self.count += 1
                if self._first and (self.count == self._first or (self._for_ever and self.count > self._first)):
                    raise OSError(self._error, os.strerror(self._error), str(path))
            return real(path, *args, **named)

        return call


def _error(kind: int | str) -> OSError:
    code = errno.ENOSPC if kind == "short" else errno.EACCES if isinstance(kind, int) and kind > 1000 else kind
    error = OSError(code, os.strerror(code))
    if isinstance(kind, int) and kind > 1000:
        error.winerror = kind - 1000
    return error


@dataclass
class Told:
    """What a session did: the last state of each image, and a mark of every state that it was ever in."""

    last: dict[str, Planes] = field(default_factory=dict)
    states: dict[str, set[int]] = field(default_factory=dict)

    def note(self, document: ImageDocument) -> None:
        name, planes = document.entry.name, document.planes
        self.last[name] = Planes(planes.labels.snapshot(), planes.regions.snapshot(), planes.objects)
        self.states.setdefault(name, set()).add(_mark(planes.labels.to_array()))


def _mark(labels: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(labels, np.int32).tobytes())


def _steps(seed: int) -> Iterator[Edit | str]:
    rng = np.random.default_rng(seed)
    for number in range(1, ACTIONS + 1):
        points = rng.uniform(5, 90, (3, 2))
        if number % 20 == 0:
            yield "switch"
        if number % 13 == 0:
            yield "publish"
        if number % 9 == 0:
            yield "undo"
        elif number % 11 == 0:
            yield "redo"
        elif number % 7 == 0:
            yield EraseStroke(points, 9)
        elif number % 17 == 0:
            yield Delete((number - 3,))
        else:
            yield Stroke(points, 7, number, class_id=1)


def _work(folder: Path, disk: Disk) -> Told | None:
    """Paint in a project; return what was done, ``None`` when the disk did not let it be opened."""
    try:
        project = Project.open(folder / "project", disk=disk, rescue=folder / "rescue")
    except UserError:
        return None
    told, here = Told(), 0
    try:
        documents = [project.document(entry.id) for entry in project.images]
        for document in documents:
            told.note(document)
        for number, step in enumerate(_steps(1)):
            document = documents[here]
            if step == "switch":
                here = 1 - here
                project.set_reviewed(document.entry.id)
            elif step == "publish":
                document.checkpoint(wait=True, timeout=0.3)
            else:
                _act(document, step)
            told.note(document)
            if number % 4 == 0:
                document.flush(0.05)
        for document in documents:
            until_safe = [document.flush(0.02) for _ in range(250) if not document.safe]
            assert document.safe, f"{document.save_state} after {len(until_safe)} tries"
            assert not document.save_state.startswith(FAILED) or document.durable
    finally:
        project.close()
    return told


def _act(document: ImageDocument, step: Edit | str) -> None:
    if step == "undo":
        document.undo()
    elif step == "redo":
        document.redo()
    elif not isinstance(step, str):
        document.apply(step)


def _make(folder: Path) -> None:
    folder.mkdir()
    for number, name in enumerate(("a.tif", "b.tif")):
        tifffile.imwrite(folder / name, np.full(SIZE, number, np.uint8))
    project, _ = Project.create(folder / "project", [folder / "a.tif", folder / "b.tif"], rescue=folder / "rescue")
    with project:
        for entry in project.images:
            project.document(entry.id).apply(Stroke(np.array([[60.0, 60.0]]), 20, 99))


def _check(folder: Path, told: Told) -> None:
    for path in (folder / "project" / "labels").glob("*.tif"):
        if ".foreign" not in path.name:
            assert _mark(tifffile.imread(path)) in told.states[path.name], f"{path.name} holds what was never drawn"
    with Project.open(folder / "project", rescue=folder / "rescue") as project:
        for entry in project.images:
            document = project.document(entry.id)
            last = told.last[entry.name]
            assert np.array_equal(document.planes.labels.to_array(), last.labels.to_array()), entry.name
            assert dict(document.planes.objects) == dict(last.objects)
            assert document.notices == []
            assert document.checkpoint(wait=True)
            assert np.array_equal(tifffile.imread(project.label_path(entry.id)), last.labels.to_array())
    assert not list((folder / "rescue").rglob("*.sj"))
    assert not [path for path in (folder / "project").rglob("*") if path.name.startswith(atomic.TEMP_MARK)]


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (journal_writer, checkpoint, rescue_watch):
        monkeypatch.setattr(module, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(atomic, "_RETRY_SECONDS", 0.03)


@pytest.mark.slow
@pytest.mark.usefixtures("_quick")
def test_whichever_primitive_fails_however_nothing_is_lost(tmp_path: Path, cases: Cases, seed: int) -> None:
    _make(tmp_path / "whole")
    counting = FailingDisk(0, 0, for_ever=False)
    told = _work(tmp_path / "whole", counting)
    assert told is not None
    _check(tmp_path / "whole", told)
    assert counting.count > 100
    ways = [(n, error, ever) for n in range(1, counting.count + 1) for error in ERRORS for ever in (False, True)]
    random.Random(seed).shuffle(ways)
    opened = 0
    for number in cases(merge=10, nightly=600, release=len(ways)):
        first, error, for_ever = ways[number]
        folder = tmp_path / f"{first}-{error}-{for_ever}"
        _make(folder)
        try:
            told = _work(folder, FailingDisk(first, error, for_ever=for_ever))
            if told is not None:
                opened += 1
                _check(folder, told)
        except BaseException as problem:
            problem.add_note(f"primitive {first}, error {error}, for ever: {for_ever}, seed {seed}")
            raise
    assert opened


@pytest.mark.slow
@pytest.mark.usefixtures("_quick")
def test_whichever_look_at_the_disk_fails_nothing_is_lost(tmp_path: Path, cases: Cases, seed: int) -> None:
    _make(tmp_path / "whole")
    with FailingReads(tmp_path / "whole" / "project", 0, 0, for_ever=False) as counting:
        told = _work(tmp_path / "whole", Disk())
    assert told is not None
    _check(tmp_path / "whole", told)
    assert counting.count > 50
    errors = (errno.EIO, errno.ESTALE, errno.EACCES)
    ways = [(n, error, ever) for n in range(1, counting.count + 1) for error in errors for ever in (False, True)]
    random.Random(seed).shuffle(ways)
    for number in cases(merge=8, nightly=200, release=len(ways)):
        first, error, for_ever = ways[number]
        folder = tmp_path / f"{first}-{error}-{for_ever}"
        _make(folder)
        try:
            with FailingReads(folder / "project", first, error, for_ever=for_ever):
                told = _work(folder, Disk())
            assert told is not None
            _check(folder, told)
        except BaseException as problem:
            problem.add_note(f"look {first}, error {error}, for ever: {for_ever}, seed {seed}")
            raise

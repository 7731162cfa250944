"""The real program is killed while somebody works: every action but at most the last is there again.

Meanwhile another program opens the label files, and never finds one that is not whole.
"""

import contextlib
import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile
from reliability.cases import Cases
from reliability.stand_in_stores import STORES, version

from segstudio.core.errors import UserError
from segstudio.project.project import Project

_HERE = Path(__file__).parent
_ACTIONS = 60
_SIDE = 256
#: Seconds within which the program opens a project and has brought back what the journals have.
_OPENING = 1.2
_PATIENCE = 120.0
#: Seconds until the lock of a killed program is free, however busy the computer; `test_two_programs` has the promise.
_FREE = 10.0
_DEEDS = ("paint", "paint", "paint", "open", "paint", "paint", "create", "paint", "open", "paint")
_SIGNALS = ("KILL", "SEGV", "ABRT") if sys.platform != "win32" else ("KILL",)


def _painting() -> ModuleType:
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
def _starter(errors: Path) -> Iterator[Starter]:
    """Give what starts the program, many times: on Linux without importing everything each time."""
    pipe, environment = subprocess.PIPE, {**os.environ, "PYTHONFAULTHANDLER": "1"}
    command = [sys.executable, str(_HERE / "painting.py")]
    with errors.open("wb") as told:
        if sys.platform != "linux":  # elsewhere the libraries of a window do not bear a fork

            def start_anew(deed: str, project: Path, log: Path) -> psutil.Process:
                words = [*command, deed, str(project), str(log), str(_ACTIONS)]
                return psutil.Popen(words, env=environment | _own_folders(project, deed), stderr=told)

            yield start_anew
            return
        lock = threading.Lock()
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=told, env=environment, text=True) as server:

            def start(deed: str, project: Path, log: Path) -> psutil.Process:
                with lock:
                    json.dump([_own_folders(project, deed), deed, str(project), str(log), _ACTIONS], server.stdin)
                    server.stdin.write("\n")
                    server.stdin.flush()
                    return psutil.Process(int(server.stdout.readline()))

            yield start


@contextlib.contextmanager
def _watched(root: Path) -> Iterator[dict[str, object]]:
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


def _lines(log: Path) -> list[list[Any]]:
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text().rpartition("\n")[0].splitlines()]


def _done(log: Path) -> list[Done]:
    return [Done(*line) for line in _lines(log) if len(line) > 1]


def _must_survive(log: Path) -> int:
    """Return the number of the last action that ended a quarter of a second of the program's time before its end."""
    return max((line[0] for line in _lines(log) if len(line) == 1), default=0)


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """Return a folder with images, masks beside them, a project of the images, and a mask elsewhere."""
    images, masks = tmp_path / "template" / "images", tmp_path / "template" / "masks"
    images.mkdir(parents=True)
    for number, name in enumerate(_painting().IMAGES):
        noise = np.random.default_rng(number).integers(0, 200, (_SIDE, _SIDE), dtype=np.uint8)
        tifffile.imwrite(images / f"{name}.tif", noise)
    project, problems = Project.create(tmp_path / "template" / "p", images)
    assert not problems
    project.close()
    masks.mkdir()
    for name in _painting().IMAGES:
        tifffile.imwrite(masks / f"{name}.tif", _mask(name))
    tifffile.imwrite(tmp_path / "template" / "mask.tif", _mask("c"))
    return tmp_path / "template"


def _mask(name: str) -> np.ndarray:
    mask = np.zeros((_SIDE, _SIDE), np.uint16)
    for number in range(1, 9):
        mask[20 * number : 20 * number + 12, 30:90] = number + 100 * "abc".index(name)
    return mask


class Sweep:
    """Kills the program, one time after the other, and looks at what is left."""

    def __init__(
        self, template: Path, root: Path, start: Starter, truth: dict[int, Done], span: float, chance: random.Random
    ) -> None:
        self._template = template
        self._root = root
        self._start = start
        self._truth = truth
        self._chance = chance
        self._paint = _painting()
        #: Which pixels may be in a label file, by image.
        self.allowed = {(name, value) for done in truth.values() for name, value in done.labels.items()}
        self._plan = iter(
            (_DEEDS[n % len(_DEEDS)], _SIGNALS[n % len(_SIGNALS)], chance.uniform(0, span), chance.uniform(0, _OPENING))
            for n in range(10**6)
        )

    def kill(self, number: int) -> str:
        """Kill the program once, or while it brings back what it was killed in; return what is wrong, or ``""``."""
        deed, name, working, opening = next(self._plan)
        folder, log = self._root / f"p{number}x", self._root / f"log{number}"
        place = self._root / f"place{number}"
        shutil.copytree(self._template, place)
        # The watcher looks at the folders called p…; the images lie beside the project.
        project = place / "p"
        folder.symlink_to(project, target_is_directory=True)
        try:
            if deed == "create":
                shutil.rmtree(project)
                self._run_and_kill("create", project, log, name, opening)
                fault = self._created(project, log)
            else:
                self._run_and_kill("paint", project, log, name, working)
                if deed == "open":
                    self._run_and_kill("open", project, self._root / f"log{number}-open", name, opening)
                fault = self._lost(project, log)
        finally:
            folder.unlink()
        if not fault:
            shutil.rmtree(place)
        return fault and f"kill {number} ({deed}, SIG{name}): {fault}"

    def _run_and_kill(self, deed: str, project: Path, log: Path, name: str, wait: float) -> None:
        program = self._start(deed, project, log)
        end = time.monotonic() + _PATIENCE
        while deed == "paint" and not _done(log) and program.is_running() and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(wait)
        with contextlib.suppress(psutil.NoSuchProcess):
            program.send_signal(getattr(signal, f"SIG{name}", signal.SIGTERM)) if name != "KILL" else program.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            program.wait(_PATIENCE)

    def _lost(self, project: Path, log: Path) -> str:
        done = _done(log)
        if not done:
            return f"the program did nothing; see {self._root / 'errors'}"
        durable = _must_survive(log)
        states = {0: self._truth[0].state} | {item.number: item.state for item in done}
        if len(done) < _ACTIONS:
            states[len(done) + 1] = self._truth[len(done) + 1].state
        self.allowed |= {(name, value) for item in done for name, value in item.labels.items()}
        digests = {}
        try:
            with _opened(project) as opened:
                for entry in opened.images:
                    document = opened.document(entry.id)
                    digests[entry.stem] = self._paint.digest(document.planes)
                    if document.notices:
                        return f"{document.notices}"
        except UserError as error:
            return f"{error}"
        found = self._paint.digest_of_all(digests)
        first = max(durable, len(done) - 1)
        if any(state == found for number, state in states.items() if number >= first):
            return ""
        back = [number for number, state in states.items() if state == found]
        return f"{durable} durable, {len(done)} finished, found the states {back}"

    def _created(self, project: Path, log: Path) -> str:
        blank = {name: self._truth[0].labels[name] for name in self._paint.IMAGES}
        full = {name: self._crc(_mask(name)) for name in self._paint.IMAGES}
        self.allowed |= set(full.items())
        if not (project / "project.json").exists():
            if _done(log):
                return "there is no project, though it was open"
            made, problems = Project.create(project, project.parent / "images")  # nothing is in the way
            made.close()
            return "; ".join(problems)
        try:
            with _opened(project) as opened:
                if [entry.stem for entry in opened.images] != list(self._paint.IMAGES):
                    return f"the project has the images {[entry.stem for entry in opened.images]}"
                for entry in opened.images:
                    planes = opened.document(entry.id).planes
                    found = self._crc(planes.labels.to_array())
                    if found not in ((full[entry.stem],) if _done(log) else (blank[entry.stem], full[entry.stem])):
                        return f"the labels of {entry.name} are neither those of the mask nor none"
                    if not planes.blank and not (planes.regions.is_full() and len(planes.objects)):
                        return f"the mask of {entry.name} is there in part"
        except UserError as error:
            return f"{error}"
        return ""

    @staticmethod
    def _crc(pixels: np.ndarray) -> int:
        return zlib.crc32(np.ascontiguousarray(pixels, np.int32).tobytes())


def _opened(folder: Path) -> Project:
    """Open a project whose owner was killed: a process that it was just starting may have its lock for a moment."""
    end = time.monotonic() + _FREE
    while True:
        try:
            return Project.open(folder)
        except UserError as error:
            if error.code != "project-locked" or time.monotonic() > end:
                raise
        time.sleep(0.05)


def _truth(template: Path, root: Path, start: Starter) -> tuple[dict[int, Done], float]:
    """Let the program work to its end; return what is there after each action, and how long they took, seconds."""
    place = root / "whole"
    shutil.copytree(template, place)
    program, begun = start("paint", place / "p", root / "whole.log"), 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        while program.is_running() and not _done(root / "whole.log"):
            time.sleep(0.01)
        begun = time.monotonic()
        program.wait(_PATIENCE)
    span = time.monotonic() - begun
    done = {item.number: item for item in _done(root / "whole.log")}
    assert len(done) == _ACTIONS, (root / "errors").read_text()
    assert len({item.state for item in done.values()}) > _ACTIONS // 2
    paint = _painting()
    digests, labels = {}, {}
    with Project.open(template / "p", read_only=True) as project:
        for entry in project.images:
            planes = project.document(entry.id).planes
            digests[entry.stem], labels[entry.stem] = paint.digest(planes), Sweep._crc(planes.labels.to_array())
    return {0: Done(0, paint.digest_of_all(digests), labels)} | done, span


@pytest.mark.slow
def test_killed_program_loses_at_most_the_last_action(
    template: Path,
    tmp_path: Path,
    cases: Cases,
    seed: int,
    record_property: Callable[[str, object], None],
) -> None:
    root = tmp_path / "kills"
    root.mkdir()
    with _starter(root / "errors") as start, _watched(root) as seen, ThreadPoolExecutor(2) as pool:
        sweep = Sweep(template, root, start, *_truth(template, root, start), random.Random(seed))
        lost, count = [], 0
        for _ in cases(merge=2, nightly=50, release=200, each=10):
            lost += [fault for fault in pool.map(sweep.kill, range(count, count + 10)) if fault]
            count += 10
    record_property("words", f"{seen['opens']} opens of label files by two readers")
    assert not lost, f"seed {seed}: {len(lost)} of {count}: {lost[:10]}"
    assert not seen["wrong"]
    assert seen["opens"] > 10 * count
    strange = {(name, value) for name, value in seen["seen"]} - sweep.allowed
    assert not strange, f"seed {seed}: another program saw pixels that never were: {strange}"


@pytest.mark.slow
@pytest.mark.parametrize("name", STORES)
def test_how_others_save_is_found_out_by_kills(tmp_path: Path, name: str, seed: int) -> None:
    _, load, harmed, _ = STORES[name]
    chance, bad = random.Random(seed), 0
    for number in range(60 if harmed else 12):  # harm is a matter of luck, and the computer may be slow
        if bad:
            break
        folder, log = tmp_path / str(number), tmp_path / f"{number}.log"
        folder.mkdir()
        with log.open("wb") as told:
            command = [sys.executable, str(_HERE / "stand_in_stores.py"), name, str(folder)]
            program = psutil.Popen(command, stdout=told)
        end = time.monotonic() + _PATIENCE
        while not log.stat().st_size and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.3))
        program.kill()
        program.wait()
        last = len(log.read_text().rpartition("\n")[0].splitlines())
        try:
            found = load(folder)
        except (OSError, ValueError, EOFError):
            bad += 1
        else:
            size = found.size
            bad += not any(np.array_equal(found, version(number, size)) for number in (last, last + 1))
    assert (bad > 0) == harmed, "a kill did harm" if bad else "no kill did harm"

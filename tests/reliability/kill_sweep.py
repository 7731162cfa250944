"""Kills the real program at its work, one time after the other, and judges what is left of the project."""

import contextlib
import json
import random
import shutil
import signal
import sys
import time
import zlib
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
from golden import make_project
from reliability.killed_program import ACTIONS, Done, Starter, begun, finished, lives, must_survive, painting

from segstudio.core.errors import UserError
from segstudio.project.manifest_file import load_manifest
from segstudio.project.migration import SCHEMA_VERSION
from segstudio.project.project import Project

#: A project that an earlier version wrote.
_GOLDEN = Path(__file__).parents[1] / "golden" / "v1"
SIDE = 256
PATIENCE = 120.0
#: A kill that comes when the work is done is judged too, but one that meets the work takes its place, sooner.
_TRIES = 6
#: Seconds until the lock of a killed program is free, however busy the computer; `test_two_programs` has the promise.
_FREE = 10.0
_DEEDS = ("paint", "paint", "paint", "open", "paint", "migrate", "create", "paint", "open", "paint")
_SIGNALS = ("KILL", "SEGV", "ABRT") if sys.platform != "win32" else ("KILL",)


def mask_of(name: str) -> np.ndarray:
    """Return the mask that lies beside an image."""
    mask = np.zeros((SIDE, SIDE), np.uint16)
    for number in range(1, 9):
        mask[20 * number : 20 * number + 12, 30:90] = number + 100 * "abc".index(name)
    return mask


class Sweep:
    """Kills the program, one time after the other, and looks at what is left.

    Attributes
    ----------
    met
        Kills that met the program at its work, by what it did.
    late
        Kills that came when it was done with it.
    """

    def __init__(
        self, template: Path, root: Path, start: Starter, truth: dict[int, Done], spans: dict[str, float], seed: int
    ) -> None:
        self.met: Counter[str] = Counter()
        self.late: Counter[str] = Counter()
        self._template = template
        self._root = root
        self._start = start
        self._truth = truth
        self._spans = spans
        self._seed = seed
        self._paint = painting()
        #: Which pixels may be in a label file, by image.
        self.allowed = {(name, value) for done in truth.values() for name, value in done.labels.items()}

    def kill(self, number: int) -> str:
        """Kill the program at its work, or while it brings back what it was killed in; return what is wrong."""
        deed, name = _DEEDS[number % len(_DEEDS)], _SIGNALS[number % len(_SIGNALS)]
        chance, source = random.Random(f"{self._seed} {number}"), _GOLDEN if deed == "migrate" else self._template
        place, painted, log = (self._root / f"{what}{number}" for what in ("place", "painted", "log"))
        if deed == "open":
            shutil.copytree(source, painted)
            self._run_and_kill("paint", painted / "p", log, name, chance.uniform(0, self._spans["paint"]))
            source = painted
        wait, fault = chance.uniform(0, self._spans[deed]), "no kill met the program at its work"
        for attempt in range(_TRIES):
            shutil.copytree(source, place)
            told = log if deed == "paint" else log.with_name(f"{log.name}-{deed}-{attempt}")
            met = self._run_and_kill(deed, self._prepared(deed, place), told, name, wait / 2**attempt)
            if wrong := self._judge(deed, place, told if deed == "create" else log):
                return f"kill {number} ({deed}, SIG{name}): {wrong}"
            shutil.rmtree(place)
            if met:
                fault = ""
                self.met[deed] += 1
                break
            self.late[deed] += 1
            if deed == "paint":
                log.unlink()
        shutil.rmtree(painted, ignore_errors=True)
        return fault and f"kill {number} ({deed}, SIG{name}): {fault}; see {self._root / 'errors'}"

    @staticmethod
    def _prepared(deed: str, place: Path) -> Path:
        """Return the project in a folder that was copied."""
        if deed == "create":
            shutil.rmtree(place / "p")
        return place / ("project" if deed == "migrate" else "p")

    def _judge(self, deed: str, place: Path, log: Path) -> str:
        if deed == "create":
            return self._created(place / "p", log)
        return self._migrated(place) if deed == "migrate" else self._lost(place / "p", log)

    def _run_and_kill(self, deed: str, project: Path, log: Path, name: str, wait: float) -> bool:
        """Kill the program so many seconds after its work has begun; return whether it was not done with it."""
        link = self._root / f"p{log.name}x"  # the watcher looks at the folders called p…
        if deed != "migrate":
            link.symlink_to(project, target_is_directory=True)
        program = self._start(deed, project, log)
        end = time.monotonic() + PATIENCE
        while not begun(log) and lives(program) and time.monotonic() < end:
            time.sleep(0.01)
        time.sleep(wait)
        met = begun(log) and lives(program)
        with contextlib.suppress(psutil.NoSuchProcess):
            program.send_signal(getattr(signal, f"SIG{name}", signal.SIGTERM)) if name != "KILL" else program.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            program.wait(PATIENCE)
        link.unlink(missing_ok=True)
        return met and (deed == "paint" or not finished(log))

    def _lost(self, project: Path, log: Path) -> str:
        done = finished(log)
        if not done:
            return f"the program did nothing; see {self._root / 'errors'}"
        durable = must_survive(log)
        states = {0: self._truth[0].state} | {item.number: item.state for item in done}
        if len(done) < ACTIONS:
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
        full = {name: self._crc(mask_of(name)) for name in self._paint.IMAGES}
        self.allowed |= set(full.items())
        if not (project / "project.json").exists():
            if finished(log):
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
                    if found not in ((full[entry.stem],) if finished(log) else (blank[entry.stem], full[entry.stem])):
                        return f"the labels of {entry.name} are neither those of the mask nor none"
                    if not planes.blank and not (planes.regions.is_full() and len(planes.objects)):
                        return f"the mask of {entry.name} is there in part"
        except UserError as error:
            return f"{error}"
        return ""

    def _migrated(self, place: Path) -> str:
        """The project of an earlier version is still that, or one of today with the file of before beside it."""
        folder, expected = place / "project", json.loads((_GOLDEN / "expected.json").read_text())
        now = json.loads((folder / "project.json").read_bytes())["schema_version"]
        kept, before = folder / "project.v1.json", (_GOLDEN / "project" / "project.json").read_bytes()
        if now == SCHEMA_VERSION and (not kept.exists() or kept.read_bytes() != before):
            return "the file of before is not kept"
        if load_manifest(folder)[0].name not in (expected["name"], self._paint.LATER):
            return f"the project is called {load_manifest(folder)[0].name}"
        try:
            with _opened(folder) as opened:
                if [item.name for item in opened.classes.removed] != [name for _, name, _ in expected["removed"]]:
                    return "removed classes are gone"
                for entry in opened.images:
                    document, truth = opened.document(entry.id), expected["images"][entry.name]
                    if document.notices or make_project.digest(document) != truth["states"][truth["ahead"]]:
                        return f"{entry.name} is not as before: {document.notices}"
                opened.set_name(self._paint.LATER)
        except UserError as error:
            return f"{error}"
        return "" if load_manifest(folder)[0].name == self._paint.LATER else "the name was not saved"

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


def _watch(program: psutil.Process, log: Path) -> float:
    """Let a program come to the end of its work; return how long that took, seconds."""
    begin = end = 0.0
    while lives(program):
        now = time.monotonic()
        begin = begin or now * begun(log)
        if not finished(log) or log.stem.endswith("paint"):
            end = now
        time.sleep(0.005)
    return end - begin


def truth_of(template: Path, root: Path, start: Starter) -> tuple[dict[int, Done], dict[str, float]]:
    """Let the program work to its end; return what is there after each action, and how long each work takes."""
    place, spans = root / "whole", {}
    shutil.copytree(template, place)
    shutil.copytree(_GOLDEN, root / "golden")
    shutil.copytree(template / "images", root / "created" / "images")
    shutil.copytree(template / "masks", root / "created" / "masks")
    for deed, folder in {
        "paint": place / "p",
        "open": place / "p",
        "migrate": root / "golden" / "project",
        "create": root / "created" / "p",
    }.items():
        log = root / f"whole-{deed}.log"
        spans[deed] = _watch(start(deed, folder, log), log)
        assert finished(log), (root / "errors").read_text()
    spans["open"] *= 2  # this one had nothing to bring back
    done = {item.number: item for item in finished(root / "whole-paint.log")}
    assert len(done) == ACTIONS, (root / "errors").read_text()
    assert len({item.state for item in done.values()}) > ACTIONS // 2
    paint = painting()
    digests, labels = {}, {}
    with Project.open(template / "p", read_only=True) as project:
        for entry in project.images:
            planes = project.document(entry.id).planes
            digests[entry.stem], labels[entry.stem] = paint.digest(planes), Sweep._crc(planes.labels.to_array())
    return {0: Done(0, paint.digest_of_all(digests), labels)} | done, spans

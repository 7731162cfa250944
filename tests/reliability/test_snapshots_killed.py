"""Promise 6 under ``kill -9``: a snapshot is whole or none, whatever the moment, and the next program cleans up."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile

sys.path.insert(0, str(Path(__file__).parent))
import keeping_earlier_states as worker
from reliability.cases import Cases

from segstudio.labels.edits import Delete
from segstudio.labels.history import Planes
from segstudio.labels.restoring import restoration
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

#: Two rounds and a half change the disk so often for snapshots.
STEPS = 60
ROOT = Path(__file__).resolve().parents[2]


def _kill(folder: Path, step: int, chance: random.Random) -> None:
    """Let the worker die at a step of its own, or at any moment."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, str(Path(worker.__file__)), str(folder), str(step)], stdout=subprocess.PIPE, env=environment
    )
    try:
        process.stdout.readline()  # the first round is done
        if step:
            process.stdout.read()
        else:
            time.sleep(chance.uniform(0.0, 0.4))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    assert process.returncode == -signal.SIGKILL


class _Truth:
    """What the labels are before the large change of each round, drawn in a document that nobody kills."""

    def __init__(self, folder: Path) -> None:
        self._project = _new_project(folder)
        self._document = self._project.document(self._project.images[0].id)
        self._known: dict[int, np.ndarray] = {}

    def before(self, number: int) -> np.ndarray:
        if number not in self._known:
            for object_id in sorted(worker.expected(number)):
                self._document.apply(worker.stroke_of(object_id))
            self._known[number] = self._document.planes.labels.to_array()
            while self._document.undo() is not None:
                pass
        return self._known[number]

    def close(self) -> None:
        self._project.close()


def _new_project(folder: Path) -> Project:
    folder.mkdir()
    tifffile.imwrite(folder / "img.tif", np.zeros(worker.SHAPE, np.uint8))
    return Project.create(folder / "project", folder / "img.tif")[0]


def _check(document: ImageDocument, truth: _Truth) -> int:
    """Check all states that are offered; return how many are."""
    states = document.snapshots.all()
    for state in states:
        planes = document.snapshots.read(state.number)
        number = worker.round_of(planes.objects)
        assert set(planes.objects) == worker.expected(number)
        assert state.objects == len(planes.objects)
        assert np.array_equal(planes.labels.to_array(), truth.before(number))
    return len(states)


def _go_on(document: ImageDocument) -> None:
    """Work as the next owner: what is torn goes, and the newest state can be restored."""
    newest = document.snapshots.all()[0]
    document.apply(Delete(tuple(document.planes.objects)))
    for object_id in range(900, 911):
        document.apply(worker.stroke_of(object_id))
    document.apply(Delete(tuple(range(900, 911))))  # a snapshot, and with it the others are looked through
    now = Planes(document.planes.labels.snapshot(), document.planes.regions.snapshot(), document.planes.objects)
    to = restoration(now, document.snapshots.read(newest.number, now))
    assert document.restore(to, document.seq)
    assert len(document.planes.objects) == newest.objects
    assert document.checkpoint(wait=True)
    folders = {path.name for path in document.files.snapshots.iterdir()}
    assert folders == {str(state.number) for state in document.snapshots.all()}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_while_snapshots_are_written_each_is_whole_or_none(tmp_path: Path, cases: Cases, seed: int) -> None:
    chance = random.Random(seed)
    truth = _Truth(tmp_path / "truth")
    seen = torn = 0
    for number in cases(merge=8, nightly=100, release=500):
        folder = tmp_path / f"{number}"
        _new_project(folder).close()
        _kill(folder / "project", chance.randrange(1, STEPS) if number % 4 else 0, chance)
        with Project.open(folder / "project") as project:
            document = project.document(project.images[0].id)
            assert document.notices == [], f"kill {number} of seed {seed}"
            offered = _check(document, truth)
            assert offered, "the first round was done"
            seen += offered
            torn += sum(1 for _ in document.files.snapshots.iterdir()) - offered
            _go_on(document)
    truth.close()
    sys.stderr.write(f"{seen} states whole, {torn} torn ones passed over\n")

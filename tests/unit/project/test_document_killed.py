"""A program that is killed while painting loses at most its last action, pixel-exact.

Faster than any hand, several actions may wait for one sync of a busy disk: then what was called saved is back.
"""

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
import painter

from segstudio.labels.history import Planes

ROOT = Path(__file__).resolve().parents[3]
KILLS = 20
#: Seconds between two actions: of a quick hand, and of none.
HAND, BURST = 0.04, 0.002
#: What the promise allows to be missing: actions younger than this.
DURABLE_SECONDS = 0.25


def paint_and_kill(folder: Path, seed: int, wait: float, pause: float) -> tuple[int, int]:
    """Return how many actions had returned, and how many of these must be back.

    Those are the ones that returned `DURABLE_SECONDS` before the end, and those after which the program said "saved".
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, str(Path(painter.__file__)), str(folder), str(seed), str(pause)],
        stdout=subprocess.PIPE,
        env=environment,
    )
    assert process.stdout is not None
    try:
        times = [(process.stdout.readline(), time.monotonic())]
        os.set_blocking(process.stdout.fileno(), False)
        end = time.monotonic() + wait
        while time.monotonic() < end:
            line = process.stdout.readline()
            if line:
                times.append((line, time.monotonic()))
            else:
                time.sleep(0.001)
        killed = time.monotonic()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    rest = (process.stdout.read() or b"").rpartition(b"\n")[0].splitlines()
    process.stdout.close()
    lines = [(*map(int, line.split()), at) for line, at in [*times, *((line, killed) for line in rest)] if line]
    safe = max((number for number, saved, at in lines if saved or at < killed - DURABLE_SECONDS), default=0)
    return lines[-1][0], safe


def states_of(seed: int, upto: int, tmp_path: Path) -> list[tuple[Planes, dict[int, object]]]:
    """Return what the actions give one by one, in a document that nobody kills."""
    folder = tmp_path / f"model-{seed}"
    folder.mkdir()
    tifffile.imwrite(folder / "img.tif", np.zeros(painter.SHAPE, np.uint8))
    document = painter.open_in(folder)
    states = [snapshot(document.planes)]
    for _, step in zip(range(upto), painter.script(seed), strict=False):
        painter.act(document, step)
        states.append(snapshot(document.planes))
    document.close()
    return states


def snapshot(planes: Planes) -> tuple[Planes, dict[int, object]]:
    return Planes(planes.labels.snapshot(), planes.regions.snapshot()), dict(planes.objects)


def equal(state: tuple[Planes, dict[int, object]], planes: Planes) -> bool:
    return state[1] == dict(planes.objects) and np.array_equal(state[0].labels.to_array(), planes.labels.to_array())


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_killed_at_random_moments_only_the_last_actions_can_be_missing(tmp_path: Path) -> None:
    chance = random.Random(7)
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(painter.SHAPE, np.uint8))
    for number in range(KILLS):
        folder = tmp_path / f"round-{number}"
        folder.mkdir()
        tifffile.imwrite(folder / "img.tif", np.zeros(painter.SHAPE, np.uint8))
        pause = HAND if number % 2 else BURST
        returned, safe = paint_and_kill(folder, number, chance.uniform(0.0, 0.9), pause)
        states = states_of(number, min(returned + 1, painter.ACTIONS), tmp_path)
        document = painter.open_in(folder)
        try:
            found = next((n for n in range(len(states) - 1, -1, -1) if equal(states[n], document.planes)), None)
            assert document.notices == []
            assert found is not None, f"round {number}: in no state that ever was"
            assert found >= safe, f"round {number}: {found} of {safe} safe actions are back"
            if pause == HAND:
                assert found >= returned - 1, f"round {number}: {found} of {returned} actions are back"
        finally:
            assert document.close()
        published = tifffile.imread(painter.files_in(folder).labels) if any(states[found][1]) else None
        if published is not None:
            assert np.array_equal(published, states[found][0].labels.to_array())

"""How long the next plane of a stack takes in the real window: for its thread, and until all of it is shown.

Run with ``python tests/bench/stacks.py``: 20 planes of 2048 x 2048 pixels, 16 bit, 1,156 objects on each.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from bench_figure import exit_code, figure
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_driver import Driver, run_program

from segstudio.core.tiles import Window
from segstudio.labels.objects import ObjectInfo
from segstudio.project.project import Project

PLANES, SIDE, STEP = 20, 2048, 60
FRAME_MS, SHOWN_MS = 16.0, 100.0


def make_project(folder: Path) -> Path:
    """Write a time-lapse of noise with the same squares on each plane."""
    (folder / "images").mkdir()
    noise = np.random.default_rng(0).integers(0, 60_000, (PLANES, SIDE, SIDE), dtype=np.uint16)
    tifffile.imwrite(folder / "images" / "s.tif", noise, imagej=True, metadata={"axes": "TYX"})
    project, problems = Project.create(folder / "project", folder / "images")
    assert not problems, problems
    document = project.document(project.images[0].id)
    y, x = np.mgrid[:SIDE, :SIDE]
    labels = ((y // STEP) * -(-SIDE // STEP) + x // STEP + 1).astype(np.int32)
    labels[(y % STEP < STEP // 10) | (x % STEP < STEP // 10)] = 0
    for plane in range(PLANES):
        document.turn_to(plane)
        gesture = document.begin("Squares")
        gesture.write("labels", Window.whole((SIDE, SIDE)), labels)
        for number in np.unique(labels)[1:].tolist() if plane == 0 else ():
            gesture.set_object(number, ObjectInfo())
        gesture.commit()
    assert project.close()
    return folder / "project"


def measure(hand: Driver) -> None:
    """Turn through all planes, there and back."""
    window, session = hand.window, hand.session
    hand.wait(lambda: session.document is not None, what="the stack")
    hand.wait(window.canvas.is_idle, what="its pixels")
    QTest.qWait(3_000)  # the objects are measured
    thread, shown = [], []
    for plane in (*range(1, PLANES), *range(PLANES - 2, -1, -1)):
        begun, worked = time.perf_counter(), time.thread_time()
        session.document.turn_to(plane)
        thread.append(1000 * (time.thread_time() - worked))
        while not window.canvas.is_idle():
            QApplication.processEvents()
            time.sleep(0.001)  # `QTest.qWait` would keep the interpreter from the threads that draw
        shown.append(1000 * (time.perf_counter() - begun))
    for name, found, target in (("thread", thread, FRAME_MS), ("shown", shown, SHOWN_MS)):
        p95, longest = float(np.quantile(found, 0.95)), max(found)
        figure(f"stacks.{SIDE}.turn.{name}", statistics.median(found), "ms", target=target, p95=p95, longest=longest)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        run_program([str(make_project(Path(name)))], measure)


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())

"""How long the real window takes from a mouse event to the frame that shows it, idle and during a training.

Run with ``python tests/bench/brush_in_window.py [--train] [--profile FILE]``; JSON lines.
The image has 2048² pixels and 2,601 objects; objects table, images panel, jobs and status bar are connected and shown.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from bench_figure import exit_code, figure
from bench_window import FRAME_MS, BenchWindow
from PySide6.QtCore import QEvent

from segstudio.core.tiles import Window
from segstudio.labels.edits import PasteLabels
from segstudio.labels.objects import ObjectInfo
from segstudio.project.project import Project

SIDE, CELLS, MOVES, STROKES = 2048, 51, 60, 12


def make_project(folder: Path) -> Path:
    """Write a project of two images of 2,601 objects."""
    rng = np.random.default_rng(0)
    step = SIDE / CELLS
    y, x = np.mgrid[:SIDE, :SIDE]
    row, column = (y / step).astype(np.int32), (x / step).astype(np.int32)
    inside = (y - (row + 0.5) * step) ** 2 + (x - (column + 0.5) * step) ** 2 < (0.4 * step) ** 2
    labels = np.where(inside, row * CELLS + column + 1, 0).astype(np.int32)
    image = (500 + 4000 * inside + rng.normal(0, 100, labels.shape)).astype(np.uint16)
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(folder / name, image, tile=(512, 512), compression="zlib")
    project, _ = Project.create(folder / "project", [folder / "a.tif", folder / "b.tif"])
    infos = {int(i): ObjectInfo() for i in range(1, CELLS**2 + 1)}
    for entry in project.images:
        document = project.document(entry.id)
        document.apply(PasteLabels(labels, Window(0, 0, SIDE, SIDE), infos))
        document.close()
    project.close()
    return folder / "project"


class Bench(BenchWindow):
    """The window with the table of objects shown."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.window.show_drawer(0)
        self.settle()
        self.rest(0.5)
        self.profiled = True

    def strokes(self, name: str) -> None:
        """Paint strokes and report moves, commits and what the panels cost afterwards."""
        view = self.session.view
        view.tool = "brush"
        rng = np.random.default_rng(sum(name.encode()))
        presses: list[float] = []
        moves: list[float] = []
        releases: list[float] = []
        after: list[float] = []
        for _ in range(STROKES):
            view.new_object()
            x, y = (SIDE / 2 + value for value in rng.uniform(-350, 50, 2))
            presses.append(self.mouse(QEvent.Type.MouseButtonPress, x, y))
            for step in range(MOVES):
                place = x + 5 * step, y + 20 * np.sin(step / 6)
                moves.append(self.mouse(QEvent.Type.MouseMove, *place))
                time.sleep(0.004)
            releases.append(self.mouse(QEvent.Type.MouseButtonRelease, *place))
            after.append(self.rest(0.7))
        for what, times in (("press", presses), ("move", moves), ("release", releases), ("turn_after", after)):
            report(name, what, times)


def report(state: str, action: str, seconds: list[float]) -> None:
    """Print the median with the 95th percentile and the longest."""
    ms = 1000 * np.array(seconds)
    spread = {"p95": float(np.quantile(ms, 0.95)), "longest": float(ms.max())}
    figure(f"brush.{state}.{action}", float(np.median(ms)), "ms", target=FRAME_MS, **spread)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", action="store_true", help="also measure while a training runs")
    parser.add_argument("--profile", type=Path, help="write a profile of the GUI thread")
    wishes = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for kind in ("CONFIG", "STATE", "CACHE", "DATA"):
            os.environ[f"XDG_{kind}_HOME"] = str(Path(name) / kind)
        gc.disable()
        bench = Bench(make_project(Path(name)))
        for zoom in ("fit", "1:1"):
            if zoom == "1:1":
                bench.canvas.actual_size()
                bench.until(bench.canvas.is_idle)
            bench.strokes(f"idle.{zoom}")
        if wishes.train:
            measure_training(bench)
        if wishes.profile:
            bench.profile.dump_stats(wishes.profile)
        bench.close()


def measure_training(bench: Bench) -> None:
    """Start a training of the image and paint meanwhile."""
    bench.session.view.tool = "select"
    running = bench.session.jobs
    bench.session.noticed.connect(lambda notice: sys.stderr.write(f"{notice.message}\n"))
    bench.window.show_step(1)
    # The form fills when the worker has told what it offers; before that nothing starts.
    end = time.perf_counter() + 45
    while not running.trainings.running and time.perf_counter() < end:
        bench.window.train()
        bench.rest(2)
    bench.rest(15)
    if not running.trainings.running:
        raise SystemExit("The training did not start.")
    bench.strokes("training.1:1")
    if not running.trainings.running:
        raise SystemExit("The training ended before the strokes did.")
    for job in running.active:
        running.kill(job.id)
    bench.until(lambda: not running.trainings.running, 60)


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())

"""From a brush event to the painted frame, a pan, a zoom, an undo, at three sizes of image: JSON lines.

Run with ``python tests/bench/canvas.py [sides ...] [--objects N] [--napari PYTHON]``; sides default to 2048, 16384 and
40000, each with 50,000 objects. ``--napari`` takes the interpreter of an environment with napari, which is then
measured beside, on the same screen (``xvfb-run -a``, ``QT_QPA_PLATFORM=xcb``).
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from bench_figure import exit_code, figure
from bench_slide import make_slide
from bench_window import FRAME_MS, BenchWindow
from PySide6.QtCore import QEvent

from segstudio.session.view_state import BRUSH_MAX

MOVES = 120
BRUSH_MS, UNDO_MS = 4.0, 20.0
#: Sizes may differ from each other by a fifth.
SPREAD = 1.2
TIMES_FASTER = 7.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("sides", nargs="*", type=int, default=[2048, 16384, 40000])
    parser.add_argument("--objects", type=int, default=50_000)
    parser.add_argument("--napari", metavar="PYTHON", help="interpreter of an environment with napari")
    wishes = parser.parse_args()
    peers = napari_times(wishes.napari, wishes.sides) if wishes.napari else {}
    brush: dict[str, list[float]] = {}
    for side in wishes.sides:
        with tempfile.TemporaryDirectory() as name:
            for kind in ("CONFIG", "STATE", "CACHE", "DATA"):
                os.environ[f"XDG_{kind}_HOME"] = str(Path(name) / kind)
            measure(Path(name), side, wishes.objects, peers.get(side), brush)
    for zoom, medians in brush.items():
        figure(f"canvas.brush.{zoom}.largest_to_smallest", max(medians) / min(medians), "times", target=SPREAD)


def measure(folder: Path, side: int, objects: int, peer: float | None, brush: dict[str, list[float]]) -> None:
    """Report all of one size; medians of the brush are added to `brush`."""
    project = make_slide(folder, side, objects)
    bench = BenchWindow(project)
    opened = bench.until(lambda: bench.canvas.is_idle())
    figure(f"canvas.{side}.open.all_tiles", 1000 * opened, "ms")
    bench.settle()
    figure(f"canvas.{side}.memory", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "MB")
    view = bench.session.view
    view.show_boxes = True
    for zoom in ("1:1", "fit", "between"):
        if zoom == "1:1":
            bench.canvas.actual_size()
        elif zoom == "fit":
            bench.canvas.fit()
        else:
            bench.canvas.zoom(4.0)
        bench.settle()
        median = strokes(bench, side, zoom, peer if zoom == "1:1" else None)
        brush.setdefault(zoom, []).append(median)
        frames(bench, side, zoom)
    bench.close()


def strokes(bench: BenchWindow, side: int, zoom: str, peer: float | None) -> float:
    """Paint, end the stroke and take it back; return the median of a move, milliseconds."""
    canvas, view = bench.canvas, bench.session.view
    view.tool = "brush"
    view.new_object()
    scale = canvas.camera.scale
    view.brush_diameter = min(40 / scale, BRUSH_MAX)
    x, y = canvas.camera.to_image(canvas.width() / 2, canvas.height() / 2)
    bench.mouse(QEvent.Type.MouseButtonPress, x, y)
    moves = []
    for step in range(MOVES):
        moves.append(bench.mouse(QEvent.Type.MouseMove, x + 3 * step / scale, y + 20 / scale * np.sin(step / 6)))
        bench.rest(0.004)
    report(f"canvas.{side}.brush.{zoom}", moves, BRUSH_MS, peer=peer)
    end = bench.mouse(QEvent.Type.MouseButtonRelease, x + 3 * MOVES / scale, y)
    figure(f"canvas.{side}.stroke_end.{zoom}", 1000 * end, "ms", target=FRAME_MS)
    bench.settle()
    document = bench.session.document
    assert document is not None
    figure(f"canvas.{side}.undo.{zoom}", 1000 * bench.timed(document.undo), "ms", target=UNDO_MS)
    bench.settle()
    return 1000 * float(np.median(moves))


def frames(bench: BenchWindow, side: int, zoom: str) -> None:
    """Pan and turn the wheel."""
    canvas = bench.canvas
    pans = []
    for step in range(60):
        pans.append(bench.timed(lambda step=step: canvas.set_camera(canvas.camera.moved(-7, 3 if step % 2 else -3))))  # type: ignore[misc]
        bench.rest(0.008)
    report(f"canvas.{side}.pan.{zoom}", pans, None)
    bench.settle()
    wheels = []
    for factor in [1.1] * 12 + [1 / 1.1] * 12:
        wheels.append(bench.timed(lambda factor=factor: canvas.zoom(factor)))  # type: ignore[misc]
        bench.rest(0.008)
    report(f"canvas.{side}.wheel.{zoom}", wheels, None)
    bench.settle()


def report(name: str, seconds: list[float], target: float | None, peer: float | None = None) -> None:
    """Print the median with the 95th percentile and the longest; the 95th percentile has one frame."""
    ms = 1000 * np.array(seconds)
    p95 = float(np.quantile(ms, 0.95))
    least = None if peer is None else TIMES_FASTER
    figure(name, float(np.median(ms)), "ms", target=target, peer=peer, least_ratio=least, longest=float(ms.max()))
    figure(f"{name}.p95", p95, "ms", target=FRAME_MS)


def napari_times(python: str, sides: list[int]) -> dict[int, float]:
    """Return milliseconds from a paint call of napari to its frame, by size; a size that fails is left out."""
    script = Path(__file__).with_name("napari_brush.py")
    found = {}
    for side in sides:
        ended = subprocess.run([python, str(script), str(side)], capture_output=True, text=True, check=False)
        lines = [line for line in ended.stdout.splitlines() if line.startswith("{")]
        if lines:
            found[side] = float(json.loads(lines[-1])["paint_ms"])
        else:
            sys.stderr.write(f"napari, {side} px: {ended.stderr[-400:]}\n")
    return found


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())

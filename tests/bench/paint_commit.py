"""Time the end of a brush stroke and of an erasing one: small and large images with 20,000 cells.

Prints one JSON line per figure. Run: python tests/bench/paint_commit.py [sizes]
"""

import statistics
import sys
import time

import numpy as np
from bench_figure import exit_code, figure

from segstudio.core.tiles import Window
from segstudio.labels.edits import Brush, Painter, add_object
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction
from segstudio.labels.undo import History

CELLS = 20_000
DIAMETER = 24.0
TARGET_MS = 16.0


def annotated(size: int) -> Planes:
    """Return a square image with 20,000 square cells on a grid."""
    planes = Planes.empty((size, size))
    per_row = int(np.ceil(np.sqrt(CELLS)))
    pitch = size // per_row
    column_id = np.minimum(np.arange(size) // pitch, per_row - 1)
    inside = np.arange(size) % pitch < pitch * 3 // 4
    for y in range(0, size, 512):
        rows = np.arange(y, min(y + 512, size))
        ids = column_id[rows][:, None] * per_row + column_id + 1
        values = np.where(inside[rows][:, None] & inside & (ids <= CELLS), ids, 0)
        planes.labels.write(Window(y, 0, y + len(rows), size), values.astype(np.int32))
    for object_id in range(1, CELLS + 1):
        planes.objects.set(object_id, ObjectInfo())
    return planes


def stroke(planes: Planes, brush: Brush, points: np.ndarray) -> tuple[list[float], float, EditRecord | None]:
    """Paint a stroke; return the milliseconds of each move and of the commit, and the record."""
    transaction = Transaction(planes, "stroke")
    painter = Painter(transaction, brush)
    moves = []
    for x, y in points.tolist():
        start = time.perf_counter()
        painter.to(x, y)
        moves.append(1000 * (time.perf_counter() - start))
    if brush.value:
        add_object(transaction, brush.value, 1)
    start = time.perf_counter()
    record = transaction.commit()
    return moves, 1000 * (time.perf_counter() - start), record


def report(name: str, values: list[float], target: float | None = TARGET_MS) -> None:
    """Print median and 95th percentile; the target is for the latter."""
    figure(f"{name}.median", statistics.median(values), "ms")
    figure(f"{name}.p95", float(np.quantile(values, 0.95)), "ms", target=target)


def main(sizes: list[int]) -> None:
    """Paint, erase and undo on each size."""
    for size in sizes:
        planes, history = annotated(size), History()
        start = time.perf_counter()
        planes.labels.index()
        report(f"paint.{size}.index_of_ids", [1000 * (time.perf_counter() - start)], None)
        rng = np.random.default_rng(0)
        figures: dict[str, list[float]] = {"move": [], "commit": [], "commit of erasing": [], "undo": [], "bytes": []}
        for index in range(40):
            centre = rng.uniform(300, size - 300, 2)
            points = centre + np.cumsum(rng.normal(0, 6, (100, 2)), axis=0)
            erases = index % 2 == 1
            brush = Brush(0, DIAMETER) if erases else Brush(planes.objects.next_id(), DIAMETER, (0,))
            moves, commit, record = stroke(planes, brush, points)
            figures["move"] += moves
            figures["commit of erasing" if erases else "commit"].append(commit)
            if record is not None:
                history.push(record)
                figures["bytes"].append(record.nbytes)
                start = time.perf_counter()
                history.undo(planes)
                figures["undo"].append(1000 * (time.perf_counter() - start))
                history.redo(planes)
        for name in ("move", "commit", "commit of erasing", "undo"):
            report(f"paint.{size}.{name.replace(' ', '_')}", figures[name])
        figure(f"paint.{size}.record", float(np.median(figures["bytes"])), "bytes")


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [2048, 16384])
    raise SystemExit(exit_code())

"""How long a brush move, a pan and a zoom take until the screen shows them: JSON lines.

Run with ``python tests/bench/canvas.py [sides ...]``; sides default to 2048 and 16384.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import tifffile
from bench_figure import exit_code, figure
from PySide6.QtWidgets import QApplication

from segstudio.core.tiles import Window
from segstudio.gui.theme import apply_theme
from segstudio.gui.viewer.canvas import Canvas
from segstudio.labels.edits import Stroke
from segstudio.labels.objects import ObjectInfo
from segstudio.project.project import Project
from segstudio.session.session import Session

MOVES = 120
#: One frame, milliseconds.
FRAME_MS = 16.0


def settle(app: QApplication, canvas: Canvas, seconds: float = 60.0) -> float:
    """Process events until everything visible is there; return the seconds it took."""
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        app.processEvents()
        if canvas.is_idle():
            app.processEvents()
            if canvas.is_idle():
                break
        time.sleep(0.001)
    return time.perf_counter() - start


def timed(app: QApplication, acts: list[Callable[[], object]]) -> list[float]:
    """Return the seconds from each act to the end of the paint event that shows it."""
    times = []
    for act in acts:
        start = time.perf_counter()
        act()
        app.processEvents()
        times.append(time.perf_counter() - start)
    return times


def make_image(folder: Path, side: int) -> Path:
    """Write a tiled 16-bit picture of cells on a grid."""
    y, x = np.mgrid[:512, :512]
    cell = (np.sin(x / 512 * 12 * np.pi) * np.sin(y / 512 * 12 * np.pi)) ** 2
    tile = (500 + 8000 * cell).astype(np.uint16)
    repeat = -(-side // 512)
    path = folder / f"cells-{side}.tif"
    tifffile.imwrite(path, np.tile(tile, (repeat, repeat))[:side, :side], tile=(512, 512), compression="zlib")
    return path


def add_objects(session: Session) -> None:
    """Paint a disc at each cell of the first 2048 pixels."""
    document = session.document
    assert document is not None
    side = min(document.planes.shape[0], 2048)
    transaction = document.begin("Discs")
    labels = np.zeros((side, side), np.int32)
    step = 512 / 12
    y, x = np.mgrid[:side, :side]
    row, column = (y / step).astype(np.int32), (x / step).astype(np.int32)
    inside = (y - (row + 0.5) * step) ** 2 + (x - (column + 0.5) * step) ** 2 < 16**2
    labels[inside] = (row * 1000 + column + 1)[inside]
    transaction.write("labels", Window(0, 0, side, side), labels)
    for object_id in np.unique(labels[labels > 0]).tolist():
        transaction.set_object(object_id, ObjectInfo())
    transaction.commit()


def main() -> None:
    sides = [int(word) for word in sys.argv[1:]] or [2048, 16384]
    app = QApplication.instance() or QApplication(["bench"])
    assert isinstance(app, QApplication)
    apply_theme(app, "dark")
    for side in sides:
        with tempfile.TemporaryDirectory() as name:
            measure(app, Path(name), side)


def measure(app: QApplication, folder: Path, side: int) -> None:
    session = Session()
    project, _ = Project.create(folder / "project", [make_image(folder, side)])
    session.project, session.front.document = project, project.document(project.images[0].id)
    add_objects(session)
    canvas = Canvas(session)
    canvas.resize(1280, 800)
    canvas.show()
    start = time.perf_counter()
    canvas.set_document(session.document)
    opened = time.perf_counter() - start
    loaded = settle(app, canvas)
    report(side, "open", [opened])
    figure(f"canvas.{side}.open.all_tiles", 1000 * loaded, "ms")
    paint_and_move(app, canvas, session, side, "fit")
    canvas.actual_size()
    figure(f"canvas.{side}.zoom_to_1:1.all_tiles", 1000 * settle(app, canvas), "ms")
    paint_and_move(app, canvas, session, side, "1:1")
    canvas.close_threads()
    session.document.close()
    project.close()


def paint_and_move(app: QApplication, canvas: Canvas, session: Session, side: int, zoom: str) -> None:
    document = session.document
    assert document is not None
    x, y = canvas.camera.to_image(640, 400)
    diameter = 40 / canvas.camera.scale
    for action, radius in (("brush_40_px", 40), ("brush_12_px", 12)):
        diameter = radius / canvas.camera.scale
        transaction = document.begin("Brush stroke")
        acts: list[Callable[[], object]] = []
        for step in range(MOVES):
            here = [(x + (step + k) * 3 / canvas.camera.scale, y) for k in (0, 1)]
            stroke = Stroke(here, diameter, 999_999)
            acts.append(partial(stroke.apply, transaction))
        report(side, f"{action}.{zoom}", timed(app, acts))
        transaction.abort()
        settle(app, canvas)
    pan = [lambda: canvas.set_camera(canvas.camera.moved(7, 3)) for _ in range(40)]
    report(side, f"pan.{zoom}", timed(app, list(pan)))
    zooms = [lambda factor=factor: canvas.zoom(factor) for factor in [1.1] * 10 + [1 / 1.1] * 10]  # type: ignore[misc]
    report(side, f"wheel.{zoom}", timed(app, list(zooms)))
    settle(app, canvas)


def report(side: int, action: str, seconds: list[float]) -> None:
    """Print the median with the 95th percentile and the longest."""
    ms = 1000 * np.array(seconds)
    spread = {"p95": float(np.quantile(ms, 0.95)), "longest": float(ms.max())}
    figure(f"canvas.{side}.{action}", float(np.median(ms)), "ms", target=FRAME_MS, **spread)


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())

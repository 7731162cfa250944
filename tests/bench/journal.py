"""How long a stroke takes to be durable, and a checkpoint to be published: one JSON line a figure.

Run as ``python tests/bench/journal.py [SIDE]``: an image of SIDE x SIDE pixels (8192) full of cells. No peer is
run here: the figures are compared with the promises only, and depend on the disk of the working folder.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from bench_figure import exit_code, figure

from segstudio.core.tiles import Window
from segstudio.labels.edits import Stroke
from segstudio.labels.label_map import TILE
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.manifest import ImageEntry

STROKES = 150


def milliseconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - start)


def main(side: int) -> None:
    with tempfile.TemporaryDirectory(dir=".", prefix=".bench-") as name:
        folder = Path(name)
        tifffile.imwrite(folder / "img.tif", np.zeros((side, side), np.uint8), compression="deflate", tile=(512, 512))
        files = AnnotationFiles(folder / "l.tif", folder / "r.tif", folder / "l.json", folder / "journal")
        entry = ImageEntry("img", "img.tif", "img.tif", "img", side, side)
        document = ImageDocument.open(entry, folder / "img.tif", files)
        cell = np.kron(np.arange(1, 257, dtype=np.int32).reshape(16, 16), np.ones((26, 26), np.int32))
        tx = document.begin("fill")
        for number, key in enumerate(document.planes.labels.grid.keys()):
            window = document.planes.labels.grid.window(key)
            tile = np.zeros((TILE, TILE), np.int32)
            tile[40 : 40 + 416, 40 : 40 + 416] = cell + 256 * number
            tx.write("labels", window, tile[: window.height, : window.width])
        figure("journal.whole_image_action", milliseconds(lambda: (tx.commit(), document.flush(60))), "ms")
        figure("journal.whole_checkpoint", milliseconds(lambda: document.checkpoint(wait=True)), "ms")
        durable, blocked = [], []
        rng = np.random.default_rng(0)
        for number in range(STROKES):
            start = rng.uniform(100, side - 500, 2)
            points = start + np.cumsum(rng.uniform(0, 8, (40, 2)), axis=0)
            edit = Stroke(points, 20, 100_000 + number)
            begin = time.perf_counter()
            document.apply(edit)
            middle = time.perf_counter()
            document.flush()
            durable.append(1000 * (time.perf_counter() - middle))
            blocked.append(1000 * (middle - begin))
        figure("journal.durable_after_stroke.median", float(np.median(durable)), "ms", target=250.0)
        figure("journal.durable_after_stroke.p99", float(np.percentile(durable, 99)), "ms", target=250.0)
        figure("journal.whole_stroke_painted.median", float(np.median(blocked)), "ms")
        figure("journal.whole_stroke_painted.p99", float(np.percentile(blocked, 99)), "ms")
        document.checkpoint(wait=True)
        for count in (1, 20):
            taken = []
            for _ in range(5):
                for _ in range(count):
                    y, x = (int(value) for value in rng.integers(0, side - 10, 2))
                    tx = document.begin("dot")
                    tx.write("labels", Window(y, x, y + 4, x + 4), np.full((4, 4), int(rng.integers(1, 9)), np.int32))
                    tx.commit()
                document.flush()
                taken.append(milliseconds(lambda: document.checkpoint(wait=True)))
            figure(f"journal.checkpoint.{count}_tiles", float(np.median(taken)), "ms", target=1000.0)
        size = sum(path.stat().st_size for path in files.journal.iterdir())
        figure("journal.size", size / 1024, "KiB")
        for number in range(20):
            document.apply(Stroke(np.array([[50.0 + 30 * number, 50], [80, 400]]), 12, 200_000 + number))
        document.flush()
        document.close()
        figure(
            "journal.reopen", milliseconds(lambda: ImageDocument.open(entry, folder / "img.tif", files).close()), "ms"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8192)
    raise SystemExit(exit_code())

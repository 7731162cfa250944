"""A folder of 10,000 images: until the first and the last are in the list, opening the project, switching: JSON lines.

Run with ``python tests/bench/many_images.py [COUNT]``.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
from bench_figure import exit_code, figure
from bench_window import FRAME_MS, BenchWindow

from segstudio.project.project import Project

FIRST_S, OPEN_S, SWITCH_MS = 1.0, 1.0, 100.0
SWITCHES = 15


def main() -> None:
    count = int(sys.argv[1]) if sys.argv[1:] else 10_000
    with tempfile.TemporaryDirectory() as name:
        for kind in ("CONFIG", "STATE", "CACHE", "DATA"):
            os.environ[f"XDG_{kind}_HOME"] = str(Path(name) / kind)
        folder = Path(name) / "images"
        folder.mkdir()
        for number in range(count):
            pixels = np.random.default_rng(number).integers(0, 255, (64, 64), dtype=np.uint8)
            tifffile.imwrite(folder / f"well {number:05}.tif", pixels)
        tifffile.imwrite(Path(name) / "first.tif", np.zeros((64, 64), np.uint8))
        project, _ = Project.create(Path(name) / "project", [Path(name) / "first.tif"])
        project.close()
        add(Path(name) / "project", folder, count)
        switch(Path(name) / "project")


def add(project: Path, folder: Path, count: int) -> None:
    bench = BenchWindow(project)
    bench.settle()
    start, first, longest = time.perf_counter(), 0.0, 0.0
    bench.session.add_images([folder])
    open_project = bench.session.project
    assert open_project is not None
    while len(open_project.images) <= count:
        longest = max(longest, bench.timed(lambda: None))
        if not first and len(open_project.images) > 1:
            first = time.perf_counter() - start
        time.sleep(0.001)
    figure(f"images.{count}.first_in_the_list", first, "s", target=FIRST_S)
    figure(f"images.{count}.all_in_the_list", time.perf_counter() - start, "s")
    figure(f"images.{count}.longest_turn_while_adding", 1000 * longest, "ms", target=FRAME_MS)
    bench.rest(1)
    bench.close()


def switch(project: Path) -> None:
    start = time.perf_counter()
    bench = BenchWindow(project)
    figure("images.open_project", time.perf_counter() - start, "s", target=OPEN_S)
    bench.settle()
    bench.rest(2)
    entries = bench.session.project.images if bench.session.project is not None else []
    times = []
    for entry in entries[5 :: len(entries) // SWITCHES][:SWITCHES]:

        def there(wanted: str = entry.id) -> bool:
            document = bench.session.document
            return document is not None and document.entry.id == wanted and bench.canvas.is_idle()

        begin = time.perf_counter()
        bench.session.select(entry.id)
        bench.until(there)
        times.append(1000 * (time.perf_counter() - begin))
        bench.rest(0.3)
    longest = float(max(times))
    figure("images.switch", float(np.median(times)), "ms", target=SWITCH_MS, longest=longest)
    bench.close()


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())

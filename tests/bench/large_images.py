"""Large images in the real window: until the first picture is seen, until all is sharp, and the memory it takes.

Run with ``python tests/bench/large_images.py``. It writes about 4 GB into a temporary folder (``--work FOLDER`` to say
where) and removes them. ``--only`` some of ``pyramid``, ``plain``, ``strip``, ``png``.
"""

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import tifffile
from bench_figure import exit_code, figure
from numpy.typing import NDArray
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_driver import Driver, run_program

from segstudio.io.coarse_cache import cache_folder
from segstudio.project.project import Project

FIRST_S = {"pyramid": 0.5, "plain": 2.0}
MEMORY_MB = 1500.0
_SQUARE = 500


def pixels(side: int, dtype: type[np.generic]) -> NDArray[np.generic]:
    """Return blurred noise of many squares, quickly made."""
    rng = np.random.default_rng(0)
    square = rng.integers(0, np.iinfo(dtype).max // 4, (_SQUARE, _SQUARE)).astype(dtype)  # type: ignore[type-var]
    whole = np.tile(square, (side // _SQUARE, side // _SQUARE))
    whole[side // 3 : side // 2, side // 4 : side // 2] *= 3
    return whole


def pyramid(path: Path) -> None:
    """Write 40,000 x 40,000 pixels of 8 bits in tiles, with copies of half, quarter, … the size."""
    whole = pixels(40_000, np.uint8)
    with tifffile.TiffWriter(path, bigtiff=True) as writer:
        writer.write(whole, tile=(512, 512), subifds=7, photometric="minisblack")
        for level in range(1, 8):
            writer.write(whole[:: 1 << level, :: 1 << level], tile=(512, 512), subfiletype=1, photometric="minisblack")


def plain(path: Path) -> None:
    """Write 20,000 x 20,000 pixels of 16 bits, uncompressed."""
    tifffile.imwrite(path, pixels(20_000, np.uint16), photometric="minisblack")


def strip(path: Path) -> None:
    """Write 20,000 x 20,000 pixels of 16 bits, compressed in strips."""
    tifffile.imwrite(
        path, pixels(20_000, np.uint16), photometric="minisblack", compression="adobe_deflate", rowsperstrip=64
    )


def png(path: Path) -> None:
    """Write 12,000 x 12,000 pixels of 8 bits as PNG."""
    import imagecodecs

    path.write_bytes(imagecodecs.png_encode(pixels(12_000, np.uint8), level=1))


CASES: dict[str, tuple[str, Callable[[Path], None]]] = {
    "pyramid": ("pyramid.tif", pyramid),
    "plain": ("plain.tif", plain),
    "strip": ("strip.tif", strip),
    "png": ("picture.png", png),
}


def _settled(hand: Driver, seconds: float = 1.0) -> None:
    """Wait until thumbnails and sums are made, too."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        QTest.qWait(20)
        if not hand.window.canvas.is_idle():
            end = time.monotonic() + seconds


def show(hand: Driver, name: str, figure_name: str, target: float | None) -> None:
    """Turn to an image, and measure until some picture of all of it is seen, and until that is sharp."""
    window, session = hand.window, hand.session
    layer = window.canvas._pictures._image
    entry = next(entry for entry in session.project.images if entry.name == name)
    begun, longest, last = time.perf_counter(), 0.0, time.thread_time()
    session.select(entry.id)

    def turn() -> None:
        nonlocal longest, last
        QApplication.processEvents()
        now = time.thread_time()
        longest, last = max(longest, now - last), now
        time.sleep(0.001)

    while not (session.document is not None and session.document.entry.id == entry.id and layer._items):
        turn()
    first = time.perf_counter() - begun
    while not window.canvas.is_idle():
        turn()
    sharp = time.perf_counter() - begun
    figure(f"large_images.{figure_name}.first", first, "s", target=target)
    figure(f"large_images.{figure_name}.sharp", sharp, "s")
    figure(f"large_images.{figure_name}.thread", 1000 * longest, "ms", target=16.0)


def measure(hand: Driver, names: list[str]) -> None:
    """Show each image, and show it again."""
    hand.wait(lambda: hand.session.document is not None, what="the small image")
    _settled(hand)
    figure("large_images.small.memory", psutil.Process().memory_info().rss / 1e6, "MB")
    for name in names:
        file = CASES[name][0]
        show(hand, file, name, FIRST_S.get(name))
        _settled(hand, 3.0)
        memory = psutil.Process().memory_info().rss / 1e6
        figure(f"large_images.{name}.memory", memory, "MB", target=MEMORY_MB)
        hand.open_image("a small one.tif")
        _settled(hand)
        show(hand, file, f"{name}.again", FIRST_S.get(name))
        hand.open_image("a small one.tif")
        _settled(hand)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.work) as name:
        folder = Path(name)
        for variable in ("DATA", "CONFIG", "CACHE"):
            os.environ[f"XDG_{variable}_HOME"] = str(folder / variable.lower())
        assert cache_folder().is_relative_to(folder), "the user's own cache is left alone"
        images = folder / "images"
        images.mkdir()
        tifffile.imwrite(images / "a small one.tif", pixels(500, np.uint8))
        for key in chosen.only:
            file, write = CASES[key]
            # In a process of its own, so that its memory is not counted.
            writer = multiprocessing.get_context("spawn").Process(target=write, args=(images / file,))
            writer.start()
            writer.join()
            assert writer.exitcode == 0, f"{file} could not be written"
        project, problems = Project.create(folder / "project", images)
        assert not problems, problems
        assert project.close()
        run_program([str(folder / "project")], lambda hand: measure(hand, chosen.only))


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())

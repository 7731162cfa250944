"""What is freed goes back to the system."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tifffile
from factories import cells
from PySide6.QtCore import Qt
from window_driver import Driver, run_program

from segstudio.project.project import Project

pytestmark = pytest.mark.qt_log_ignore("plugin does not support")

#: Takes tiles and small blocks in turn, frees the tiles, and tells how many megabytes of them are still there.
_CODE = """
import sys
import numpy as np, psutil
from segstudio.gui.memory import give_back_large_blocks
if sys.argv[1] == "set":
    assert give_back_large_blocks()
rss = lambda: psutil.Process().memory_info().rss / 2**20
np.ones((512, 512), np.int32)  # the first tile that is freed: the library learns from it
small, before = [], rss()
for _ in range(3):
    tiles = []
    for _ in range(100):
        tiles.append(np.ones((512, 512), np.int32))
        small.append(bytearray(100_000))
    full = rss()
    del tiles
print(round(rss() - before - len(small) / 10), round(full - before))
"""

#: Takes small blocks on a thread, frees all but a few, and tells how many megabytes of them are still there.
_SMALL = """
import sys
from concurrent.futures import ThreadPoolExecutor
import psutil
from segstudio.gui.memory import give_back_free_blocks
rss = lambda: psutil.Process().memory_info().rss / 2**20
thread = ThreadPoolExecutor(1)
before = rss()
blocks = thread.submit(lambda: [bytearray(3_000) for _ in range(30_000)]).result()
full = rss()
kept = blocks[::100]
del blocks
if sys.argv[1] == "given back":
    assert give_back_free_blocks()
print(round(rss() - before), round(full - before))
"""

#: Takes small blocks on a thread, frees all of them, and tells how many megabytes of them are still there.
_TOP = """
import sys
from concurrent.futures import ThreadPoolExecutor
import psutil
from segstudio.gui.memory import give_back_large_blocks
assert give_back_large_blocks()
rss = lambda: psutil.Process().memory_info().rss / 2**20
thread = ThreadPoolExecutor(1)
before = rss()
blocks = thread.submit(lambda: [bytearray(3_000) for _ in range(8_000)]).result()
full = rss()
del blocks
print(round(rss() - before), round(full - before))
"""


def _left(code: str, how: str = "") -> int:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run([sys.executable, "-c", code, how], env=clean, capture_output=True, text=True, check=True)
    rest, full = map(int, done.stdout.split())
    assert full > 20
    return rest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have other C libraries")
def test_a_thread_keeps_little_of_what_it_has_freed() -> None:
    assert _left(_TOP) < 8


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have other C libraries")
def test_small_blocks_of_a_thread_go_back_though_some_of_them_stay() -> None:
    assert _left(_SMALL, "given back") < 20
    assert _left(_SMALL, "as it is") > 50, "the C library does it by itself now: nobody need ask for it any more"


def test_free_memory_goes_back_whenever_an_image_was_saved(
    tmp_path: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "cells.tif", cells((256, 256)).image)
    project, _problems = Project.create(tmp_path / "project", tmp_path / "images")
    project.close()
    asked: list[str] = []
    monkeypatch.setattr("segstudio.gui.app.give_back_free_blocks", lambda: asked.append(""))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.key(Qt.Key.Key_B)
        hand.drag([(100, 100), (120, 120)])
        assert not asked
        hand.session.document.checkpoint(wait=True)
        hand.wait(lambda: asked, what="memory to be given back")

    run_program([str(tmp_path / "project")], script)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have other C libraries")
def test_tiles_go_back_though_small_blocks_lie_between_them() -> None:
    assert _left(_CODE, "set") < 15
    assert _left(_CODE, "as it is") > 50, "the C library does it by itself now: the setting is not needed any more"

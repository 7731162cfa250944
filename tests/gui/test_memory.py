"""What is freed goes back to the system."""

import os
import subprocess
import sys

import pytest

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have other C libraries")
def test_tiles_go_back_though_small_blocks_lie_between_them() -> None:
    def left(how: str) -> int:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
        done = subprocess.run([sys.executable, "-c", _CODE, how], env=clean, capture_output=True, text=True, check=True)
        rest, full = map(int, done.stdout.split())
        assert full > 100
        return rest

    assert left("set") < 15
    assert left("as it is") > 50, "the C library does it by itself now: the setting is not needed any more"

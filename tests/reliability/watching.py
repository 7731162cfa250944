"""Opens the label files of projects every 50 ms while they are written, as another program would; a process of its own.

Argument: the folder of the projects. It ends when its standard input does, and then says what it has seen, as JSON:
how often it opened a file, what was wrong, and which pixels were there, by image.
"""

import json
import select
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

_EVERY_S = 0.05


def _pillow(path: Path) -> NDArray[np.int32]:
    with Image.open(path) as image:
        return np.asarray(image)


_READERS: dict[str, Callable[[Path], object]] = {"tifffile": tifffile.imread, "Pillow": _pillow}


def look(root: Path) -> dict[str, object]:
    """Look until standard input ends."""
    opens = 0
    wrong: list[str] = []
    seen: set[tuple[str, int]] = set()
    while not select.select([sys.stdin], [], [], 0)[0]:
        start = time.monotonic()
        for path in root.glob("p*/labels/*.tif"):
            if "foreign" in path.name:
                continue
            for name, read in _READERS.items():
                try:
                    pixels = np.ascontiguousarray(read(path), np.int32)
                except Exception as error:  # noqa: BLE001 - whatever a reader does with a file that is not whole
                    if path.parent.is_dir():
                        wrong.append(f"{name} cannot read {path.relative_to(root)}: {type(error).__name__}: {error}")
                else:
                    seen.add((path.stem, zlib.crc32(pixels.tobytes())))
                opens += 1
        time.sleep(max(0.0, _EVERY_S - (time.monotonic() - start)))
    return {"opens": opens, "wrong": wrong[:20], "seen": sorted(seen)}


if __name__ == "__main__":
    found = look(Path(sys.argv[1]))
    sys.stdout.write(json.dumps(found))

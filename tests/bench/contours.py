"""Time contours and rotated boxes of 2,601 cells in a 2048 x 2048 label image against regionprops with OpenCV.

Prints one JSON line per figure. Run: python tests/bench/contours.py [repeats]
"""

import statistics
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
from bench_figure import exit_code, figure
from numpy.typing import NDArray
from skimage.measure import regionprops

from segstudio.labels import contours, measure, rotated_boxes

SIZE, PITCH, RADIUS = 2048, 40, 15
TARGET_MS, TARGET_RATIO = 120.0, 1.5


def ellipses() -> NDArray[np.int32]:
    """Return jittered ellipses on a grid: 2,601 objects, always the same."""
    rng = np.random.default_rng(0)
    labels = np.zeros((SIZE, SIZE), np.int32)
    count = 0
    for y in range(RADIUS + 2, SIZE - RADIUS - 2, PITCH):
        for x in range(RADIUS + 2, SIZE - RADIUS - 2, PITCH):
            count += 1
            centre = (int(x + rng.integers(-2, 3)), int(y + rng.integers(-2, 3)))
            axes = (RADIUS, int(rng.integers(7, RADIUS)))
            cv2.ellipse(labels, centre, axes, float(rng.integers(0, 180)), 0, 360, count, -1)
    return labels


def peer(labels: NDArray[np.int32]) -> list[object]:
    """Return boxes as most programs make them: one crop, one contour, one rectangle per object."""
    out: list[object] = []
    for region in regionprops(labels):
        found, _ = cv2.findContours(region.image.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        out.append(cv2.minAreaRect(max(found, key=len)))
    return out


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long `work` takes."""
    start = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - start)


def main(repeats: int) -> None:
    """Take turns, so that a busy machine slows both sides alike; print medians."""
    labels = ellipses()
    peer(labels)
    rotated_boxes(contours(labels))
    theirs, ours, rings, table = [], [], [], []
    for _ in range(repeats):
        theirs.append(milliseconds(lambda: peer(labels)))
        ours.append(milliseconds(lambda: rotated_boxes(contours(labels))))
        rings.append(milliseconds(lambda: contours(labels)))
        table.append(milliseconds(lambda: measure(labels, labels.astype(np.uint16))))
    both, other = statistics.median(ours), statistics.median(theirs)
    name = f"contours.and_boxes.{labels.max()}_objects"
    figure(name, both, "ms", target=TARGET_MS, peer=other, least_ratio=TARGET_RATIO)
    figure("contours.alone", statistics.median(rings), "ms")
    figure("contours.measure_with_one_channel", statistics.median(table), "ms")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 9)
    raise SystemExit(exit_code())

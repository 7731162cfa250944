"""Which ring of an object is a hole, and in which outer ring it lies."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]


def signed_area(ring: Ring) -> float:
    """Return the enclosed area, positive for outer rings (clockwise on a screen whose y points down)."""
    x, y = ring[:, 0], ring[:, 1]
    return float(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def holes_of(rings: Sequence[Ring]) -> list[Ring]:
    """Return the rings that are holes."""
    return [ring for ring in rings if signed_area(ring) < 0]


def polygons_of(rings: Sequence[Ring]) -> list[list[Ring]]:
    """Sort the rings of one object into polygons: an outer ring, then its holes.

    Parameters
    ----------
    rings
        Pixel-edge rings as `segstudio.labels.contours` returns them.
    """
    outer = sorted((ring for ring in rings if signed_area(ring) > 0), key=signed_area)
    polygons = [[ring] for ring in outer]
    for hole in holes_of(rings):
        inside = [polygon for polygon in polygons if _contains(polygon[0], hole)]
        # Sorted by area: the first that contains it is the one around it.
        (inside or polygons)[0].append(hole)
    return polygons


def _contains(outer: Ring, hole: Ring) -> bool:
    """Tell whether the pixels around a hole lie in `outer`; rings may share corners, so corners do not tell."""
    (x0, y0), (x1, y1) = hole[0], hole[1]
    along = np.sign((x1 - x0, y1 - y0))
    centre = np.array((x0, y0)) + along / 2
    across = np.array((-along[1], along[0])) / 2
    # Of the two pixels beside the edge both lie in the outer ring of the hole: one in the hole, one around it.
    return all(_inside(outer, centre + side) for side in (across, -across))


def _inside(ring: Ring, point: NDArray[np.float64]) -> bool:
    x0, y0 = ring[:, 0], ring[:, 1]
    x1, y1 = np.roll(x0, -1), np.roll(y0, -1)
    crosses = (y0 > point[1]) != (y1 > point[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        at = x0 + (point[1] - y0) * (x1 - x0) / (y1 - y0)
    return bool(np.count_nonzero(crosses & (at > point[0])) % 2)

"""Rectangles of a patch hidden at random, so that a network learns not to rest on one place alone."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Planes = NDArray[np.float32]

#: At most so many rectangles, and the share of the patch's side that each takes.
_NUMBER = 3
_SHARE = (0.08, 0.3)


def hide_rectangles(
    image: Planes, targets: Mapping[str, Planes], rng: np.random.Generator
) -> tuple[Planes, dict[str, Planes]]:
    """Return image ``(C, P, P)`` and targets ``(K, P, P)`` with one to three rectangles hidden.

    The image there has its mean; the targets are 0 there in all channels, which carries no loss. To ask for the hidden
    labels would teach the network to invent cells, and to call the place background would teach it to lose them. The
    targets beside the rectangle stay those of the whole objects.
    """
    shown = image.copy()
    left = {name: planes.copy() for name, planes in targets.items()}
    side = image.shape[1]
    mean = image.mean(axis=(1, 2), keepdims=True)
    for _ in range(int(rng.integers(1, _NUMBER + 1))):
        height, width = (max(1, round(side * rng.uniform(*_SHARE))) for _ in range(2))
        y, x = int(rng.integers(side - height + 1)), int(rng.integers(side - width + 1))
        window = (slice(None), slice(y, y + height), slice(x, x + width))
        shown[window] = mean
        for planes in left.values():
            planes[window] = 0
    return shown, left

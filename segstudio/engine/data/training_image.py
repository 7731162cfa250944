"""What patches are cut from: one image, or one part of a large one, with its targets and its labels."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TrainingImage:
    """One image, or one part of a large one, with its targets, at least as large as a patch.

    Attributes
    ----------
    image_id
        Images of the same id are drawn as one.
    image
        ``(C, H, W)`` float32, normalised.
    targets
        Name to ``(K, H, W)``, float16 to save memory.
    objects, known
        Positions ``(N, 2)`` int32 (row, column): pixels of objects, and any pixels of which something is known.
    labels
        ``(H, W)`` int32: ids, 0 background, -1 not known; only where patches change their shape, ``None`` elsewhere.
    target
        ``(K, H, W)`` float32: what a network is to make of the image; only where it learns images and patches change
        their shape.
    classes
        Object id to class id; missing ones have the first class.
    of_class
        Positions as in `objects` by class id; only where patches are balanced by class.
    """

    image_id: str
    image: NDArray[np.float32]
    targets: Mapping[str, NDArray[np.floating]]
    objects: NDArray[np.int32]
    known: NDArray[np.int32]
    labels: NDArray[np.int32] | None = None
    target: NDArray[np.float32] | None = None
    classes: Mapping[int, int] = field(default_factory=dict)
    of_class: Mapping[int, NDArray[np.int32]] = field(default_factory=dict)

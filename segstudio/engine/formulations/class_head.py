"""The part that formulations of objects share when objects have more than one class."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segstudio.engine.formulations.object_targets import class_numbers
from segstudio.engine.losses.cross_entropy import cross_entropy


class ClassHead:
    """Maps that say which class the object at a pixel has; none when there is only one class.

    The maps of the head are the last ones. Its target ``"class"`` is 0 outside objects, 1.. the class's place inside.
    """

    def __init__(self, class_ids: Sequence[int]) -> None:
        self.class_ids = tuple(class_ids)
        self.channels = len(self.class_ids) if len(self.class_ids) > 1 else 0

    def encode(
        self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None
    ) -> dict[str, NDArray[np.float32]]:
        """Return the target of the head, or nothing."""
        if not self.channels:
            return {}
        return {"class": class_numbers(labels, object_classes, self.class_ids)}

    def loss(
        self, maps: Tensor, targets: Mapping[str, Tensor], class_weights: Sequence[float] | None = None
    ) -> dict[str, Tensor]:
        """Return the cross entropy inside objects, or nothing. `maps` are all maps of the network."""
        if not self.channels:
            return {}
        number = targets["class"]
        inside = (number > 0).to(maps.dtype) * targets["valid"]
        place = (number - 1).clamp_min(0)
        return {"class": cross_entropy(maps[:, -self.channels :], place, inside, class_weights)}

    def activate(self, maps: Tensor) -> list[Tensor]:
        """Return the class probabilities as a list of one tensor, or an empty list."""
        return [maps[:, -self.channels :].softmax(dim=1)] if self.channels else []

    def perfect(self, targets: Mapping[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """Return the class probabilities of a network that has learned `targets` exactly, or an empty list."""
        if not self.channels:
            return []
        places = np.arange(1, self.channels + 1, dtype=np.float32)[:, None, None]
        return [(targets["class"] == places).astype(np.float32)]

    def votes(self, maps: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the class probabilities, one plane a class, or none."""
        return maps[len(maps) - self.channels :]

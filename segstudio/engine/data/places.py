"""Where patches are cut: images evenly, near objects mostly, and classes evenly when it is wished."""

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np

from segstudio.engine.data.training_image import TrainingImage

#: Patches on an object are shifted by up to this from the pixel drawn, pixels.
_JITTER_PX = 16

Place = tuple[TrainingImage, tuple[int, int]]


class Places:
    """Draws pixels to centre patches on; the images are drawn evenly, whatever their size.

    Parameters
    ----------
    foreground_fraction
        Share of the places that lie on an object.
    balance_classes
        Draw the class first, evenly, and then an image that shows it.
    """

    def __init__(
        self, images: Sequence[TrainingImage], foreground_fraction: float, *, balance_classes: bool = False
    ) -> None:
        self._foreground = foreground_fraction
        self._groups = _grouped(images)
        self._of_class: dict[int, list[list[TrainingImage]]] = {}
        if balance_classes:
            seen = sorted({class_id for image in images for class_id in image.of_class})
            for class_id in seen:
                self._of_class[class_id] = list(_grouped([i for i in images if class_id in i.of_class]).values())

    def draw(self, rng: np.random.Generator, image_id: str = "") -> Place:
        """Draw an image, of `image_id` if one is named, and the pixel (row, column) of the patch's centre in it."""
        if self._of_class and not image_id and rng.random() < self._foreground:
            class_id = list(self._of_class)[rng.integers(len(self._of_class))]
            part = _one_of(self._of_class[class_id], rng)
            pixels = part.of_class[class_id]
        else:
            part = _one_of([self._groups[image_id]] if image_id else list(self._groups.values()), rng)
            foreground = 0.0 if self._of_class and not image_id else self._foreground
            on_object = len(part.objects) > 0 and rng.random() < foreground
            pixels = part.objects if on_object else part.known
        y, x = pixels[rng.integers(len(pixels))]
        dy, dx = rng.integers(-_JITTER_PX, _JITTER_PX + 1, size=2)
        return part, (int(y + dy), int(x + dx))


def _grouped(images: Sequence[TrainingImage]) -> OrderedDict[str, list[TrainingImage]]:
    groups: OrderedDict[str, list[TrainingImage]] = OrderedDict()
    for image in images:
        groups.setdefault(image.image_id, []).append(image)
    return groups


def _one_of(groups: Sequence[Sequence[TrainingImage]], rng: np.random.Generator) -> TrainingImage:
    parts = groups[int(rng.integers(len(groups)))]
    return parts[int(rng.integers(len(parts)))]

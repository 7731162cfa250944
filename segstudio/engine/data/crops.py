"""Patches for training, drawn at random but repeatable: batch number `step` is the same in every run of a seed."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.config.augmentation import AugmentationConfig
from segstudio.engine.data.augment import TurnTargets, change_intensity, orient

#: Patches on an object are shifted by up to this from the pixel drawn, pixels.
_JITTER_PX = 16


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
    """

    image_id: str
    image: NDArray[np.float32]
    targets: Mapping[str, NDArray[np.floating]]
    objects: NDArray[np.int32]
    known: NDArray[np.int32]


@dataclass(frozen=True)
class Batch:
    """Patches: image ``(N, C, P, P)`` and targets ``(N, K, P, P)``, float32."""

    image: NDArray[np.float32]
    targets: dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class CropSettings:
    """How patches are drawn."""

    patch: int
    foreground_fraction: float
    seed: int
    augmentation: AugmentationConfig
    turn_targets: TurnTargets


class CropSampler:
    """Draws batches of augmented patches; the images are drawn evenly, whatever their size."""

    def __init__(self, images: Sequence[TrainingImage], settings: CropSettings) -> None:
        self.settings = settings
        groups: OrderedDict[str, list[TrainingImage]] = OrderedDict()
        for image in images:
            groups.setdefault(image.image_id, []).append(image)
        self._groups = list(groups.values())

    def batch(self, step: int, size: int) -> Batch:
        """Return batch number `step` with `size` patches."""
        patches = [self._patch(np.random.default_rng((self.settings.seed, step, i))) for i in range(size)]
        names = patches[0][1].keys()
        return Batch(
            np.ascontiguousarray(np.stack([image for image, _ in patches])),
            {name: np.stack([targets[name] for _, targets in patches]).astype(np.float32) for name in names},
        )

    def _patch(self, rng: np.random.Generator) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
        parts = self._groups[rng.integers(len(self._groups))]
        part = parts[rng.integers(len(parts))]
        augmentation = self.settings.augmentation
        image, targets = cut(part, *self._corner(part, rng), self.settings.patch)
        if augmentation.flips:
            image, targets = orient(image, targets, self.settings.turn_targets, int(rng.integers(8)))
        return change_intensity(image, augmentation, rng), targets

    def _corner(self, part: TrainingImage, rng: np.random.Generator) -> tuple[int, int]:
        on_object = len(part.objects) > 0 and rng.random() < self.settings.foreground_fraction
        pixels = part.objects if on_object else part.known
        y, x = pixels[rng.integers(len(pixels))]
        patch = self.settings.patch
        dy, dx = rng.integers(-_JITTER_PX, _JITTER_PX + 1, size=2)
        height, width = part.image.shape[1:]
        return (
            int(np.clip(y + dy - patch // 2, 0, height - patch)),
            int(np.clip(x + dx - patch // 2, 0, width - patch)),
        )


def cut(part: TrainingImage, y: int, x: int, patch: int) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Return the patch with its upper left corner at ``(y, x)``."""
    window = (slice(None), slice(y, y + patch), slice(x, x + patch))
    return part.image[window], {name: planes[window].astype(np.float32) for name, planes in part.targets.items()}


class Prefetch:
    """Draws the coming batches on threads while the network learns.

    Parameters
    ----------
    draw
        Returns the batch of a step and size.
    threads
        How many batches are drawn at once.
    """

    def __init__(self, draw: Callable[[int, int], Batch], threads: int) -> None:
        self._draw = draw
        self._ahead = threads + 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="patches")
        self._waiting: dict[tuple[int, int], Future[Batch]] = {}

    def batch(self, step: int, size: int) -> Batch:
        """Return the batch of `step`; the following ones are begun."""
        self._waiting = {key: future for key, future in self._waiting.items() if key[0] >= step and key[1] == size}
        for coming in range(step, step + self._ahead):
            if (coming, size) not in self._waiting:
                self._waiting[coming, size] = self._pool.submit(self._draw, coming, size)
        return self._waiting.pop((step, size)).result()

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()

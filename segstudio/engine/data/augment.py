"""Random changes of a patch: orientation with its targets, and intensity of the image alone."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from segstudio.config.augmentation import AugmentationConfig

Planes = NDArray[np.float32]

#: Share of the patches that get another gamma, and that get noise.
_SOMETIMES = 0.3


def turn(planes: Planes, quarter_turns: int, mirror: bool) -> Planes:
    """Return ``(C, H, W)`` turned counter-clockwise by quarter turns and then mirrored left to right."""
    turned = np.rot90(planes, quarter_turns, axes=(1, 2))
    return turned[:, :, ::-1] if mirror else turned


def turn_vectors(planes: Planes, channels: tuple[int, int], quarter_turns: int, mirror: bool) -> Planes:
    """Turn the vectors (dy, dx) that the `channels` of already turned `planes` hold; returns a new array."""
    result = planes.copy()
    y, x = channels
    dy, dx = planes[y], planes[x]
    for _ in range(quarter_turns % 4):
        dy, dx = -dx, dy
    result[y], result[x] = dy, -dx if mirror else dx
    return result


def orient(
    image: Planes,
    targets: Mapping[str, Planes],
    vectors: Mapping[str, tuple[int, int]],
    orientation: int,
) -> tuple[Planes, dict[str, Planes]]:
    """Return image and targets in one of eight orientations, 0 being as they are; patches are square."""
    quarter_turns, mirror = orientation % 4, orientation >= 4
    turned = {}
    for name, planes in targets.items():
        turned[name] = turn(planes, quarter_turns, mirror)
        if name in vectors:
            turned[name] = turn_vectors(turned[name], vectors[name], quarter_turns, mirror)
    return turn(image, quarter_turns, mirror), turned


def change_intensity(image: Planes, config: AugmentationConfig, rng: np.random.Generator) -> Planes:
    """Return `image` ``(C, H, W)``, normalised to about 0..1, with random contrast, brightness, gamma and noise."""
    result = image
    if config.gamma > 0 and rng.random() < _SOMETIMES:
        positive = np.maximum(result, 0)
        result = np.where(result > 0, positive ** _factor(config.gamma, rng), result)
    if config.gain > 0:
        result = result * _factor(config.gain, rng)
    if config.offset > 0:
        result = result + np.float32(rng.uniform(-config.offset, config.offset))
    if config.noise > 0 and rng.random() < _SOMETIMES:
        noise = rng.standard_normal(result.shape, np.float32)
        result = result + noise * np.float32(rng.uniform(0, config.noise))
    return result.astype(np.float32, copy=False)


def _factor(strength: float, rng: np.random.Generator) -> np.float32:
    """Draw a factor between ``1 - strength`` and its inverse, as often below as above 1."""
    limit = -np.log1p(-strength)
    return np.float32(np.exp(rng.uniform(-limit, limit)))

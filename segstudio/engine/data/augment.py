"""Random changes of a patch: orientation with its targets, and intensity of the image alone."""

from collections.abc import Callable, Mapping

import numpy as np

from segstudio.config.augmentation import AugmentationConfig
from segstudio.engine.orientation import Planes, turn

#: Turns targets by quarter turns and then mirrors them: `Formulation.turn_targets`.
TurnTargets = Callable[[dict[str, Planes], int, bool], dict[str, Planes]]

#: Share of the patches that get another gamma, and that get noise.
_SOMETIMES = 0.3


def orient(
    image: Planes,
    targets: Mapping[str, Planes],
    turn_targets: TurnTargets,
    orientation: int,
) -> tuple[Planes, dict[str, Planes]]:
    """Return image and targets in one of eight orientations, 0 being as they are; patches are square."""
    quarter_turns, mirror = orientation % 4, orientation >= 4
    return turn(image, quarter_turns, mirror), turn_targets(dict(targets), quarter_turns, mirror)


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

"""Random changes of what a camera and a focus would change: the image alone, never its labels."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.config.augmentation import AugmentationConfig

Planes = NDArray[np.float32]

#: Share of the patches that get another gamma, noise, blur, defocus.
_SOMETIMES = 0.3


def change_intensity(image: Planes, config: AugmentationConfig, rng: np.random.Generator) -> Planes:
    """Return `image` ``(C, H, W)``, normalised to about 0..1, as another camera or focus would have taken it.

    In the order of the light: focus, contrast and brightness, a channel that stayed dark, and the camera's noise last,
    which no blur has smoothed.
    """
    result = _focus(image, config, rng)
    if config.gamma > 0 and rng.random() < _SOMETIMES:
        positive = np.maximum(result, 0)
        result = np.where(result > 0, positive ** _factor(config.gamma, rng), result)
    if config.gain > 0:
        result = result * _factor(config.gain, rng)
    if config.offset > 0:
        result = result + np.float32(rng.uniform(-config.offset, config.offset))
    if config.channel_drop > 0 and len(result) > 1 and rng.random() < config.channel_drop:
        result = result.copy()
        result[rng.integers(len(result))] = 0
    if config.noise > 0 and rng.random() < _SOMETIMES:
        noise = rng.standard_normal(result.shape, np.float32)
        result = result + noise * np.float32(rng.uniform(0, config.noise))
    return result.astype(np.float32, copy=False)


def disc(radius: float) -> NDArray[np.float32]:
    """Return a disc of `radius` pixels whose sum is 1, its rim softened: how an unfocused point looks."""
    reach = int(np.ceil(radius))
    steps = np.arange(-reach, reach + 1)
    distance = np.hypot(*np.meshgrid(steps, steps))
    kernel = np.clip(radius + 0.5 - distance, 0, 1)
    weights: NDArray[np.float32] = (kernel / kernel.sum()).astype(np.float32)
    return weights


def _focus(image: Planes, config: AugmentationConfig, rng: np.random.Generator) -> Planes:
    result = image
    if config.blur > 0 and rng.random() < _SOMETIMES:
        sigma = rng.uniform(0, config.blur)
        result = _each(result, lambda plane: cv2.GaussianBlur(plane, (0, 0), max(sigma, 0.05)))
    if config.defocus > 0 and rng.random() < _SOMETIMES:
        kernel = disc(rng.uniform(0, config.defocus))
        result = _each(result, lambda plane: cv2.filter2D(plane, -1, kernel, borderType=cv2.BORDER_REFLECT))
    return result


def _each(image: Planes, change: Callable[[Planes], NDArray[np.generic]]) -> Planes:
    changed: Planes = np.stack([change(np.ascontiguousarray(plane)) for plane in image]).astype(np.float32, copy=False)
    return changed


def _factor(strength: float, rng: np.random.Generator) -> np.float32:
    """Draw a factor between ``1 - strength`` and its inverse, as often below as above 1."""
    limit = -np.log1p(-strength)
    return np.float32(np.exp(rng.uniform(-limit, limit)))

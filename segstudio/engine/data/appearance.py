"""How images look, in figures: brightness, contrast and texture after normalisation; and which are unlike others."""

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from segstudio.core.tiles import Window
from segstudio.engine.data.dataset import LabelledPart

#: What is measured of each channel, and the least spread of each that counts: images of one microscope differ as much.
FIGURES = ("mean", "std", "p10", "p50", "p90", "texture")
_LEAST_SPREAD = np.array([0.05, 0.04, 0.05, 0.06, 0.1, 0.35])
_BRIGHTNESS = {
    "mean": "mean brightness",
    "p10": "dark end of brightness",
    "p50": "middle brightness",
    "p90": "bright end of brightness",
}
#: How many spreads from what is usual an image is unlike the others.
_UNLIKE = 5.0
#: The figures come from so many windows of at most this side: the texture needs neighbouring pixels.
WINDOW_PX = 768
_EPSILON = 1e-3


class Appearance(BaseModel):
    """What the training images look like, for each channel; tuples of one value a channel, in the order of `FIGURES`.

    Attributes
    ----------
    images
        Number of images.
    usual, spread
        Median over the images and how far they lie from it, by figure.
    lowest, highest
        Smallest and largest value of any image, by figure.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    images: int
    usual: dict[str, tuple[float, ...]]
    spread: dict[str, tuple[float, ...]]
    lowest: dict[str, tuple[float, ...]]
    highest: dict[str, tuple[float, ...]]


def look(image: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the figures of a normalised image ``(C, H, W)`` as ``(C, 6)``, in the order of `FIGURES`.

    The texture is the logarithm (base 2) of the contrast between neighbouring pixels over the contrast of the whole
    (variance of the Laplacian: Pech-Pacheco et al. 2000): low when blurred, high when noisy.
    """
    rows = []
    for plane in image:
        spread = float(plane.std())
        fine = float(cv2.Laplacian(np.ascontiguousarray(plane), cv2.CV_32F, ksize=1).std()) if plane.size > 1 else 0.0
        texture = np.log2((fine + _EPSILON) / (spread + _EPSILON))
        # Sorting takes most of the time, and every fourth pixel says the same.
        rows.append([float(plane.mean()), spread, *np.percentile(plane[::2, ::2], (10, 50, 90)), texture])
    return np.array(rows, np.float64)


def appearance(looks: Sequence[NDArray[np.float64]]) -> Appearance | None:
    """Return what images with these `looks` have in common; ``None`` for no image."""
    if not looks:
        return None
    table = np.stack(looks)  # (N, C, 6)
    usual = np.median(table, axis=0)
    spread = 1.4826 * np.median(np.abs(table - usual), axis=0)
    parts = (usual, spread, table.min(axis=0), table.max(axis=0))
    return Appearance(
        images=len(looks), **dict(zip(("usual", "spread", "lowest", "highest"), map(_named, parts), strict=True))
    )


def unlikeness(seen: NDArray[np.float64], known: Appearance) -> tuple[float, str]:
    """Return how far the look `seen` ``(C, 6)`` lies from what is `known`, and in words the figure that is farthest.

    Up to 1 an image is like the others; the words are empty then. What lies between two training images is never
    unlike them.
    """
    parts = (known.usual, known.spread, known.lowest, known.highest)
    if any(len(part.get(name, ())) != len(seen) for part in parts for name in FIGURES):
        return 0.0, ""  # of another number of channels, or from a version that measured other figures
    usual, spread, lowest, highest = (np.array([part[name] for name in FIGURES]).T for part in parts)
    # Few images say little about how much others may differ.
    scale = np.maximum(spread, _LEAST_SPREAD) * (1 + 1 / known.images)
    beyond = np.maximum(np.maximum(lowest - seen, seen - highest), 0)
    distance = np.where(beyond > 0, np.abs(seen - usual), 0) / (scale * _UNLIKE)
    channel, number = np.unravel_index(int(np.argmax(distance)), distance.shape)
    worst = float(distance[channel, number])
    if worst <= 1:
        return worst, ""
    return worst, _words(int(number), seen[channel], usual[channel])


def look_of(read: Callable[[Window], NDArray[np.float32]], size: tuple[int, int]) -> NDArray[np.float64]:
    """Return the look of an image of `size` whose windows `read` gives normalised, as ``(C, 6)``.

    A large image is looked at in three windows along its diagonal.
    """
    looks = np.stack([look(read(window)) for window in _windows(size)])
    return np.asarray(looks.mean(axis=0), np.float64)


def looks_of(parts: Sequence[LabelledPart]) -> dict[str, NDArray[np.float64]]:
    """Return the look of each image by its id, the mean over its parts."""
    found: dict[str, list[NDArray[np.float64]]] = {}
    for part in parts:
        size = part.known.shape
        seen = look_of(lambda window, image=part.image: image[:, *window.slices], (size[0], size[1]))  # type: ignore[misc]
        found.setdefault(part.sample.image_id, []).append(seen)
    return {image_id: np.mean(looks, axis=0) for image_id, looks in found.items()}


def _windows(size: tuple[int, int]) -> list[Window]:
    if max(size) <= 2 * WINDOW_PX:
        return [Window(0, 0, *size)]
    starts = [[round(share * max(0, length - WINDOW_PX)) for length in size] for share in (0.15, 0.5, 0.85)]
    return [Window(y0, x0, y0 + WINDOW_PX, x0 + WINDOW_PX).clip(size) for y0, x0 in starts]


def _words(number: int, seen: NDArray[np.float64], usual: NDArray[np.float64]) -> str:
    if number == FIGURES.index("texture"):
        times = 2.0 ** abs(seen[number] - usual[number])
        what = "noisier or finer in texture" if seen[number] > usual[number] else "smoother or more blurred"
        return f"it is {what}: contrast between neighbouring pixels differs {times:.1f}-fold."
    mean, middle = seen[0], usual[0]
    if abs(1 - mean - middle) < 0.5 * abs(mean - middle):
        return (
            f"bright and dark seem to be swapped: its mean brightness is {mean:.2f}, that of the training images "
            f"{middle:.2f} (0 dark, 1 bright)."
        )
    if number == FIGURES.index("std"):
        more = "more" if seen[1] > usual[1] else "less"
        return f"it has {more} contrast: {seen[1]:.2f} against {usual[1]:.2f} in the training images."
    what = _BRIGHTNESS[FIGURES[number]]
    return f"its {what} is {seen[number]:.2f}, that of the training images {usual[number]:.2f} (0 dark, 1 bright)."


def _named(table: NDArray[np.float64]) -> dict[str, tuple[float, ...]]:
    return {name: tuple(round(float(v), 4) for v in table[:, number]) for number, name in enumerate(FIGURES)}

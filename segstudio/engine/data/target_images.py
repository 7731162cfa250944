"""Images that a network is to make of others: read, and brought to a common scale."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import BadInput
from segstudio.engine.data.normalise import IntensityScale, measure_scale
from segstudio.io.sources import open_image

if TYPE_CHECKING:
    from segstudio.engine.data.dataset import LabelledPart


def read_target(
    path: Path, size: tuple[int, int], note: Callable[[Path, str], None] = lambda path, sentence: None
) -> NDArray[np.float32]:
    """Return the target image ``(K, H, W)`` as it is, of the `size` of its image; what is not finite becomes 0.

    Raises
    ------
    BadInput
        It cannot be read, or has another size.
    """
    with open_image(path) as source:
        for sentence in source.info.warnings:
            note(path, sentence)
        if source.info.size != size:
            raise BadInput(
                f"The target {path.name} has {source.info.height} × {source.info.width} pixels, its image "
                f"{size[0]} × {size[1]}.",
                hint="Export the target again in the size of the image, or take both out of the folders.",
                code="target-size",
                path=path,
            )
        raw = source.read()
    planes = raw[None] if raw.ndim == 2 else np.moveaxis(raw, 2, 0)
    return np.ascontiguousarray(np.nan_to_num(planes.astype(np.float32), posinf=0.0, neginf=0.0))


def common_scale(parts: Sequence["LabelledPart"], low: float, high: float) -> IntensityScale:
    """Return the intensities that become 0 and 1 in all targets: medians over the images of their percentiles.

    One scale for all keeps what is bright in one target and dark in another apart.

    Raises
    ------
    BadInput
        The targets differ in their channels, or have no contrast.
    """
    targets = [(part.sample, part.target) for part in parts if part.target is not None]
    first = targets[0]
    for sample, target in targets:
        if len(target) != len(first[1]):
            raise BadInput(
                f"The targets differ in their channels: {_name(first[0].target)} has {len(first[1])}, "
                f"{_name(sample.target)} has {len(target)}.",
                hint="Train with targets of one kind only.",
                code="mixed-targets",
                path=sample.target,
            )
    scales = [measure_scale(np.moveaxis(target, 0, 2), joint=False, low=low, high=high) for _, target in targets]
    lows, highs = (np.median([getattr(scale, end) for scale in scales], axis=0) for end in ("low", "high"))
    if not (highs > lows).any():
        raise BadInput(
            f"The target images have one intensity everywhere (the first is {_name(first[0].target)}).",
            hint="Put the images that the network is to make into targets/.",
            code="flat-targets",
            path=first[0].target,
        )
    return IntensityScale(tuple(map(float, lows)), tuple(map(float, highs)))


def scaled(parts: Sequence["LabelledPart"], scale: IntensityScale) -> list["LabelledPart"]:
    """Return `parts` with their targets on `scale`; nothing is cut off."""
    low, span = _ends(scale)
    return [
        part if part.target is None else replace(part, target=((part.target - low) / span).astype(np.float32))
        for part in parts
    ]


def unscaled(image: NDArray[np.floating], scale: IntensityScale) -> NDArray[np.float32]:
    """Return ``(K, h, w)`` in the intensities of the targets."""
    low, span = _ends(scale)
    return np.asarray(image.astype(np.float32) * span + low, np.float32)


def _ends(scale: IntensityScale) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    low, high = (np.array(end, np.float32)[:, None, None] for end in (scale.low, scale.high))
    return low, np.where(high > low, high - low, 1).astype(np.float32)


def _name(path: Path | None) -> str:
    return path.name if path is not None else ""

"""Three small pictures of one validation image: as it is, with its truth, with the prediction."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.io.atomic import write_atomic
from segstudio.io.disk import make_one_folder
from segstudio.jobs.messages import Preview

#: Longest side of a picture, pixels.
_SIDE = 384
_KEPT = 12


@dataclass(frozen=True)
class Pictures:
    """One validation image as it is, with its truth, with the prediction: each ``(h, w, 3)`` uint8 RGB."""

    image: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    prediction: NDArray[np.uint8]
    caption: str
    """In words: "finds 9 of 10 objects"."""


def write_preview(folder: Path, epoch: float, pictures: Pictures) -> Preview:
    """Write `pictures` into `folder`, made in that of the run, and return their message."""
    make_one_folder(folder)
    names = {}
    for role in ("image", "truth", "prediction"):
        picture = getattr(pictures, role)
        path = folder / f"{epoch:09.2f}-{role}.png"
        write_atomic(path, cv2.imencode(".png", picture[:, :, ::-1])[1].tobytes())
        names[role] = str(path)
    for old in sorted(folder.glob("*.png"), reverse=True)[3 * _KEPT :]:
        old.unlink(missing_ok=True)
    return Preview(epoch=epoch, caption=pictures.caption, **names)


def overlay(image: NDArray[np.uint8], labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Return `image` ``(H, W, 3)`` RGB with each object of `labels` ``(H, W)`` in a colour of its own, outlined."""
    ids = np.maximum(labels, 0)
    # The golden angle keeps the hues of following ids far apart.
    hue = (ids * 0.618034 % 1.0 * 179).astype(np.uint8)
    colours = cv2.cvtColor(np.dstack([hue, np.full_like(hue, 200), np.full_like(hue, 255)]), cv2.COLOR_HSV2RGB)
    edge = np.zeros(ids.shape, bool)
    edge[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    edge[1:] |= ids[1:] != ids[:-1]
    weight = np.where(ids > 0, 0.35, 0.0) + np.where(edge, 0.6, 0.0) * (ids > 0)
    mixed = image * (1 - weight[..., None]) + colours * weight[..., None]
    return np.asarray(mixed.round(), np.uint8)


def window_of(known: NDArray[np.int32]) -> tuple[slice, slice]:
    """Return a window of at most the picture's side around the middle of the objects."""
    rows, columns = np.nonzero(known > 0)
    centre = (np.median(rows), np.median(columns)) if len(rows) else (known.shape[0] / 2, known.shape[1] / 2)
    starts = [
        int(np.clip(middle - _SIDE / 2, 0, max(0, length - _SIDE)))
        for middle, length in zip(centre, known.shape, strict=True)
    ]
    return slice(starts[0], starts[0] + _SIDE), slice(starts[1], starts[1] + _SIDE)


def picture(image: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return ``(C, H, W)``, 0 black and 1 white, as ``(H, W, 3)`` RGB.

    Two channels are shown in green and magenta, of more than three the first three.
    """
    if len(image) == 1:
        shown = np.repeat(image, 3, axis=0)
    elif len(image) == 2:
        shown = image[[1, 0, 1]]
    else:
        shown = image[:3]
    return np.asarray((np.clip(shown, 0, 1) * 255).round(), np.uint8).transpose(1, 2, 0)

"""The rotated boxes of many objects as arrays: which of them are in sight, and a picture of thousands of them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import Window

if TYPE_CHECKING:
    from segstudio.labels.boxes import BoxColumns

#: Fractional bits of the points that OpenCV draws between.
_SHIFT = 4
#: OpenCV draws lines otherwise where the picture ends.
_RIM = 3
#: With more boxes in a picture there is no room for halos.
HALOS_AMONG = 400
_HALO, _TICK = 0.4, 4.0
#: Boxes shorter than this on the screen are only lines over lines.
_LEAST = 3.0


@dataclass(frozen=True, eq=False)
class FoundBoxes:
    """Boxes, one entry each.

    Attributes
    ----------
    ids
        (N,) of the objects, ascending.
    centre
        (N, 2) xy in image pixels.
    length, width
        (N,) of the sides, image pixels.
    angle
        (N,) of the long side, degrees.
    colours
        (N, 3) uint8 red, green, blue.
    exact
        Whether they were found in the labels themselves, and not in what the screen shows of them.
    """

    ids: NDArray[np.int64]
    centre: NDArray[np.float64]
    length: NDArray[np.float64]
    width: NDArray[np.float64]
    angle: NDArray[np.float64]
    colours: NDArray[np.uint8]
    exact: bool = True

    @classmethod
    def none(cls) -> "FoundBoxes":
        """Return no boxes."""
        row = np.zeros(0)
        return cls(np.zeros(0, np.int64), np.zeros((0, 2)), row, row, row, np.zeros((0, 3), np.uint8))

    @classmethod
    def of(cls, found: "BoxColumns", colours: NDArray[np.uint8], start: Window, scale: float = 1.0) -> "FoundBoxes":
        """Return the boxes of labels that were sampled `scale` times from `start` on; what is too small is left out."""
        large = found.length >= _LEAST if scale < 1 else np.ones(len(found.ids), np.bool_)
        return cls(
            found.ids[large].astype(np.int64),
            (found.centre[large] + (start.x0, start.y0)) / scale,
            found.length[large] / scale,
            found.width[large] / scale,
            found.angle[large],
            colours[large],
            exact=scale == 1,
        )

    def __len__(self) -> int:
        return len(self.ids)

    def within(self, window: Window, reach: float = 0.0) -> NDArray[np.intp]:
        """Return which boxes may show in a window of the image and `reach` pixels around."""
        if not len(self):
            return np.zeros(0, np.intp)
        reach += float(self.length.max()) * 0.75
        x, y = self.centre[:, 0], self.centre[:, 1]
        inside = (x > window.x0 - reach) & (x < window.x1 + reach) & (y > window.y0 - reach) & (y < window.y1 + reach)
        return np.flatnonzero(inside)

    def corners(self, chosen: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return the corners of some boxes, (n, 4, 2) xy in image pixels."""
        turn = np.deg2rad(self.angle[chosen])
        along = np.stack([np.cos(turn), np.sin(turn)], axis=1) * self.length[chosen, None] / 2
        across = np.stack([-np.sin(turn), np.cos(turn)], axis=1) * self.width[chosen, None] / 2
        signs = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float64)
        sides = signs[None, :, :1] * along[:, None] + signs[None, :, 1:] * across[:, None]
        return np.asarray(self.centre[chosen, None] + sides)

    def numbers(self, ids: Iterable[int]) -> NDArray[np.intp]:
        """Return which entries are those of some objects, in ascending order."""
        wanted = np.unique(np.fromiter(ids, np.int64))
        at = np.searchsorted(self.ids, wanted)
        known = at < len(self.ids)
        return np.asarray(at[known][self.ids[at[known]] == wanted[known]])


@dataclass(frozen=True)
class BoxStyle:
    """How a picture of boxes looks: which objects are `bright`, and the colours of these and of the `halo` of all."""

    chosen: frozenset[int]
    bright: tuple[int, int, int]
    halo: tuple[int, int, int]


def draw_boxes(boxes: FoundBoxes, area: Window, scale: float, style: BoxStyle) -> NDArray[np.uint32]:
    """Return a picture of outlines and of ticks at the end of their long axes, premultiplied 32-bit colours.

    Parameters
    ----------
    area
        Window of the magnified plane.
    scale
        Its pixels per image pixel.
    """
    around = area.grow(_RIM)
    picture = np.zeros((*around.shape, 4), np.uint8)
    sides = (around.y0 / scale, around.x0 / scale, around.y1 / scale, around.x1 / scale)
    seen = boxes.within(Window(*(int(value) for value in sides)), reach=2 + 2 / scale)
    # OpenCV counts from the middle of the first pixel.
    start = np.array((around.x0 + 0.5, around.y0 + 0.5))
    outlines = _fixed(boxes.corners(seen) * scale - start)
    ticked = boxes.length[seen] * scale >= 8 * _TICK
    ticks = _fixed(_ticks(boxes, seen[ticked], scale) - start)
    if len(seen) <= HALOS_AMONG:
        red, green, blue = (round(value * _HALO) for value in style.halo)
        dark = blue, green, red, round(255 * _HALO)
        cv2.polylines(picture, list(outlines), True, dark, 3, cv2.LINE_AA, _SHIFT)
    colours = boxes.colours[seen].copy()
    if style.chosen:
        colours[np.isin(boxes.ids[seen], np.fromiter(style.chosen, np.int64))] = style.bright
    distinct, group = np.unique(colours, axis=0, return_inverse=True)
    for number, (red, green, blue) in enumerate(distinct.tolist()):
        mine, colour = group.ravel() == number, (blue, green, red, 255)
        cv2.polylines(picture, list(outlines[mine]), True, colour, 1, cv2.LINE_AA, _SHIFT)
        cv2.polylines(picture, list(ticks[mine[ticked]]), False, colour, 1, cv2.LINE_AA, _SHIFT)
    return np.ascontiguousarray(picture.view(np.uint32)[_RIM:-_RIM, _RIM:-_RIM, 0])


def _ticks(boxes: FoundBoxes, chosen: NDArray[np.intp], scale: float) -> NDArray[np.float64]:
    """Return from where to where the ticks go, (n, 2, 2) xy in pixels of the picture."""
    turn = np.deg2rad(boxes.angle[chosen])
    along = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    end = boxes.centre[chosen] * scale + along * (boxes.length[chosen, None] * scale / 2)
    return np.stack([end - 1.5 * _TICK * along, end + 0.6 * _TICK * along], axis=1)


def _fixed(points: NDArray[np.float64]) -> NDArray[np.int32]:
    return np.round(points * (1 << _SHIFT)).astype(np.int32)

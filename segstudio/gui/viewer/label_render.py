"""Labels to overlay pixels: fills and contours painted from labels sampled at screen resolution; pure numpy.

Sampling each *screen* pixel makes the cost depend on the screen and never on the image, keeps contours on exact
pixel edges, and gives them the same width at every zoom.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import TileGrid, Window
from segstudio.gui.viewer.colouring import ObjectColours
from segstudio.labels.label_map import LabelMap
from segstudio.labels.packed_tile import COARSE
from segstudio.labels.regions import COMPLETE, IGNORE

#: Device pixels that a drawing reads around its window.
MARGIN = 8
_DASH = 5

# What a pixel of the overlay is; times `LabelStyle.stride` plus the colour number it indexes the table of colours.
_NONE, _FILL, _HALF, _LINE, _SHADOW, _FILL_SELECTED, _LINE_SELECTED, _HALO, _GLOW = range(9)

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class LabelStyle:
    """How objects look.

    Attributes
    ----------
    colours
        Red, green, blue of colour numbers from 1 on.
    fill, line
        Opacities 0 to 1; 0 leaves fills or contours out.
    width
        Of contours, device pixels.
    dashed
        Contours of proposals.
    selected
        Ids drawn brighter, with a dark halo.
    number_of
        Colour number by id, or ``None`` to colour neighbours differently.
    other
        Colour of objects with the number 0 in `number_of`, or beyond it.
    hidden
        Ids that are left out.
    edged
        Contours lie between a dark and a light line, so that they are seen on a stain of their own colour.
    """

    colours: tuple[Colour, ...]
    fill: float = 0.35
    line: float = 1.0
    width: float = 1.5
    dashed: bool = False
    selected: frozenset[int] = frozenset()
    number_of: NDArray[np.uint8] | None = None
    other: Colour = (128, 128, 128)
    hidden: frozenset[int] = frozenset()
    edged: bool = False
    stride: int = field(init=False, repr=False, compare=False)
    table: NDArray[np.uint32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        stride = len(self.colours) + 1
        table = np.zeros(9 * stride, np.uint32)
        for number, colour in enumerate((self.other, *self.colours)):
            bright, rim = _mixed(colour, (255, 255, 255), 0.3), _mixed(colour, (255, 255, 255), 0.85)
            table[_FILL * stride + number] = argb(colour, self.fill)
            table[_HALF * stride + number] = argb(colour, max(self.line * (self.width % 1 or 1), self.fill))
            table[_LINE * stride + number] = argb(colour, self.line)
            table[_FILL_SELECTED * stride + number] = argb(bright, min(1.0, self.fill * 1.4))
            table[_LINE_SELECTED * stride + number] = argb(rim, self.line)
        table[_SHADOW * stride : (_SHADOW + 1) * stride] = argb((0, 0, 0), 0.45 * self.line)
        table[_HALO * stride : (_HALO + 1) * stride] = argb((0, 0, 0), 0.8 * self.line)
        table[_GLOW * stride :] = argb((255, 255, 255), 0.8 * self.line)
        object.__setattr__(self, "stride", stride)
        object.__setattr__(self, "table", table)


def argb(colour: Colour, alpha: float) -> int:
    """Return a premultiplied 32-bit colour."""
    red, green, blue = (round(value * alpha) for value in colour)
    return (round(alpha * 255) << 24) | (red << 16) | (green << 8) | blue


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def sampled(plane: LabelMap, area: Window, scale: float) -> NDArray[Any]:
    """Return the label under the centre of each pixel of a magnified picture of the whole plane.

    Where a picture pixel shows `COARSE` plane pixels or more it is one of those in its middle.

    Parameters
    ----------
    area
        Window of that picture, whose pixel (0, 0) is the upper left corner of the plane; may reach beyond it.
    scale
        Picture pixels per plane pixel.
    """
    rows = np.floor((np.arange(area.y0, area.y1) + 0.5) / scale).astype(np.int64)
    columns = np.floor((np.arange(area.x0, area.x1) + 0.5) / scale).astype(np.int64)
    out = np.zeros(area.shape, plane.dtype)
    reach = Window(int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1).clip(plane.shape)
    grid: TileGrid = plane.grid
    step = COARSE if scale * COARSE <= 1 else 1
    for key in grid.keys(reach):
        tile = plane.coarse(key) if step > 1 else plane.tile(key)
        if tile is None:
            continue
        part = grid.window(key)
        y0, y1 = np.searchsorted(rows, (part.y0, part.y1))
        x0, x1 = np.searchsorted(columns, (part.x0, part.x1))
        down = np.minimum((rows[y0:y1] - part.y0) // step, tile.shape[0] - 1)
        right = np.minimum((columns[x0:x1] - part.x0) // step, tile.shape[1] - 1)
        out[y0:y1, x0:x1] = tile[down[:, None], right[None, :]]
    return out


def draw_labels(
    plane: LabelMap, area: Window, scale: float, style: LabelStyle, colours: ObjectColours
) -> NDArray[np.uint32]:
    """Return the overlay of `area` (see `sampled`) as premultiplied 32-bit colours."""
    ids = sampled(plane, area.grow(MARGIN), scale)
    if style.hidden:
        ids[np.isin(ids, list(style.hidden))] = 0
    if not ids.any():
        return np.zeros(area.shape, np.uint32)
    numbers = _numbers(ids, style, colours)
    inside = ids > 0
    kind = np.where(inside, np.uint8(_FILL if style.fill > 0 else _NONE), np.uint8(_NONE))
    if style.line > 0:
        _draw_lines(kind, ids, style, area)
    if style.selected:
        _draw_selected(kind, ids, numbers, style)
    core = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    return np.ascontiguousarray(style.table[_places(kind[core], numbers[core], style.stride)])


def _places(kind: NDArray[np.uint8], numbers: NDArray[np.uint8], stride: int) -> NDArray[np.unsignedinteger[Any]]:
    if stride * (_GLOW + 1) <= 256:  # a byte is the quickest to look up
        return kind * np.uint8(stride) + numbers
    return kind.astype(np.uint16) * np.uint16(stride) + numbers


def _numbers(ids: NDArray[Any], style: LabelStyle, colours: ObjectColours) -> NDArray[np.uint8]:
    if style.number_of is None:
        return colours.of(ids)
    known = style.number_of
    return np.asarray(known[np.where((ids > 0) & (ids < len(known)), ids, 0)])


def _draw_lines(kind: NDArray[np.uint8], ids: NDArray[Any], style: LabelStyle, area: Window) -> None:
    """Mark the rim of each object, inside of it, and thin lines beside it that keep it apart from the image."""
    inside = ids > 0
    whole, rest = int(style.width), style.width % 1
    around = _rim(ids, max(whole, 1))
    rim = around & inside
    outer = _rim(ids, whole + 1) & inside if rest else rim
    shade = _rim(ids, whole + 2) & inside & ~outer
    if style.dashed:
        dash = _dashes(ids, area)
        if style.edged:
            kind[around & ~inside & dash] = _GLOW
        kind[shade & dash] = _SHADOW
        kind[outer & dash] = _HALF
        kind[rim & dash] = _LINE
        return
    if style.edged:
        kind[around & ~inside] = _GLOW
    if style.edged or style.fill < 0.1:
        kind[shade] = _SHADOW
    kind[outer] = _HALF
    kind[rim] = _LINE


def _draw_selected(kind: NDArray[np.uint8], ids: NDArray[Any], numbers: NDArray[np.uint8], style: LabelStyle) -> None:
    chosen = np.isin(ids, list(style.selected))
    if not chosen.any():
        return
    width = round(style.width + 1.1)
    only = np.where(chosen, ids, 0)
    rim, halo = _rim(only, width), _rim(only, max(1, width - 1))
    kind[chosen & (kind == _FILL)] = _FILL_SELECTED
    kind[halo & ~chosen] = _HALO
    kind[rim & chosen] = _LINE_SELECTED
    # The halo lies on the background or on neighbours, whose colour number does not matter to it.
    numbers[halo & ~chosen & (numbers == 0)] = 1


def _rim(ids: NDArray[Any], reach: int) -> NDArray[np.bool_]:
    """Return which pixels have another id within `reach` pixels up, down, left or right."""
    rim = np.zeros(ids.shape, np.bool_)
    for step in range(1, reach + 1):
        across = ids[:, step:] != ids[:, :-step]
        rim[:, step:] |= across
        rim[:, :-step] |= across
        down = ids[step:] != ids[:-step]
        rim[step:] |= down
        rim[:-step] |= down
    return rim


def _dashes(ids: NDArray[Any], area: Window) -> NDArray[np.bool_]:
    """Return dashes that run along the contours: their phase follows x + y, or x − y where the edge falls that way."""
    y = np.arange(area.y0 - MARGIN, area.y1 + MARGIN)[:, None]
    x = np.arange(area.x0 - MARGIN, area.x1 + MARGIN)[None, :]
    right, down = np.zeros(ids.shape, np.int8), np.zeros(ids.shape, np.int8)
    step = 3
    right[:, :-step] += ids[:, step:] != ids[:, :-step]
    right[:, step:] -= ids[:, step:] != ids[:, :-step]
    down[:-step] += ids[step:] != ids[:-step]
    down[step:] -= ids[step:] != ids[:-step]
    falling = right * down > 0
    return np.asarray(np.where(falling, (x - y) // _DASH % 2, (x + y) // _DASH % 2) == 0)


def draw_regions(plane: LabelMap, area: Window, scale: float, complete: Colour, ignore: Colour) -> NDArray[np.uint32]:
    """Return the overlay of the regions plane: a tinted edge round complete ones, hatching over what to ignore."""
    values = sampled(plane, area.grow(MARGIN), scale)
    out = np.zeros(values.shape, np.uint32)
    if values.any():
        y = np.arange(area.y0 - MARGIN, area.y1 + MARGIN)[:, None]
        x = np.arange(area.x0 - MARGIN, area.x1 + MARGIN)[None, :]
        out[values == COMPLETE] = argb(complete, 0.05)
        out[values == IGNORE] = argb((0, 0, 0), 0.25)
        out[(values == IGNORE) & ((x + y) % 10 < 2)] = argb(ignore, 0.55)
        edge = _rim(values, 1)
        out[_rim(values, 3) & (values == COMPLETE)] = argb(complete, 0.28)
        out[edge & (values == COMPLETE)] = argb(complete, 0.8)
        out[edge & (values == IGNORE)] = argb(ignore, 0.8)
    return np.ascontiguousarray(out[MARGIN:-MARGIN, MARGIN:-MARGIN])

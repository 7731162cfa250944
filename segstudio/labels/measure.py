"""Size, shape, direction and intensity of each object, as columns."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import PixelSize
from segstudio.labels.boxes import BoxColumns, box_columns
from segstudio.labels.contours import Rings, trace, without_negative

#: Chain codes overestimate lengths by this much on average over all directions (Proffit and Rosen, 1979).
_ALL_DIRECTIONS = 0.948


@dataclass(frozen=True, eq=False)
class Measurements(Mapping[str, NDArray[Any]]):
    """Columns of equal length, one entry per object by ascending id, and the unit of each column.

    Attributes
    ----------
    columns
        By name, as ``"area_px"``. Names say what and, where there are two, in which unit.
    units
        By name: ``"px"``, ``"px²"``, ``"µm"``, ``"µm²"``, ``"°"`` or ``""`` for plain numbers and intensities.
    """

    columns: dict[str, NDArray[Any]]
    units: dict[str, str]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)

    def __len__(self) -> int:
        return len(self.columns)

    @property
    def ids(self) -> NDArray[np.int64]:
        """The objects, ascending."""
        return self.columns["id"]


def measure(
    labels: NDArray[np.integer[Any]],
    image: NDArray[Any] | None = None,
    pixel_size: PixelSize | None = None,
    channel_names: tuple[str, ...] = (),
) -> Measurements:
    """Return the measurements of all objects.

    Parameters
    ----------
    labels
        ``(rows, columns)``; 0 and negative values are no objects.
    image
        ``(rows, columns)`` or ``(rows, columns, channels)``: adds mean, least and greatest intensity per channel.
        Pixels that are not a number do not count; an object of nothing else gets not-a-number.
    pixel_size
        Adds columns in micrometres.
    channel_names
        For the names of the intensity columns; numbers from 1 otherwise.

    Returns
    -------
    Measurements
        ``id``, ``area_px``, ``centroid_x``, ``centroid_y`` (pixel-corner coordinates), ``bbox_x0``, ``bbox_y0``,
        ``bbox_x1``, ``bbox_y1`` (half-open), ``length_px``, ``width_px``, ``angle`` (of the rotated box),
        ``perimeter_px``, ``equivalent_diameter_px``, ``feret_max_px``, ``major_axis_px``, ``minor_axis_px``,
        ``eccentricity``, ``solidity``, ``circularity``, ``aspect_ratio``; with a pixel size also ``area_um2``,
        ``length_um``, ``width_um`` and so on for every length;
        with an image ``mean_intensity``, ``min_intensity``, ``max_intensity``, followed by ``_`` and the channel
        when there are several.

    Raises
    ------
    ValueError
        `image` has another size than `labels`.

    Notes
    -----
    The perimeter follows the midpoints of the border's pixel edges, straight steps 1 and corners √2/2 long, times
    0.948, which makes it right on average over all directions (Proffit and Rosen, 1979); holes count. Circularity
    is 4π·area/perimeter², at most 1. Axes and eccentricity are those of the ellipse with the same second moments,
    each pixel a unit square; the Feret diameter is the greatest distance of two pixel corners; solidity is the area
    over that of the convex hull of all pixel corners.

    Examples
    --------
    >>> import numpy as np
    >>> table = measure(np.array([[0, 4, 4], [0, 4, 4]]))
    >>> table["area_px"].tolist(), table["centroid_x"].tolist(), table["length_px"].tolist()
    ([4.0], [2.0], [2.0])
    """
    if image is not None and image.shape[:2] != labels.shape:
        raise ValueError(f"An image of {image.shape[:2]} pixels for labels of {labels.shape}.")
    rings = trace(labels)
    runs = _Runs.of(labels, rings)
    columns: dict[str, NDArray[Any]] = {"id": runs.ids}
    columns |= _shape(runs, rings, box_columns(rings))
    units = {name: _unit(name) for name in columns}
    if pixel_size is not None:
        for name, column in _micrometres(columns, pixel_size).items():
            columns[name], units[name] = column, "µm²" if name.endswith("um2") else "µm"
    if image is not None:
        for name, column in _intensities(runs, image, channel_names).items():
            columns[name], units[name] = column, ""
    return Measurements(columns, units)


@dataclass(frozen=True, eq=False)
class _Runs:
    """The horizontal runs of pixels of all objects, object by object, row by row: all sums go over them."""

    ids: NDArray[np.int64]
    #: Where the runs of each object begin.
    first: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    length: NDArray[np.int64]
    #: Which pixels belong to objects.
    mask: NDArray[np.bool_]

    @classmethod
    def of(cls, labels: NDArray[np.integer[Any]], rings: Rings) -> "_Runs":
        # One column of 0 more, so that each run ends within its row.
        padded = without_negative(labels, ((0, 0), (0, 1)))
        flat = padded.ravel()
        change = np.flatnonzero(flat[1:] != flat[:-1]) + 1
        if flat.size and flat[0]:
            change = np.concatenate([[0], change])
        values = flat[change]
        real = np.flatnonzero(values)
        start, length, values = change[real], change[real + 1] - change[real], values[real]
        ids = np.unique(rings.ids)
        order = np.argsort(np.searchsorted(ids, values), kind="stable")
        start = start[order]
        row = start // padded.shape[1]
        first = np.searchsorted(values[order], ids)
        return cls(ids.astype(np.int64), first, row, start - row * padded.shape[1], length[order], padded[:, :-1] > 0)

    def sum(self, values: NDArray[Any]) -> NDArray[np.float64]:
        """Return the sum of one value per run for each object."""
        if not len(self.ids):
            return np.zeros(0)
        return np.add.reduceat(values, self.first).astype(np.float64)

    def spread(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the value of its object for each run."""
        return np.repeat(values, np.diff(np.append(self.first, len(self.row))))


def _shape(runs: _Runs, rings: Rings, boxes: BoxColumns) -> dict[str, NDArray[Any]]:
    area = runs.sum(runs.length)
    middle = runs.column + runs.length / 2
    x, y = runs.sum(middle * runs.length) / area, runs.sum((runs.row + 0.5) * runs.length) / area
    last = np.append(runs.first[1:], len(runs.row)) - 1
    some = len(runs.ids) > 0
    right = runs.column + runs.length
    perimeter = _perimeter(rings)
    return {
        "area_px": area,
        "centroid_x": x,
        "centroid_y": y,
        "bbox_x0": np.minimum.reduceat(runs.column, runs.first) if some else runs.first,
        "bbox_y0": runs.row[runs.first],
        "bbox_x1": np.maximum.reduceat(right, runs.first) if some else runs.first,
        "bbox_y1": runs.row[last[: len(runs.ids)]] + 1,
        "length_px": boxes.length,
        "width_px": boxes.width,
        "angle": boxes.angle,
        "aspect_ratio": boxes.length / boxes.width,
        "perimeter_px": perimeter,
        "equivalent_diameter_px": np.sqrt(4 * area / np.pi),
        "feret_max_px": boxes.feret(),
        **_ellipse(runs, area, x, y),
        "solidity": area / boxes.hull_area,
        "circularity": np.minimum(4 * np.pi * area / perimeter**2, 1.0),
    }


def _perimeter(rings: Rings) -> NDArray[np.float64]:
    if not len(rings.ids):
        return np.zeros(0)
    follow = np.arange(1, len(rings.points) + 1)
    follow[rings.offsets[1:] - 1] = rings.offsets[:-1]
    cracks = np.abs(rings.points[follow] - rings.points).sum(axis=1)
    steps = cracks - 1 + np.sqrt(0.5)
    first = np.flatnonzero(np.diff(rings.ids.astype(np.int64), prepend=-1))
    return _ALL_DIRECTIONS * np.add.reduceat(steps, rings.offsets[first])


def _ellipse(
    runs: _Runs, area: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    dx = runs.column + runs.length / 2 - runs.spread(x)
    dy = runs.row + 0.5 - runs.spread(y)
    # A run of n unit squares has the second moment n * (n² / 12) about its own middle.
    xx = runs.sum(runs.length * (dx**2 + runs.length**2 / 12)) / area
    yy = runs.sum(runs.length * (dy**2 + 1 / 12)) / area
    xy = runs.sum(runs.length * dx * dy) / area
    root = np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    mean = (xx + yy) / 2
    return {
        "major_axis_px": 4 * np.sqrt(mean + root),
        "minor_axis_px": 4 * np.sqrt(np.maximum(mean - root, 0)),
        "eccentricity": np.sqrt(np.clip(1 - (mean - root) / (mean + root), 0, 1)),
    }


def _micrometres(columns: dict[str, NDArray[Any]], size: PixelSize) -> dict[str, NDArray[np.float64]]:
    lengths = [name for name in columns if name.endswith("_px") and name != "area_px"]
    return {"area_um2": columns["area_px"] * (size.y * size.x)} | {
        name.removesuffix("px") + "um": columns[name] * size.mean for name in lengths
    }


def _intensities(runs: _Runs, image: NDArray[Any], names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    channels = image[..., None] if image.ndim == 2 else image
    columns = {}
    for channel in range(channels.shape[2]):
        name = names[channel] if channel < len(names) else str(channel + 1)
        suffix = f"_{name}" if channels.shape[2] > 1 else ""
        plane = np.ascontiguousarray(channels[..., channel])
        for kind, column in zip(("mean", "min", "max"), _statistics(runs, plane), strict=True):
            columns[f"{kind}_intensity{suffix}"] = column
    return columns


def _statistics(runs: _Runs, plane: NDArray[Any]) -> tuple[NDArray[np.float64], ...]:
    """Return mean, least and greatest value of each object; of numbers only."""
    if not len(runs.ids):
        return np.zeros(0), np.zeros(0), np.zeros(0)
    # All object pixels in reading order, where the runs follow each other without gaps.
    values = plane[runs.mask].astype(np.float64)
    order = np.argsort(runs.row * plane.shape[1] + runs.column)
    length = runs.length[order]
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    begin = np.cumsum(length) - length
    is_number = ~np.isnan(values)
    total = runs.sum(np.add.reduceat(np.where(is_number, values, 0), begin)[rank])
    count = runs.sum(np.add.reduceat(is_number.astype(np.int64), begin)[rank])
    low = np.fmin.reduceat(np.fmin.reduceat(values, begin)[rank], runs.first)
    high = np.fmax.reduceat(np.fmax.reduceat(values, begin)[rank], runs.first)
    mean = np.divide(total, count, out=np.full(len(total), np.nan), where=count > 0)
    return mean, low, high


def _unit(name: str) -> str:
    if name == "area_px":
        return "px²"
    if name == "angle":
        return "°"
    return "px" if name.endswith("_px") or name.startswith(("centroid", "bbox")) else ""

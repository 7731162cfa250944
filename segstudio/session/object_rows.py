"""The rows of the table of objects, and the figures in them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import repeat
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from segstudio.core.tiles import TileKey, Window
from segstudio.labels.label_map import LabelMap
from segstudio.labels.measure import measure
from segstudio.labels.object_blocks import object_blocks
from segstudio.labels.objects import ObjectInfo, ReviewState, Source


@dataclass(frozen=True, slots=True)
class Measured:
    """Pixel figures of one object: area in px², lengths in px, angle in degrees, mean intensity of all channels.

    Perimeter and diameter, of the disc of equal area, are lengths; the last three are plain numbers (see `measure`).
    """

    area: float = 0.0
    length: float = 0.0
    width: float = 0.0
    angle: float = 0.0
    intensity: float = float("nan")
    diameter: float = 0.0
    perimeter: float = 0.0
    circularity: float = 0.0
    solidity: float = 0.0
    eccentricity: float = 0.0


@dataclass(frozen=True, slots=True)
class Row:
    """One object of the table; lengths are in `ObjectList.unit`, the area in its square; NaN until measured."""

    id: int
    class_id: int
    source: Source
    state: ReviewState
    area: float
    length: float
    width: float
    angle: float
    intensity: float
    diameter: float = float("nan")
    perimeter: float = float("nan")
    circularity: float = float("nan")
    solidity: float = float("nan")
    eccentricity: float = float("nan")


#: Figures of an object that is not measured yet.
UNKNOWN: Final = Measured(*[float("nan")] * 10)


def row_of(object_id: int, info: ObjectInfo, found: Measured, scale: float) -> Row:
    """Return the row of an object of these figures, with `scale` micrometres, or 1, a pixel."""
    return Row(
        object_id,
        info.class_id,
        info.source,
        info.state,
        found.area * scale**2,
        found.length * scale,
        found.width * scale,
        found.angle,
        found.intensity,
        found.diameter * scale,
        found.perimeter * scale,
        found.circularity,
        found.solidity,
        found.eccentricity,
    )


def measure_all(
    labels: LabelMap, read: Callable[[Window], NDArray[Any] | None], wanted: Callable[[], bool]
) -> dict[int, Measured]:
    """Measure all objects, as long as it is `wanted`."""
    found: dict[int, Measured] = {}
    for window, pixels in object_blocks(labels):
        if not wanted():
            break
        found |= _measured(pixels, read(window))
    return found


def measure_each(
    places: dict[int, list[TileKey]], labels: LabelMap, read: Callable[[Window], NDArray[Any] | None]
) -> dict[int, Measured]:
    """Measure some objects, each by itself, in the tiles where they are."""
    found = {}
    for object_id, keys in places.items():
        window = labels.window_of(object_id, keys)
        if window is not None:
            mine = labels.read(window) == object_id
            found[object_id] = _measured(mine.astype(np.int32), read(window)).get(1, UNKNOWN)
    return found


def _measured(labels: NDArray[np.int32], image: NDArray[Any] | None) -> dict[int, Measured]:
    table = measure(labels, image.mean(axis=2) if image is not None and image.ndim == 3 else image)
    columns: Iterable[Any] = zip(
        table.ids.tolist(),
        table["area_px"].tolist(),
        table["length_px"].tolist(),
        table["width_px"].tolist(),
        table["angle"].tolist(),
        table["mean_intensity"].tolist() if image is not None else repeat(UNKNOWN.intensity, len(table.ids)),
        table["equivalent_diameter_px"].tolist(),
        table["perimeter_px"].tolist(),
        table["circularity"].tolist(),
        table["solidity"].tolist(),
        table["eccentricity"].tolist(),
        strict=True,
    )
    return {int(object_id): Measured(*figures) for object_id, *figures in columns}

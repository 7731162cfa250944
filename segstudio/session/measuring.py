"""Measurements of many images as one table."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.export.base import ExportItem
from segstudio.labels.measure import measure

#: Columns that say where an object is, not what it is like.
PLACES = frozenset({"id", "centroid_x", "centroid_y", "bbox_x0", "bbox_y0", "bbox_x1", "bbox_y1"})


@dataclass(frozen=True, eq=False)
class MeasuredImages:
    """Measurements of all objects of some images, one after the other.

    Attributes
    ----------
    columns
        By name; NaN where an image has no such figure, as micrometres without a pixel size.
    units
        By name.
    images
        How many images.
    """

    columns: dict[str, NDArray[np.float64]]
    units: dict[str, str]
    images: int

    @property
    def objects(self) -> int:
        """How many objects."""
        return len(self.columns["area_px"]) if "area_px" in self.columns else 0


def measure_items(items: Iterable[ExportItem]) -> MeasuredImages:
    """Measure every object of `items`.

    Raises
    ------
    UserError
        A file cannot be read.
    """
    tables = []
    units: dict[str, str] = {}
    for item in items:
        image = item.image() if item.image is not None else None
        if image is not None and image.ndim == 3:
            image = image.mean(axis=2)
        table = measure(item.labels(), image, item.pixel_size)
        tables.append(table)
        units |= {name: table.units[name] for name in table if name not in PLACES}
    columns = {}
    for name in units:
        parts = [table[name] if name in table else np.full(len(table.ids), np.nan) for table in tables]
        columns[name] = np.concatenate(parts).astype(np.float64)
    return MeasuredImages(columns, units, len(tables))

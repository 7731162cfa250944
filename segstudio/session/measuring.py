"""Labels of the project as items to export, and measurements of many images as one table."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.axes import PixelSize
from segstudio.core.errors import UserError
from segstudio.export.base import ExportItem
from segstudio.io.labels_file import read_label_tiff
from segstudio.io.objects_file import read_objects
from segstudio.io.sources import open_image
from segstudio.labels.measure import measure

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.labels.objects import ObjectInfo
    from segstudio.project.project import ImageEntry, Project

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


def export_items(project: "Project", entries: Iterable["ImageEntry"]) -> list[ExportItem]:
    """Return the images of `entries` that have labels on the disk, ready for an exporter."""
    return [_item(project, entry) for entry in entries if project.label_path(entry.id).is_file()]


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


def _item(project: "Project", entry: "ImageEntry") -> ExportItem:
    labels, image = project.label_path(entry.id), project.image_path(entry.id)
    shape = (entry.height, entry.width)
    size = entry.pixel_size_um

    def read_labels() -> NDArray[np.int32]:
        array: NDArray[np.int32] = read_label_tiff(labels, np.int32, shape).to_array()
        return array

    def read_image() -> NDArray[Any]:
        source = open_image(image)
        try:
            return source.read()
        finally:
            source.close()

    return ExportItem(
        name=entry.stem,
        image_path=image,
        labels=read_labels,
        objects=_objects(project.objects_path(entry.id)),
        classes=project.classes,
        pixel_size=PixelSize(size, size) if size else None,
        image=read_image,
    )


def _objects(path: "Path") -> "dict[int, ObjectInfo]":
    try:
        return read_objects(path)[0]
    except UserError:
        if path.exists():
            raise
        return {}  # a label image of another program: every object has the first class

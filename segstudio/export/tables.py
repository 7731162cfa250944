"""Exporter: one table of measurements of all images, units in the column names and explained beside it."""

from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np

from segstudio.config.base import Config, param
from segstudio.core.errors import UserError
from segstudio.export.base import Exporter, ExportItem, Labels, Sink, exporters
from segstudio.export.csv_text import csv_bytes
from segstudio.labels.boxes import rotated_boxes
from segstudio.labels.measure import Measurements, measure

#: Columns of the table whose names differ from those of `measure`.
_NAMES = {
    "id": "label",
    "bbox_y0": "bbox_min_row",
    "bbox_x0": "bbox_min_col",
    "bbox_y1": "bbox_max_row",
    "bbox_x1": "bbox_max_col",
    "length_px": "obb_length_px",
    "width_px": "obb_width_px",
    "length_um": "obb_length_um",
    "width_um": "obb_width_um",
    "angle": "obb_angle_deg",
}
_FIRST = ("image", "label", "class", "source", "state")
_SOURCES = {"hand": "manual", "model": "model", "import": "import"}
_MEANINGS = {
    "image": "name of the image",
    "label": "id of the object, the value of its pixels in the label image",
    "class": "class of the object",
    "source": "manual, model or import",
    "state": "accepted, unreviewed (nobody has looked at it yet) or suspicious (to be looked at again)",
    "area_px": "number of pixels",
    "centroid_x": "centre of mass; the first pixel covers 0 to 1",
    "centroid_y": "centre of mass; the first pixel covers 0 to 1",
    "bbox_min_row": "first row",
    "bbox_min_col": "first column",
    "bbox_max_row": "row after the last",
    "bbox_max_col": "column after the last",
    "obb_cx": "centre of the smallest rectangle around the object",
    "obb_cy": "centre of the smallest rectangle around the object",
    "obb_length_px": "long side of that rectangle",
    "obb_width_px": "short side of that rectangle",
    "obb_angle_deg": "direction of the long side, clockwise from the x axis as seen on the screen, 0 to 180",
    "eccentricity": "of the ellipse with the same second moments: 0 circle, 1 line",
    "major_axis_px": "long axis of the ellipse with the same second moments",
    "minor_axis_px": "short axis of the ellipse with the same second moments",
    "feret_max_px": "greatest distance of two points of the object",
    "solidity": "area divided by that of the convex hull",
    "circularity": "4π·area/perimeter², 1 for a disc",
    "aspect_ratio": "long side divided by short side of that rectangle",
    "perimeter_px": "length of the border, holes included",
    "equivalent_diameter_px": "diameter of the disc of equal area",
    "area_um2": "area",
    "pixel_size_um": "side of a pixel",
}


class TableSettings(Config):
    """Measurements."""

    intensities: bool = param(True, title="Intensities")
    """Mean, least and greatest value of each channel inside each object."""


class Table(Exporter):
    """Measurements of every object."""

    title = "Measurements (CSV)"
    description = "One table: a row for each object with size, shape, direction, position and intensities."
    target = "file"
    suffix = ".csv"
    Settings: ClassVar[type[Config]] = TableSettings

    def write(self, items: Iterable[ExportItem], sink: Sink, settings: TableSettings) -> list[str]:
        """Write the table and ``<name>_columns.csv``, which says what each column is and in which unit."""
        rows: list[dict[str, Any]] = []
        units: dict[str, str] = dict.fromkeys(_FIRST, "")
        losses = []
        for item in items:
            labels = item.labels()
            pixels, loss = _pixels(item, labels) if settings.intensities else (None, "")
            losses += [loss] if loss else []
            found = measure(labels, pixels, item.pixel_size, item.channel_names)
            rows += _rows(item, labels, found)
            units |= {_NAMES.get(name, name): unit for name, unit in found.units.items()}
            units |= {"obb_cx": "px", "obb_cy": "px"}
            if item.pixel_size is not None:
                units["pixel_size_um"] = "µm"
        sink.write(sink.main, csv_bytes(list(units), ([row.get(name) for name in units] for row in rows)))
        stem = sink.main.rsplit(".", 1)[0]
        explained = [(name, unit, _meaning(name)) for name, unit in units.items()]
        sink.write(f"{stem}_columns.csv", csv_bytes(("column", "unit", "meaning"), explained))
        return losses


def _meaning(name: str) -> str:
    known = _MEANINGS.get(name) or _MEANINGS.get(name.replace("_um", "_px"))
    if known:
        return known
    what, _, channel = name.partition("_intensity")
    words = {"mean": "mean", "min": "least", "max": "greatest"}
    of = f" of channel {channel[1:]}" if channel else ""
    return f"{words[what]} value of the image inside the object{of}" if what in words else ""


def _pixels(item: ExportItem, labels: Labels) -> tuple[Any, str]:
    if item.image is None:
        return None, ""
    try:
        pixels = item.image()
    except UserError as error:
        return None, f"{item.name}: intensities were left out. {error.message}"
    if pixels.shape[:2] != labels.shape:
        return None, f"{item.name}: intensities were left out, the image has another size than its labels."
    return pixels, ""


def _rows(item: ExportItem, labels: Labels, found: Measurements) -> list[dict[str, Any]]:
    boxes = rotated_boxes(labels)
    columns = {_NAMES.get(name, name): np.asarray(column).tolist() for name, column in found.items()}
    rows = []
    for at, object_id in enumerate(found.ids.tolist()):
        info = item.info(object_id)
        row = {name: column[at] for name, column in columns.items()}
        row |= {"image": item.name, "class": item.class_name(info.class_id)}
        row |= {"source": _SOURCES[info.source], "state": info.state}
        row["obb_cx"], row["obb_cy"] = boxes[object_id].centre
        if item.pixel_size is not None:
            row["pixel_size_um"] = item.pixel_size.mean
        rows.append(row)
    return rows


exporters.register("measurements")(Table())

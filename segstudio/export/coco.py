"""Exporter: one COCO instances file of all images, polygons where they are exact, run lengths elsewhere."""

import json
from collections.abc import Iterable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask
from scipy import ndimage

from segstudio.config.base import Config, param
from segstudio.export.base import Exporter, ExportItem, Labels, Sink, exporters
from segstudio.export.rings import holes_of
from segstudio.labels.contours import contours


class CocoSettings(Config):
    """COCO."""

    segmentation: Literal["polygons", "rle"] = param("polygons", title="Outlines as")
    """Polygons can be edited in other programs; run lengths (rle) are exact for every shape, holes included."""


class Coco(Exporter):
    """COCO instances."""

    title = "COCO (JSON)"
    description = "One JSON file of all images: outlines, boxes, areas and classes, for detection programs."
    target = "file"
    suffix = ".json"
    Settings: ClassVar[type[Config]] = CocoSettings

    def write(self, items: Iterable[ExportItem], sink: Sink, settings: CocoSettings) -> list[str]:
        """Write the file; ``object_id`` of each annotation is the id in the label image."""
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        categories: dict[int, str] = {}
        with_holes = 0
        for item in items:
            labels = item.labels()
            height, width = labels.shape
            images.append({"id": len(images) + 1, "file_name": item.image_path.name, "width": width, "height": height})
            categories |= {class_id: item.class_name(class_id) for class_id in item.classes.ids}
            rings = contours(labels) if settings.segmentation == "polygons" else {}
            for object_id, box in _boxes(labels):
                info = item.info(object_id)
                categories.setdefault(info.class_id, item.class_name(info.class_id))
                mask = labels[box] == object_id
                parts = rings.get(object_id, ())
                holed = bool(holes_of(parts))
                with_holes += holed
                exact = bool(parts) and not holed
                annotations.append(
                    {
                        "id": len(annotations) + 1,
                        "image_id": len(images),
                        "category_id": info.class_id,
                        "segmentation": [_flat(ring) for ring in parts] if exact else _rle(mask, box, labels.shape),
                        "area": int(mask.sum()),
                        "bbox": [box[1].start, box[0].start, mask.shape[1], mask.shape[0]],
                        "iscrowd": 0,
                        "object_id": object_id,
                        "source": info.source,
                        "state": info.state,
                    }
                )
        content = {
            "info": {"description": "SegStudio", "version": "1.0"},
            "images": images,
            "categories": [{"id": key, "name": name, "supercategory": ""} for key, name in sorted(categories.items())],
            "annotations": annotations,
        }
        sink.write(sink.main, json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode())
        if not with_holes:
            return []
        what = "1 object has" if with_holes == 1 else f"{with_holes:,} objects have"
        return [f"{what} holes, which COCO polygons cannot hold: run lengths (RLE) were written instead."]


def _boxes(labels: Labels) -> Iterable[tuple[int, tuple[slice, slice]]]:
    """Yield each id with the window around it, by id."""
    ids, places = np.unique(labels, return_inverse=True)
    found = ndimage.find_objects((places.reshape(labels.shape) + 1).astype(np.int32))
    for object_id, box in zip(ids.tolist(), found, strict=True):
        if object_id > 0 and box is not None:
            yield object_id, (box[0], box[1])


def _flat(ring: NDArray[np.float64]) -> list[float]:
    return [int(value) if float(value).is_integer() else float(value) for value in ring.ravel()]


def _rle(mask: NDArray[np.bool_], box: tuple[slice, slice], shape: tuple[int, ...]) -> dict[str, Any]:
    """Return compressed run lengths, column-major, of a mask that lies at `box` in an image of `shape`."""
    height, width = shape
    columns, rows = np.nonzero(mask.T)
    places = (columns + box[1].start) * height + rows + box[0].start
    breaks = np.flatnonzero(np.diff(places) != 1)
    starts = places[np.concatenate(([0], breaks + 1))]
    ends = places[np.concatenate((breaks, [len(places) - 1]))] + 1
    edges = np.concatenate(([0], np.column_stack((starts, ends)).ravel(), [height * width]))
    counts = np.diff(edges)
    packed = coco_mask.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return {"size": [height, width], "counts": packed["counts"].decode("ascii")}


exporters.register("coco")(Coco())

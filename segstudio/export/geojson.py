"""Exporter: outlines as GeoJSON, as QuPath reads and writes them."""

import json
from collections.abc import Iterable
from typing import Any, ClassVar, Literal
from uuid import NAMESPACE_URL, uuid5

from segstudio.config.base import Config, param
from segstudio.core.classes import CLASS_COLOURS
from segstudio.export.base import Exporter, ExportItem, Sink, exporters
from segstudio.export.rings import Ring, polygons_of
from segstudio.labels.contours import contours


class GeoJsonSettings(Config):
    """GeoJSON."""

    object_type: Literal["annotation", "detection"] = param("annotation", title="In QuPath they are")
    """Annotations can be edited; detections are light and suit tens of thousands of objects."""


class GeoJson(Exporter):
    """Outlines for QuPath."""

    title = "GeoJSON (QuPath)"
    description = "One GeoJSON for each image: pixel-exact outlines with holes, classes and colours."
    suffix = ".geojson"
    Settings: ClassVar[type[Config]] = GeoJsonSettings

    def write(self, items: Iterable[ExportItem], sink: Sink, settings: GeoJsonSettings) -> list[str]:
        """Write ``<name>.geojson``: a FeatureCollection, the object id as name of each feature."""
        for item in items:
            stem = sink.stem(item.name)
            rings = contours(item.labels())
            features = [
                _feature(item, stem, int(object_id), rings[object_id], settings.object_type)
                for object_id in sorted(rings)
            ]
            content = {"type": "FeatureCollection", "features": features}
            data = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
            sink.write(f"{stem}.geojson", data)
        return []


def _feature(item: ExportItem, stem: str, object_id: int, rings: Iterable[Ring], kind: str) -> dict[str, Any]:
    info = item.info(object_id)
    polygons = [[_closed(ring) for ring in polygon] for polygon in polygons_of(tuple(rings))]
    single = len(polygons) == 1
    return {
        "type": "Feature",
        # The same object keeps its identity when it is exported again.
        "id": str(uuid5(NAMESPACE_URL, f"segstudio:{stem}:{object_id}")),
        "geometry": {
            "type": "Polygon" if single else "MultiPolygon",
            "coordinates": polygons[0] if single else polygons,
        },
        "properties": {
            "objectType": kind,
            "name": str(object_id),
            "classification": {"name": item.class_name(info.class_id), "color": _rgb(item, info.class_id)},
            "isLocked": False,
            "metadata": {"source": info.source, "state": info.state},
        },
    }


def _closed(ring: Ring) -> list[list[float]]:
    points = [[round(float(x), 2), round(float(y), 2)] for x, y in ring]
    return [*points, points[0]]


def _rgb(item: ExportItem, class_id: int) -> list[int]:
    known = class_id in item.classes.ids
    colour = item.classes[class_id].colour if known else CLASS_COLOURS[(class_id - 1) % len(CLASS_COLOURS)]
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


exporters.register("geojson")(GeoJson())

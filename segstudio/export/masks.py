"""Exporters: label images as TIFF or 16-bit PNG, black and white masks, class masks."""

import json
from collections.abc import Iterable
from io import BytesIO
from typing import Any, ClassVar, Literal

import cv2
import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray

from segstudio.config.base import Config, param
from segstudio.core.axes import PixelSize
from segstudio.core.errors import BadInput
from segstudio.export.base import Exporter, ExportItem, Labels, Sink, exporters

#: Larger label images are written in tiles.
_TILED_FROM = 2048


class LabelTiff(Exporter):
    """One TIFF for each image whose pixels are the object ids, for Fiji, QuPath, napari and every script."""

    title = "Label image (TIFF)"
    description = "One TIFF for each image: every pixel is the id of its object, 16 bit or 32 bit as needed."
    suffix = ".tif"

    def write(self, items: Iterable[ExportItem], sink: Sink, settings: Config) -> list[str]:
        """Write ``<name>.tif``, uint16 or uint32, deflate, with the pixel size."""
        wide = []
        for item in items:
            labels = item.labels()
            dtype = np.uint16 if labels.max(initial=0) <= 65_535 else np.uint32
            if dtype is np.uint32:
                wide.append(item.name)
            sink.write(f"{sink.stem(item.name)}.tif", tiff_bytes(labels.astype(dtype), item.pixel_size))
        if not wide:
            return []
        return [
            f"{_names(wide)} {_have(wide)} ids above 65,535 and 32 bits per pixel, which some programs cannot read."
        ]


def tiff_bytes(pixels: NDArray[Any], pixel_size: PixelSize | None) -> bytes:
    """Return a deflate-compressed TIFF, the same bytes for the same pixels.

    Parameters
    ----------
    pixels
        ``(rows, columns)``, any unsigned type.
    pixel_size
        Written as resolution per centimetre.
    """
    extra: dict[str, Any] = {}
    if pixel_size is not None:
        extra = {"resolution": (1e4 / pixel_size.x, 1e4 / pixel_size.y), "resolutionunit": "CENTIMETER"}
    if max(pixels.shape) > _TILED_FROM:
        extra["tile"] = (512, 512)
    buffer = BytesIO()
    tifffile.imwrite(
        buffer, pixels, compression="zlib", photometric="minisblack", metadata=None, software="SegStudio", **extra
    )
    return buffer.getvalue()


class LabelPng(Exporter):
    """One 16-bit PNG for each image whose pixels are the object ids."""

    title = "Label image (PNG, 16 bit)"
    description = "One PNG for each image: every pixel is the id of its object, up to 65,535."
    suffix = ".png"

    def write(self, items: Iterable[ExportItem], sink: Sink, settings: Config) -> list[str]:
        """Write ``<name>.png``; refuse ids that 16 bits cannot hold."""
        sized = []
        for item in items:
            labels = item.labels()
            largest = int(labels.max(initial=0))
            if largest > 65_535:
                raise BadInput(
                    f"{item.name} has the object id {largest:,}, a 16-bit PNG holds ids up to 65,535.",
                    hint="Export it as label image TIFF.",
                    code="export-ids",
                    path=item.image_path,
                )
            if item.pixel_size is not None:
                sized.append(item.name)
            sink.write(f"{sink.stem(item.name)}.png", bytes(imagecodecs.png_encode(labels.astype(np.uint16))))
        return [f"PNG does not hold the pixel size of {_names(sized)}."] if sized else []


class BinaryMaskSettings(Config):
    """Black and white masks."""

    values: Literal["255", "1"] = param("255", title="Value of objects")
    """255 is white in every viewer; 1 suits scripts that multiply."""
    separate: bool = param(False, title="Separate touching objects")
    """Leave a line of background where objects touch, so that they can be told apart again."""


class BinaryMask(Exporter):
    """One black and white PNG for each image."""

    title = "Black and white mask (PNG)"
    description = "One 8-bit PNG for each image: objects white, background black."
    suffix = ".png"
    Settings: ClassVar[type[Config]] = BinaryMaskSettings

    def write(self, items: Iterable[ExportItem], sink: Sink, settings: BinaryMaskSettings) -> list[str]:
        """Write ``<name>.png`` with two values; report objects that flow together."""
        losses = []
        for item in items:
            labels = item.labels()
            mask = labels > 0
            if settings.separate:
                border = _inner_borders(labels)
                mask &= ~border
                if border.any():
                    losses.append(
                        f"{item.name}: {int(border.sum()):,} pixels between touching objects became background."
                    )
                if gone := len(np.unique(labels[labels > 0])) - len(np.unique(labels[mask])):
                    what = "1 object was" if gone == 1 else f"{gone:,} objects were"
                    losses.append(f"{item.name}: {what} so thin that nothing is left in the mask.")
            objects = int(np.count_nonzero(np.unique(labels) > 0))
            parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)[0] - 1
            if parts < objects:
                losses.append(
                    f"{item.name}: {objects:,} objects make {parts:,} connected parts; those that touch "
                    "cannot be told apart in a black and white mask."
                )
            pixels = mask.astype(np.uint8) * np.uint8(settings.values)
            sink.write(f"{sink.stem(item.name)}.png", bytes(imagecodecs.png_encode(pixels)))
        return losses


def _inner_borders(labels: Labels) -> NDArray[np.bool_]:
    """Return the pixels that have a neighbour of another, smaller id: one side of every shared border."""
    padded = np.pad(labels, 1)
    border = np.zeros(labels.shape, np.bool_)
    rows, columns = labels.shape
    for y, x in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        neighbour = padded[y : y + rows, x : x + columns]
        border |= (neighbour > 0) & (neighbour < labels)
    return border


class ClassMask(Exporter):
    """One PNG for each image whose pixels are class ids."""

    title = "Class mask (PNG)"
    description = "One PNG for each image: every pixel is the id of its object's class; classes.json has their names."
    suffix = ".png"

    def write(self, items: Iterable[ExportItem], sink: Sink, settings: Config) -> list[str]:
        """Write ``<name>.png``, 8 bit or 16 bit, and ``classes.json``."""
        names: dict[int, str] = {}
        for item in items:
            labels = item.labels()
            ids, places = np.unique(labels, return_inverse=True)
            classes = np.array([item.info(int(found)).class_id if found > 0 else 0 for found in ids])
            largest = int(classes.max(initial=0))
            if largest > 65_535:
                raise BadInput(
                    f"{item.name} uses the class id {largest:,}, a PNG holds ids up to 65,535.",
                    hint="Export COCO instead.",
                    code="export-ids",
                    path=item.image_path,
                )
            dtype = np.uint8 if largest <= 255 else np.uint16
            pixels = classes.astype(dtype)[places].reshape(labels.shape)
            names |= {
                class_id: item.class_name(class_id) for class_id in (*item.classes.ids, *classes[classes > 0].tolist())
            }
            sink.write(f"{sink.stem(item.name)}.png", bytes(imagecodecs.png_encode(pixels)))
        table = {str(class_id): names[class_id] for class_id in sorted(names)}
        sink.write("classes.json", (json.dumps(table, indent=2, ensure_ascii=False) + "\n").encode())
        return ["A class mask does not tell touching objects of one class apart."]


def _names(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")


def _have(names: list[str]) -> str:
    return "has" if len(names) == 1 else "have"


exporters.register("label-tiff")(LabelTiff())
exporters.register("label-png")(LabelPng())
exporters.register("binary-mask")(BinaryMask())
exporters.register("class-mask")(ClassMask())

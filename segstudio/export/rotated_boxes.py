"""Exporters: minimum-area rectangles as a table with corners, and as YOLO-OBB."""

import json
from collections.abc import Collection, Iterable

from segstudio.config.base import Config
from segstudio.export.base import Exporter, ExportItem, Sink, exporters
from segstudio.export.csv_text import csv_bytes
from segstudio.labels.boxes import RotatedBox, rotated_boxes

_HEADER = ("image", "label", "class", "source", "cx_px", "cy_px", "length_px", "width_px", "angle_deg")
_CORNERS = tuple(f"{axis}{corner}_px" for corner in range(1, 5) for axis in "xy")


class RotatedBoxTable(Exporter):
    """A table of minimum-area rectangles."""

    title = "Rotated boxes (CSV)"
    description = "One table: centre, length, width, angle and corners of the smallest rectangle around each object."
    target = "file"
    suffix = ".csv"

    def write(self, items: Iterable[ExportItem], sink: Sink, settings: Config) -> list[str]:
        """Write one row for each object; pixel-corner coordinates, angle clockwise from the x axis on screen."""
        rows: list[list[object]] = []
        uneven = []
        for item in items:
            size = item.pixel_size
            # A length at an angle has one scale only where pixels are square.
            scale = size.mean if size is not None and abs(size.x / size.y - 1) < 0.01 else None
            if size is not None and scale is None:
                uneven.append(item.name)
            for object_id, box in sorted(rotated_boxes(item.labels()).items()):
                rows.append([item.name, int(object_id), *_described(item, object_id), *_numbers(box), *_um(box, scale)])
        header = (*_HEADER, *_CORNERS, "length_um", "width_um", "pixel_size_um")
        sink.write(sink.main, csv_bytes(header, rows))
        return [f"The pixels of {name} are not square: lengths in µm were left out." for name in uneven]


def _described(item: ExportItem, object_id: int) -> tuple[str, str]:
    info = item.info(object_id)
    return item.class_name(info.class_id), info.source


def _numbers(box: RotatedBox) -> list[float]:
    corners = [float(value) for corner in box.corners for value in corner]
    return [float(box.centre[0]), float(box.centre[1]), float(box.length), float(box.width), float(box.angle), *corners]


def _um(box: RotatedBox, scale: float | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if scale is None else (box.length * scale, box.width * scale, scale)


class YoloObb(Exporter):
    """Minimum-area rectangles as YOLO reads them."""

    title = "Rotated boxes (YOLO-OBB)"
    description = "A text file for each image in labels/train, labels/val and labels/test, and data.yaml."
    suffix = ".txt"

    def write(self, items: Iterable[ExportItem], sink: Sink, settings: Config) -> list[str]:
        """Write ``labels/<split>/<name>.txt``: class number from 0, four corners as parts of width and height."""
        names: dict[int, str] = {}
        texts: list[tuple[str, list[tuple[int, str]]]] = []
        splits = set()
        for item in items:
            labels = item.labels()
            height, width = labels.shape
            names |= {class_id: item.class_name(class_id) for class_id in item.classes.ids}
            lines = []
            for object_id, box in sorted(rotated_boxes(labels).items()):
                class_id = item.info(object_id).class_id
                names.setdefault(class_id, item.class_name(class_id))
                corners = " ".join(f"{x / width:.8f} {y / height:.8f}" for x, y in box.corners)
                lines.append((class_id, corners))
            split = item.split or "train"
            splits.add(split)
            texts.append((f"{split}/{sink.stem(item.name)}", lines))
        numbers = {class_id: number for number, class_id in enumerate(sorted(names))}
        for place, lines in texts:
            text = "".join(f"{numbers[class_id]} {corners}\n" for class_id, corners in lines)
            sink.write(f"labels/{place}.txt", text.encode())
        # JSON strings are YAML strings.
        table = "".join(f"  {numbers[key]}: {json.dumps(names[key], ensure_ascii=False)}\n" for key in sorted(names))
        sink.write("data.yaml", f"path: .\n{_folders(splits)}names:\n{table}".encode())
        return _yolo_losses(splits)


def _folders(splits: Collection[str]) -> str:
    """Return the lines of data.yaml that name the folders of images; YOLO asks for train and val in any case."""
    some = next(split for split in ("train", "val", "test") if split in splits)
    used = {split: split if split in splits else some for split in ("train", "val")}
    if "test" in splits:
        used["test"] = "test"
    return "".join(f"{split}: images/{folder}\n" for split, folder in used.items())


def _yolo_losses(splits: Collection[str]) -> list[str]:
    folders = ", ".join(f"images/{split}" for split in ("train", "val", "test") if split in splits)
    losses = [
        "YOLO-OBB holds rectangles only: outlines and object ids are left out. Put the images beside labels/, "
        f"in {folders}."
    ]
    for split, purpose in (("train", "training"), ("val", "validation")):
        if split not in splits:
            losses.append(f"No image is for {purpose}: YOLO gets the other images for it, so do not trust its scores.")
    return losses


exporters.register("rotated-boxes")(RotatedBoxTable())
exporters.register("yolo-obb")(YoloObb())

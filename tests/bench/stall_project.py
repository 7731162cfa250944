"""The project in which `stalls.py` works: two large images, one full of objects, one full of proposals, many small."""

import json
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

from segstudio.core.tiles import Window
from segstudio.io.labels_file import write_label_tiff
from segstudio.labels.edits import PasteLabels
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.project.project import Project
from segstudio.session.predictions import prediction_at

_CELL_PX = 80
#: The run whose prediction is proposed; it has no model.
_RUN = "earlier"


def discs(side: int) -> tuple[NDArray[np.int32], int]:
    """Return a label image full of discs, and how many they are."""
    y, x = np.mgrid[:side, :side].astype(np.int32)
    cells = side // _CELL_PX
    inside = (y % _CELL_PX - _CELL_PX // 2) ** 2 + (x % _CELL_PX - _CELL_PX // 2) ** 2 < (0.4 * _CELL_PX) ** 2
    inside &= (y // _CELL_PX < cells) & (x // _CELL_PX < cells)
    return np.where(inside, (y // _CELL_PX) * cells + x // _CELL_PX + 1, 0).astype(np.int32), cells**2


def make_project(folder: Path, side: int, small: int) -> Path:
    """Write a project: ``a.tif`` full of objects, ``b.tif`` of proposals, ``c.tif`` with a mask, `small` others."""
    labels, count = discs(side)
    inside = (labels > 0).astype(np.uint16)
    images = folder / "images"
    masks = folder / "masks"
    images.mkdir()
    masks.mkdir()
    for seed, name in enumerate("abc"):
        noise = np.random.default_rng(seed).integers(0, 400, (side, side), dtype=np.uint16)
        tifffile.imwrite(images / f"{name}.tif", noise + 2000 * inside, tile=(512, 512))
    tifffile.imwrite(masks / "c.tif", labels, compression="zlib")
    for number in range(small):
        pixels = np.random.default_rng(number).integers(0, 255, (16, 16), dtype=np.uint8)
        tifffile.imwrite(images / f"well {number:04} of the plate.tif", pixels)
    project, problems = Project.create(folder / "project", sorted(images.iterdir()))
    assert not problems, problems
    by_name = {entry.name: entry for entry in project.images}
    document = project.document(by_name["a.tif"].id)
    infos = {i: ObjectInfo() for i in range(1, count + 1)}
    document.apply(PasteLabels(labels, Window(0, 0, side, side), infos))
    document.close()
    prediction = prediction_at(project, _RUN, by_name["b.tif"])
    prediction.labels.parent.mkdir(parents=True)
    write_label_tiff(prediction.labels, LabelMap.from_array(labels))
    scores = np.random.default_rng(7).uniform(0.3, 1, count)
    rows = {str(i + 1): {"class_id": 1, "score": float(score)} for i, score in enumerate(scores)}
    prediction.table.write_text(json.dumps({"schema_version": 1, "objects": rows}), encoding="utf-8")
    project.set_predicted(by_name["b.tif"].id, _RUN)
    project.close()
    return folder / "project"

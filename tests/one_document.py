"""An image of its own, without a project, and strokes on it."""

from pathlib import Path

import numpy as np

from segstudio.io.disk import Disk
from segstudio.labels.edits import Stroke
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.manifest import ImageEntry

SHAPE = (700, 900)
ENTRY = ImageEntry("img", "img.tif", "img.tif", "img", *SHAPE)


def files_in(folder: Path) -> AnnotationFiles:
    return AnnotationFiles(
        folder / "labels" / "img.tif", folder / "regions.tif", folder / "labels" / "img.json", folder / "journal"
    )


def opened(folder: Path, *, read_only: bool = False, disk: Disk | None = None) -> ImageDocument:
    return ImageDocument.open(ENTRY, folder / "img.tif", files_in(folder), read_only=read_only, disk=disk or Disk())


def stroke(number: int, object_id: int | None = None) -> Stroke:
    points = np.array([[20.0 * number, 30], [20.0 * number + 40, 650]])
    return Stroke(points, 14, object_id or number)

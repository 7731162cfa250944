"""Work on an image of which earlier states are kept, and the way back to them."""

import itertools
from datetime import UTC, datetime

import numpy as np

from segstudio.io.objects_file import write_objects
from segstudio.labels.edits import Stroke
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.restoring import restoration
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.snapshot_file import Contents, Snapshot
from segstudio.project.snapshots import Snapshots

SHAPE = (600, 700)
_UNLIKE = itertools.count(1)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def paint(document: ImageDocument, *ids: int, y: float = 40.0) -> None:
    for number in ids:
        x = 20.0 + 12 * number
        document.apply(Stroke(np.array([[x, y], [x, y + 40]]), 8, number, class_id=1 + number % 3))


def state(document: ImageDocument) -> tuple[list[list[int]], list[list[int]], dict[int, ObjectInfo]]:
    planes = document.planes
    return planes.labels.to_array().tolist(), planes.regions.to_array().tolist(), dict(planes.objects)


def restore(document: ImageDocument, number: int) -> None:
    now = Planes(document.planes.labels.snapshot(), document.planes.regions.snapshot(), document.planes.objects)
    to = restoration(now, document.snapshots.read(number, now))
    assert to is not None
    assert document.restore(to, document.seq) is to.record


def whole(snapshots: Snapshots, contents: Contents | None = None) -> Snapshot:
    def fill(files: AnnotationFiles) -> None:
        write_objects(files.objects, {}, next(_UNLIKE))

    return snapshots.take(contents or Contents("generation", "", 1, NOON, 0), fill)

"""Writes a small project with the program as it is now, and what it holds, for all later versions to open.

``python make_project.py v1`` beside this file makes the folder ``v1``, which must not exist. Run it once for each
released version whose files differ, and never again for an old one.
"""

import json
import shutil
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from segstudio.core.classes import ClassTable
from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete, EraseStroke, Merge, RegionFill, RegionStroke, Relabel, Split, Stroke
from segstudio.labels.objects import ObjectInfo
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

HERE = Path(__file__).resolve().parent
_COPY = HERE / "copy-to-look-at"
SIZE = 64


def make(target: Path) -> None:
    """Write the project, its images and ``expected.json``."""
    pictures = target / "pictures"
    pictures.mkdir(parents=True)
    rows, columns = np.indices((SIZE, SIZE))
    for number, name in enumerate(("finished.tif", "unfinished.tif", "taken out.tif")):
        tifffile.imwrite(pictures / name, ((rows * 3 + columns * 5 + number * 40) % 251).astype(np.uint8))
    project, problems = Project.create(target / "project", pictures, "Golden cells")
    assert problems == [], problems
    finished, taken_out, unfinished = (entry.id for entry in project.images)
    project.set_classes(ClassTable().rename(1, "nucleus").add("cytoplasm").add("debris"))
    _paint_finished(project.document(finished))
    project.set_reviewed(finished)
    project.set_split(finished, "train")
    project.set_pixel_size(unfinished, 0.25)
    _paint_unfinished(project.document(unfinished))
    project.document(taken_out).apply(Stroke([(30.0, 30.0)], 12, 1))
    project.document(taken_out).close()
    project.remove_images([taken_out])
    project.set_classes(project.classes.remove(3))
    assert project.close()
    older = _published(target, "unfinished")
    # A second session, so that there are two journal files; as after a kill the label files do not have it yet.
    with Project.open(target / "project") as again:
        document = again.document(unfinished)
        document.apply(Stroke([(50.0, 20.0), (56.0, 24.0)], 7, 9, class_id=2))
        document.apply(Relabel((1,), 2))
        document.undo()
        document.apply(RegionStroke([(50.0, 50.0), (60.0, 50.0)], 9, 2))
        document.undo()
    for path, content in older.items():
        path.write_bytes(content)
    with Project.open(_copy_of(target)) as seen:
        known = {
            "name": seen.name,
            "classes": [[item.id, item.name, item.colour] for item in seen.classes.classes],
            "removed": [[item.id, item.name, item.colour] for item in seen.classes.removed],
            "reviewed": [entry.name for entry in seen.images if entry.reviewed],
            "splits": {seen.entry(image_id).name: split for image_id, split in seen.splits().items()},
            "images": {entry.name: _content(seen.document(entry.id)) for entry in seen.images},
        }
    shutil.rmtree(_COPY)
    (target / "expected.json").write_text(json.dumps(known, indent=1) + "\n")
    (target / "project" / ".segstudio" / "lock").unlink()
    assert (target / "project" / "project.json.bak").exists()


def _paint_finished(document: ImageDocument) -> None:
    document.apply(Stroke([(10.0, 10.0), (20.0, 14.0)], 8, 1))
    document.apply(Stroke([(40.0, 12.0), (50.0, 12.0)], 9, 2, class_id=2))
    document.apply(Stroke([(12.0, 44.0), (30.0, 44.0)], 10, 3))
    document.apply(Split(3, [(21.0, 30.0), (21.0, 60.0)]))
    document.apply(Stroke([(40.0, 40.0)], 9, 70_000))  # above 65,535: the file becomes uint32
    document.apply(RegionFill(None, 1))
    document.apply(RegionFill(Window(0, 56, 10, 64), 2))


def _paint_unfinished(document: ImageDocument) -> None:
    document.apply(Stroke([(8.0, 8.0), (16.0, 8.0)], 7, 1))
    document.apply(Stroke([(8.0, 30.0), (16.0, 30.0)], 7, 2, class_id=3))
    document.apply(Relabel((2,), 1))
    document.apply(Stroke([(30.0, 30.0), (36.0, 34.0)], 6, 3))
    document.apply(Merge((2, 3)))
    document.undo()
    document.undo()
    document.redo()
    document.apply(EraseStroke([(8.0, 30.0)], 3))
    document.apply(Delete((1,)))
    document.undo()
    document.apply(RegionStroke([(20.0, 20.0), (30.0, 20.0)], 12, 1))


def _published(target: Path, stem: str) -> dict[Path, bytes]:
    names = (f"labels/{stem}.tif", f"labels/{stem}.json", f"regions/{stem}.tif")
    return {path: path.read_bytes() for name in names if (path := target / "project" / name).exists()}


def _copy_of(target: Path) -> Path:
    return Path(shutil.copytree(target, _COPY)) / "project"


def _content(document: ImageDocument) -> dict[str, Any]:
    """Return the objects now, and the digest of every state from what can be redone back to the empty image."""
    objects = {str(number): [info.class_id, info.source, info.state] for number, info in _rows(document)}
    ahead = 0
    while document.redo() is not None:
        ahead += 1
    states = [digest(document)]
    while document.undo() is not None:
        states.append(digest(document))
    return {"objects": objects, "ahead": ahead, "states": states}


def _rows(document: ImageDocument) -> list[tuple[int, ObjectInfo]]:
    return sorted(document.planes.objects.items())


def digest(document: ImageDocument) -> str:
    """Return what tells two states of an image apart: pixels of both planes and the rows of the object table."""
    whole = Window.whole(document.planes.shape)
    rows = [(number, info.class_id, info.source, info.state) for number, info in _rows(document)]
    found = blake2b(digest_size=8)
    for part in (document.planes.labels.read(whole), document.planes.regions.read(whole)):
        found.update(np.ascontiguousarray(part.astype("<i8")).tobytes())
    found.update(json.dumps(rows).encode())
    return found.hexdigest()


if __name__ == "__main__":
    make(HERE / sys.argv[1])

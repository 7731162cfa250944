"""A project whose journal can be damaged after some work, with each state on the way."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from segstudio.io.disk import Disk
from segstudio.labels.edits import Delete, RegionFill, Relabel, Stroke
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.project.verify import verify_project

SHAPE = (600, 700)
State = tuple[bytes, bytes, tuple[object, ...]]
EDITS: tuple[Callable[[], object], ...] = (
    lambda: Stroke([(40.0, 40.0), (90.0, 60.0)], 12, 1),
    lambda: Stroke([(50.0, 50.0), (500.0, 520.0)], 9, 2, class_id=2),
    lambda: RegionFill(None, 1),
    lambda: Relabel((1,), 2),
    lambda: Delete((1,)),
    lambda: Stroke([(650.0, 550.0)], 15, 7),
)


def state(document: ImageDocument) -> State:
    planes = document.planes
    table = tuple(sorted((key, info.class_id, info.source) for key, info in planes.objects.items()))
    return planes.labels.to_array().tobytes(), planes.regions.to_array().tobytes(), table


class Work:
    """A project in which `EDITS` were done, each state on the way, and a copy as a kill after the last one leaves it.

    `published` of the edits are in the label files of that copy.
    """

    def __init__(self, folder: Path, published: int = 0, count: int = len(EDITS)) -> None:
        tifffile.imwrite(folder / "img.tif", np.zeros(SHAPE, np.uint8))
        project, _ = Project.create(folder / "project", folder / "img.tif")
        document = project.document(project.images[0].id)
        self.states = [state(document)]
        for number, edit in enumerate(EDITS[:count], 1):
            document.apply(edit())
            self.states.append(state(document))
            if number == published:
                assert document.checkpoint(wait=True)
        assert document.flush()
        self.folder = folder / "killed"
        shutil.copytree(folder / "project", self.folder)
        manifest = self.folder / "project.json"
        assert "../img.tif" in manifest.read_text()
        project.close()

    @property
    def journal(self) -> Path:
        (folder,) = (self.folder / ".segstudio" / "journal").iterdir()
        return folder

    def damage(self, number: int, *, at: int = 30) -> bytes:
        """Flip bits in the record `number`; return the file as it is then."""
        path = min(self.journal.glob("*.sj"))
        data = bytearray(path.read_bytes())
        start = [place for place in range(len(data)) if data[place : place + 4] == b"SJR1"][number - 1]
        data[start + at] ^= 255
        path.write_bytes(data)
        return bytes(data)

    def open(self, disk: Disk | None = None, *, read_only: bool = False) -> tuple[Project, ImageDocument]:
        project = Project.open(self.folder, disk=disk or Disk(), read_only=read_only)
        return project, project.document(project.images[0].id)

    def undone(self, document: ImageDocument) -> list[int | None]:
        """Undo all; return which of `states` was there after each, the state of now first."""
        found = [self.number(document)]
        while document.undo() is not None:
            found.append(self.number(document))
        return found

    def number(self, document: ImageDocument) -> int | None:
        now = state(document)
        return self.states.index(now) if now in self.states else None


def told_nothing(work: Work) -> bool:
    """Open again: nothing is said any more, and nothing is found by verifying."""
    project, document = work.open()
    notices = document.notices
    assert project.close()
    return notices == [] and verify_project(work.folder).findings == ()

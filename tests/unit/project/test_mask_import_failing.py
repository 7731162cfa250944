"""A mask is imported whole or not at all."""

import errno
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.io.disk import Disk
from segstudio.project.project import Project
from segstudio.project.samples import project_samples


class FullAfter(Disk):
    """Lets so many files appear, then is full."""

    def __init__(self) -> None:
        self.room = 99

    def replace(self, source: Path, target: Path) -> None:
        self.room -= 1
        if self.room < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        super().replace(source, target)


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_mask_that_the_disk_refuses_leaves_the_image_without_labels(tmp_path: Path, room: int) -> None:
    labels = np.zeros((40, 50), np.uint16)
    labels[8:20, 8:20] = 1
    for place, pixels in (("images", labels.astype(np.uint8)), ("masks", labels)):
        (tmp_path / place).mkdir()
        tifffile.imwrite(tmp_path / place / "a.tif", pixels)
    disk = FullAfter()
    project, _ = Project.create(tmp_path / "project", tmp_path / "images", disk=disk)
    disk.room = room
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(project, "save", lambda: None)
        (problem,) = project.import_masks()
    assert "full" in problem or "space" in problem
    assert not any(path.exists() for path in project.files(project.images[0].id).published)
    assert [sample.complete for sample in project_samples(project)] in ([], [False])
    disk.room = 99
    assert project.import_masks() == []
    assert project.state(project.images[0].id) == "labelled"
    project.close()

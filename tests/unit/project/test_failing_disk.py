"""Fail the first, second, third ... primitive of a session, once: nothing is lost, nothing is half."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import UserError
from segstudio.io.atomic import TEMP_MARK
from segstudio.io.disk import Disk
from segstudio.labels.edits import Delete, Stroke
from segstudio.project import checkpoint, journal_writer
from segstudio.project.project import Project

PRIMITIVES = ("create", "write", "sync", "replace", "sync_folder", "make_folder", "unlink", "truncate")


class FailsOnce(Disk):
    """Raises at the `fail`-th primitive; 0 never does."""

    def __init__(self, fail: int, code: int) -> None:
        self.count = 0
        for name in PRIMITIVES:
            setattr(self, name, self._wrap(getattr(super(), name), fail, code))

    def _wrap(self, real: Callable[..., object], fail: int, code: int) -> Callable[..., object]:
        def call(*args: object) -> object:
            self.count += 1
            if self.count == fail:
                raise OSError(code, os.strerror(code))
            return real(*args)

        return call


def work(folder: Path, disk: Disk) -> np.ndarray | None:
    """Make a project and paint; return the labels, ``None`` when no project could be made."""
    try:
        project, _ = Project.create(folder / "project", folder / "img.tif", disk=disk)
    except UserError:
        assert not (folder / "project").exists()
        return None
    document = project.document(project.images[0].id)
    for number in range(1, 4):
        document.apply(Stroke(np.array([[20.0 * number, 30], [20.0 * number + 40, 90]]), 9, number))
        if number == 2:
            document.flush(1.0)
            document.checkpoint(wait=True, timeout=2.0)
    document.undo()
    document.apply(Delete((1,)))
    expected = document.planes.labels.to_array()
    document.flush(2.0)
    document.close()
    project.close()
    return expected


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_whichever_primitive_fails_no_finished_action_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(checkpoint, "RETRY_SECONDS", 0.01)
    fail, made = 0, 0
    while True:
        folder = tmp_path / f"{fail}"
        folder.mkdir()
        tifffile.imwrite(folder / "img.tif", np.zeros((120, 150), np.uint8))
        disk = FailsOnce(fail, code)
        expected = work(folder, disk)
        if fail and disk.count < fail:
            break
        fail += 1
        if expected is None:
            continue
        made += 1
        assert not [path for path in folder.rglob("*") if path.name.startswith(TEMP_MARK)]
        with Project.open(folder / "project") as project:
            document = project.document(project.images[0].id)
            assert np.array_equal(document.planes.labels.to_array(), expected), f"primitive {fail - 1}"
            assert document.notices == []
            assert set(document.planes.objects) == {2}
            assert document.checkpoint(wait=True)
            published = tifffile.imread(project.label_path(project.images[0].id))
            assert np.array_equal(published, expected)
            document.undo()
            document.undo()
            assert set(document.planes.objects) == {1}
    assert made > 20

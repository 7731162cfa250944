"""What is drawn while a slow disk still syncs an earlier action survives a kill, though not yet a power cut."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.io.disk import Disk
from segstudio.labels.edits import Stroke
from segstudio.project.changes import SAVED
from segstudio.project.document import ImageDocument
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.project import Project


class Slow(Disk):
    """Takes what is written at once; the medium has it when `ready` is set."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.ready.set()
        self.asked = threading.Event()

    def sync(self, descriptor: int) -> None:
        self.asked.set()
        self.ready.wait()
        super().sync(descriptor)

    def sync_folder(self, folder: Path) -> None:
        self.asked.set()
        self.ready.wait()
        super().sync_folder(folder)


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def draw(document: ImageDocument) -> None:
    number = document.planes.objects.next_id()
    document.apply(Stroke(np.array([[5.0 * number, 10], [5.0 * number, 90]]), 3, number))


@pytest.mark.parametrize("before", [0, 1])
def test_an_action_is_handed_to_the_system_while_another_waits_for_the_medium(tmp_path: Path, before: int) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((120, 150), np.uint8))
    disk = Slow()
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", disk=disk, rescue=tmp_path / "rescue")
    document = project.document(project.images[0].id)
    place = JournalPlace(document.files.journal, project.images[0].id, (120, 150))

    def written() -> int:
        return len(read_journal(place).records)

    try:
        for _ in range(before):
            draw(document)
        assert document.flush()
        disk.asked.clear()
        disk.ready.clear()
        draw(document)
        assert disk.asked.wait(20)
        draw(document)
        draw(document)
        until(lambda: written() == before + 3)  # what a kill leaves
        assert document.save_state != SAVED
        assert not document.flush(0.05)
    finally:
        disk.ready.set()
    assert document.flush()
    assert project.close()
    with Project.open(tmp_path / "project", rescue=tmp_path / "rescue") as again:
        assert len(again.document(again.images[0].id).planes.objects) == before + 3

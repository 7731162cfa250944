"""Work on a project whose disk takes nothing more, and what is kept of it elsewhere."""

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from segstudio.io.disk import Disk
from segstudio.labels.edits import Stroke
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project


class Refusing(Disk):
    """Takes nothing more while `full`; hangs while `answers` is not set."""

    def __init__(self) -> None:
        self.full = False
        self.answers = threading.Event()
        self.answers.set()

    def _ask(self) -> None:
        self.answers.wait()
        if self.full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def create(self, path: Path) -> int:
        self._ask()
        return super().create(path)

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        self._ask()
        super().write(descriptor, data)

    def make_folder(self, folder: Path) -> None:
        self._ask()
        super().make_folder(folder)


def draw(document: ImageDocument, count: int = 1) -> np.ndarray:
    for _ in range(count):
        number = document.planes.objects.next_id()
        document.apply(Stroke(np.array([[10.0 * number, 10], [10.0 * number, 90]]), 5, number))
    return document.planes.labels.to_array()


def first(project: Project) -> ImageDocument:
    return project.document(project.images[0].id)


def until(reached: Callable[[], object], seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def kept(rescue: Path) -> list[Path]:
    # Folders may go while they are looked through, which `os.walk` passes by.
    return [Path(folder) / name for folder, _, names in os.walk(rescue) for name in names]


def labels_of(folder: Path, rescue: Path) -> np.ndarray:
    with Project.open(folder, rescue=rescue) as again:
        return first(again).planes.labels.to_array()

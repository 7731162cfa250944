"""A program that makes one large change after the other until it dies; run by `test_snapshots_killed.py`.

Run as ``python keeping_earlier_states.py PROJECT STEP``; the project has one image without labels. It kills itself at
the STEP-th primitive with which the disk is changed for a snapshot, counted after its first round; 0: somebody else
does it. Each line on its output is the number of a round whose checkpoint is done. A round adds objects and removes all
but the last of them, so that each state before a large change is known.
"""

import os
import signal
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from segstudio.io.disk import Disk
from segstudio.labels.edits import Delete, Stroke
from segstudio.project.project import Project

SHAPE = (700, 1100)
#: Objects of one round.
MANY = 12
_WITH_PATHS = ("create", "link", "replace", "sync_folder", "make_folder", "unlink", "remove_folder")


class DeadlyDisk(Disk):
    """Ends the process at one primitive of a snapshot; of a write, half is done before."""

    def __init__(self, step: int) -> None:
        self.counts = False
        self._left = step
        self._open: set[int] = set()
        for name in _WITH_PATHS:
            setattr(self, name, self._deadly(getattr(super(), name)))

    def _deadly(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*paths: Path) -> object:
            inside = any("snapshots" in path.parts for path in paths)
            if inside:
                self._step()
            made = real(*paths)
            if inside and isinstance(made, int):
                self._open.add(made)
            return made

        return call

    def _step(self) -> None:
        self._left -= self.counts
        if self.counts and self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        if descriptor in self._open:
            half = len(data) // 2
            super().write(descriptor, data[:half])
            self._step()
            data = data[half:]
        super().write(descriptor, data)

    def sync(self, descriptor: int) -> None:
        if descriptor in self._open:
            self._step()
        super().sync(descriptor)

    def close(self, descriptor: int) -> None:
        self._open.discard(descriptor)
        super().close(descriptor)


def ids_of(number: int) -> range:
    """Return the objects of the round `number`, counted from 0."""
    return range(number * MANY + 1, (number + 1) * MANY + 1)


def expected(number: int) -> set[int]:
    """Return the objects before the large change of a round."""
    return {ids_of(earlier)[-1] for earlier in range(number)} | set(ids_of(number))


def stroke_of(object_id: int) -> Stroke:
    """Return the one stroke that an object is."""
    number, place = divmod(object_id - 1, MANY)
    y, x = 12.0 + 14 * (number % 45), 30.0 + 80 * place
    return Stroke(np.array([[x, y], [x + 50, y]]), 9, object_id)


def round_of(objects: Collection[int]) -> int:
    """Return the round that the newest of some objects belongs to."""
    return (max(objects) - 1) // MANY


def main(folder: Path, step: int) -> None:
    """Work until killed."""
    disk = DeadlyDisk(step)
    with Project.open(folder, disk=disk) as project:
        document = project.document(project.images[0].id)
        for number in range(45):
            for object_id in ids_of(number):
                document.apply(stroke_of(object_id))
            document.apply(Delete(tuple(ids_of(number)[:-1])))
            document.checkpoint(wait=True)
            disk.counts = True
            sys.stdout.write(f"{number}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

"""A program that paints through an `ImageDocument` until it is killed, and says what it has done.

Run as ``python painter.py FOLDER SEED PAUSE``, the pause between two actions in seconds. Each line on its output is
the number of an action whose call has returned, and whether all of them are on the disk; the parent kills it at any
moment. `script` gives the same actions to the parent.
"""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from segstudio.labels.edits import Delete, Edit, EraseStroke, Stroke
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.manifest import ImageEntry

SHAPE = (700, 900)
ACTIONS = 400
ENTRY = ImageEntry("img", "img.tif", "img.tif", "img", *SHAPE)


def files_in(folder: Path) -> AnnotationFiles:
    return AnnotationFiles(
        folder / "labels" / "img.tif",
        folder / "regions" / "img.tif",
        folder / "labels" / "img.json",
        folder / ".segstudio" / "journal" / "img",
    )


def open_in(folder: Path) -> ImageDocument:
    return ImageDocument.open(ENTRY, folder / "img.tif", files_in(folder))


def script(seed: int) -> Iterator[Edit | str]:
    rng = np.random.default_rng(seed)
    for number in range(1, ACTIONS + 1):
        points = rng.uniform(0, 700, (4, 2))
        choice = rng.random()
        if choice < 0.15:
            yield "undo"
        elif choice < 0.22:
            yield "redo"
        elif choice < 0.3:
            yield EraseStroke(points, 25)
        elif choice < 0.35:
            yield Delete((max(1, number - 3),))
        else:
            yield Stroke(points, 18, number, class_id=1 + number % 3)


def act(document: ImageDocument, step: Edit | str) -> None:
    if step == "undo":
        document.undo()
    elif step == "redo":
        document.redo()
    elif not isinstance(step, str):
        document.apply(step)


def main(folder: Path, seed: int, pause: float) -> None:
    document = open_in(folder)
    rng = np.random.default_rng(seed + 1)
    for number, step in enumerate(script(seed), 1):
        act(document, step)
        if rng.random() < 0.2:
            document.checkpoint()
        # On the parent's pipe only what the disk has: then nothing that it reads may be lost.
        sys.stdout.write(f"{number} {int(document.save_state == 'saved')}\n")
        sys.stdout.flush()
        time.sleep(pause)
    document.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))

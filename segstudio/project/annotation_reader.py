"""Reads the published files of an image; what is missing or damaged comes from the base when there is a journal."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from segstudio.core.errors import BadInput
from segstudio.io.labels_file import read_label_tiff
from segstudio.io.objects_file import read_objects
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectTable
from segstudio.project.annotation_files import AnnotationFiles

T = TypeVar("T")
#: Code of the error about an image of which a published file is damaged and no journal can replace it.
DAMAGED_LABELS: Final = "labels-damaged"
_DAMAGE: Final = frozenset(("image-damaged", "image-format", "file-damaged", "labels-format", "labels-size"))


class AnnotationReader:
    """What can be read of the published files of an image, at the moment when it is made.

    Parameters
    ----------
    shape
        ``(rows, columns)`` of the image.

    Attributes
    ----------
    unreadable
        Files that are there and cannot be read, and why.

    Raises
    ------
    BadInput
        A newer program wrote one of them.
    """

    def __init__(self, files: AnnotationFiles, shape: tuple[int, int]) -> None:
        self._files = files
        self._shape = shape
        self.unreadable: dict[Path, BadInput] = {}
        self._labels = self._try(files.labels, lambda path: read_label_tiff(path, np.int32, shape))
        self._regions = self._try(files.regions, lambda path: read_label_tiff(path, np.uint8, shape))
        self._objects = self._try(files.objects, lambda path: ObjectTable(*read_objects(path)))

    def _try(self, path: Path, read: Callable[[Path], T]) -> T | None:
        if not path.exists():
            return None
        try:
            return read(path)
        except BadInput as error:
            if error.code == "newer-format":
                raise
            self.unreadable[path] = error
            return None

    def planes(self, journaled: bool) -> Planes:
        """Return what was read; raise `BadInput` for a damaged file without a journal."""
        if self.unreadable and not journaled:
            raise _not_readable(self._files.image or "this image", next(iter(self.unreadable.values())))
        missing = any(part is None for part in (self._labels, self._regions, self._objects))
        return self.completed(self._files.read_base(self._shape) if journaled and missing else None)

    def completed(self, base: Planes | None) -> Planes:
        """Return what was read, with the parts of `base` in the place of what is missing or cannot be read."""
        empty = base or Planes.empty(self._shape)
        return Planes(
            empty.labels if self._labels is None else self._labels,
            empty.regions if self._regions is None else self._regions,
            empty.objects if self._objects is None else self._objects,
        )


def is_damage(error: BadInput) -> bool:
    """Whether the content of a file is broken; a disk that does not answer may give it whole tomorrow."""
    cause = error.__cause__
    return error.code in _DAMAGE and not (isinstance(cause, OSError) and cause.errno is not None)


def _not_readable(image: str, error: BadInput) -> BadInput:
    """Return what is said of a file that is damaged: it is no image, and exporting it anew would not help."""
    if error.path is None or not is_damage(error):
        return error
    where = f"{error.path.parent.name}/{error.path.name}"
    return BadInput(
        f"The labels of {image} cannot be opened: {error.message.replace(error.path.name, where, 1)}",
        hint="Go back to an earlier state of it, restore that file from a backup, or move it elsewhere to begin anew. "
        "It stays as it is, and no other image is touched.",
        code=DAMAGED_LABELS,
        path=error.path,
    )

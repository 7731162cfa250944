"""The files that hold the annotation of one image: label TIFF, region TIFF, object table, and their first versions."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segstudio.core.errors import BadInput
from segstudio.io.atomic import copy_atomic
from segstudio.io.disk import DISK, Disk, disk_errors
from segstudio.io.labels_file import read_label_tiff
from segstudio.io.objects_file import read_objects
from segstudio.labels.history import Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectTable
from segstudio.project.free_names import free_paths

_BASE = ("base-labels.tif", "base-regions.tif", "base-objects.json")


@dataclass(frozen=True)
class AnnotationFiles:
    """Where the annotation of one image lies.

    Attributes
    ----------
    labels, regions
        Tiled TIFF; missing ones are all 0.
    objects
        Object table, JSON.
    journal
        Folder of the journal.
    snapshots
        Folder of the earlier states; ``None`` where none are kept.
    sums
        Sums of the published files; ``None`` where none are kept.
    image
        Name of the image, for what is said about it.
    """

    labels: Path
    regions: Path
    objects: Path
    journal: Path
    snapshots: Path | None = None
    sums: Path | None = None
    image: str = ""

    @property
    def published(self) -> tuple[Path, Path, Path]:
        """Label TIFF, region TIFF and object table."""
        return self.labels, self.regions, self.objects

    def any_exists(self) -> bool:
        """Return whether anything was ever drawn, or imported, in this image."""
        return any(path.exists() for path in (*self.published, self.journal))

    @property
    def base(self) -> "AnnotationFiles":
        """The files as they were before the first record of the journal."""
        labels, regions, objects = (self.journal / name for name in _BASE)
        return AnnotationFiles(labels, regions, objects, self.journal)

    def read(self, shape: tuple[int, int], like: Planes | None = None) -> Planes:
        """Read the planes of an image of `shape` ``(rows, columns)``; tiles that are as in `like` are shared.

        Raises
        ------
        BadInput
            A file is damaged or of another size.
        """
        labels, regions = LabelMap(shape, np.int32), LabelMap(shape, np.uint8)
        if self.labels.exists():
            labels = read_label_tiff(self.labels, np.int32, shape, like=None if like is None else like.labels)
        if self.regions.exists():
            regions = read_label_tiff(self.regions, np.uint8, shape, like=None if like is None else like.regions)
        table = ObjectTable(*read_objects(self.objects)) if self.objects.exists() else ObjectTable()
        return Planes(labels, regions, table)

    def complete(self, shape: tuple[int, int]) -> bool:
        """Return whether something is stated about every pixel, from the disk.

        Raises
        ------
        UserError
            The file of the regions cannot be read or has another size.
        """
        return self.regions.exists() and read_label_tiff(self.regions, np.uint8, shape).is_full()

    def read_base(self, shape: tuple[int, int]) -> Planes | None:
        """Read the planes as they were before the first record; ``None`` when that is damaged."""
        with suppress(BadInput):
            return self.base.read(shape)
        return None

    def keep_base(self, disk: Disk = DISK) -> None:
        """Copy the published files to the journal folder, once, before its first record; may raise ``DiskError``."""
        if any(path.suffix == ".sj" for path in self.journal.iterdir()):
            return
        for source, target in zip(self.published, self.base.published, strict=True):
            if source.exists():
                copy_atomic(source, target, disk)


def foreign_version(path: Path, number: int) -> Path:
    """Return where a version of a file is kept that this program did not write."""
    return path.with_name(f"{path.stem}.foreign-{number}{path.suffix}")


def keep_foreign(path: Path, disk: Disk = DISK) -> Path:
    """Copy a file that another program changed to ``<stem>.foreign-<n><suffix>``; return that path.

    What is no file, as a folder or a pipe, is moved there.

    Raises
    ------
    DiskError
        It is not there.
    """
    (target,) = free_paths(lambda number: (foreign_version(path, number),))
    if path.exists() and not path.is_file():
        with disk_errors(path, "put aside"):
            disk.replace(path, target)
            disk.sync_folder(path.parent)
    else:
        copy_atomic(path, target, disk)
    return target

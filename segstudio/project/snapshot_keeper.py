"""When a snapshot of an annotation is taken, and how the checkpoint thread makes it of what it has at hand."""

import logging
import time
from collections.abc import Callable, Set
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from segstudio.core.errors import UserError
from segstudio.io.atomic import copy_atomic, link_or_copy
from segstudio.io.disk import DISK, Disk
from segstudio.io.labels_file import write_tiles
from segstudio.io.objects_file import write_objects
from segstudio.io.tile_file import TileFile
from segstudio.labels.history import PLANES, Planes
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.replay_chains import TileId
from segstudio.project.snapshot_file import Contents, SnapshotKind
from segstudio.project.snapshots import Snapshots

#: A generation is kept when so much work lies behind the last snapshot.
GENERATION_SECONDS: Final = 600.0
log = logging.getLogger("segstudio")


@dataclass(frozen=True)
class Known:
    """An annotation as the checkpoint thread knows it: what is published, and what is still to be.

    Attributes
    ----------
    planes
        The whole annotation.
    seq
        Sequence number of the last action in it.
    dirty
        Tiles that the files do not have yet, and the object table by its path.
    trusted
        Published files that are as this program left them.
    leaving
        Published files that are about to be replaced: a second name for them is as good as a copy.
    """

    planes: Planes
    seq: int
    dirty: Set[TileId | Path]
    trusted: Set[Path]
    leaving: Set[Path]


class SnapshotKeeper:
    """Keeps earlier states of one image; on the checkpoint thread only, but for its making.

    A snapshot that cannot be taken never keeps the labels from being published.

    Parameters
    ----------
    files
        What is published; nothing is kept without a folder of `snapshots`.

    Attributes
    ----------
    snapshots
        All that are kept; ``None`` where none are.
    """

    def __init__(self, files: AnnotationFiles, image_id: str, shape: tuple[int, int], disk: Disk = DISK) -> None:
        self._files = files
        self._disk = disk
        self.snapshots = Snapshots(files.snapshots, image_id, shape, disk) if files.snapshots is not None else None
        self._last: float | None = None

    def keep_generation(self, known: Callable[[], Known]) -> None:
        """Keep a generation of what is about to be replaced, when ten minutes of work lie behind the last snapshot."""
        try:
            if self._due():
                self._take("generation", "", known())
        except (UserError, OSError) as error:  # tried again with the next checkpoint
            log.warning("No snapshot of %s was kept: %s", self._files.labels.name, error)

    def keep_before(self, name: str, known: Callable[[], Known]) -> str:
        """Keep the state before a large change; return why that failed, empty when it did not."""
        try:
            self._take("restore point", name, known())
        except (UserError, OSError) as error:
            log.warning("No snapshot of %s was kept: %s", self._files.labels.name, error)
            reason = error.message if isinstance(error, UserError) else str(error)
            return f"The state before “{name}” could not be kept for the history: {reason} Undo takes it back as ever."
        return ""

    def _due(self) -> bool:
        """Return whether a generation is to be kept now; the first question of a session looks at the disk."""
        if self.snapshots is None:
            return False
        if self._last is None:
            published = self._published_time()
            newest = self.snapshots.newest()
            # Not an order: a clock that was set back or forward brings a generation too many, and none too few.
            if published is not None and (
                newest is None or abs(published - newest.time.timestamp()) >= GENERATION_SECONDS
            ):
                return True
            self._last = time.monotonic()
        return time.monotonic() - self._last >= GENERATION_SECONDS

    def _published_time(self) -> float | None:
        """Return when the published files were written; ``None`` when there are none."""
        times = [path.stat().st_mtime for path in self._files.published if path.exists()]
        return max(times, default=None)

    def _take(self, kind: SnapshotKind, name: str, known: Known) -> None:
        if self.snapshots is None:
            return
        written = self._published_time() if kind == "generation" else None
        contents = Contents(kind, name, known.seq, _local_time(written), len(known.planes.objects))
        self.snapshots.take(contents, lambda target: self._fill(target, known))
        self._last = time.monotonic()
        self.snapshots.prune()

    def _fill(self, target: AnnotationFiles, known: Known) -> None:
        for plane, path, copy in zip(PLANES, self._files.published, target.published, strict=False):
            keys = [item[1] for item in known.dirty if isinstance(item, tuple) and item[0] == plane]
            trusted = path in known.trusted
            if trusted and not keys:
                self._second(path, copy, known)
                continue
            source = known.planes.plane(plane)
            previous = TileFile.open(path) if trusted and path.exists() else None
            wanted = keys if previous is not None else source.keys()
            write_tiles(
                copy, source.shape, source.dtype, {key: source.stored(key) for key in wanted}, previous, self._disk
            )
        path = self._files.objects
        if path in known.trusted and path not in known.dirty:
            self._second(path, target.objects, known)
        else:
            write_objects(target.objects, known.planes.objects, known.planes.objects.next_id(), self._disk)

    def _second(self, path: Path, copy: Path, known: Known) -> None:
        if not path.exists():
            return
        if path in known.leaving:
            link_or_copy(path, copy, self._disk)
        else:  # another program may change in place what stays published
            copy_atomic(path, copy, self._disk)


def _local_time(seconds: float | None) -> datetime:
    """Return a time with the zone of this computer; now for ``None`` and for what no clock can show."""
    try:
        return datetime.now().astimezone() if seconds is None else datetime.fromtimestamp(seconds).astimezone()
    except (OverflowError, ValueError, OSError):
        return datetime.now().astimezone()

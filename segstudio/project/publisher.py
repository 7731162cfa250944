"""The annotation of one image as its published files are to hold it: what differs from them, and how it gets there."""

from collections.abc import Callable, Iterable
from pathlib import Path

from segstudio.io.disk import Disk
from segstudio.io.labels_file import write_tiles
from segstudio.io.objects_file import write_objects
from segstudio.io.tile_file import TileFile
from segstudio.labels.history import PLANES, Plane, Planes
from segstudio.labels.objects import ObjectTable
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.checksums import Sums
from segstudio.project.published_files import PublishedFiles
from segstudio.project.replay_chains import TileId
from segstudio.project.snapshot_keeper import Known, SnapshotKeeper
from segstudio.project.summing_disk import SummingDisk
from segstudio.project.waiting import Step


class Publisher:
    """Writes label TIFF, region TIFF and object table; used by one thread, but for `mark`.

    Parameters
    ----------
    files
        Where to.
    planes
        As they are now; an own view of them is kept, sharing the tiles.
    seq
        Sequence number of the last action in them.
    keeper
        Keeps earlier states.
    tell
        Called with a sentence about each foreign file, and each state that could not be kept.

    Notes
    -----
    A file that another program changed since it was read or written here is first copied to
    ``<stem>.foreign-<n>`` and then written whole.
    """

    def __init__(
        self,
        files: AnnotationFiles,
        planes: Planes,
        seq: int,
        keeper: SnapshotKeeper,
        *,
        tell: Callable[[str], None],
        disk: Disk,
    ) -> None:
        self._files = files
        self._keeper = keeper
        self._tell = tell
        sums = Sums(files.sums, disk)
        self._disk = SummingDisk(disk, sums, files.published)
        self._published = PublishedFiles(files.published, sums, self._disk)
        self._mirror = Planes(planes.labels.snapshot(), planes.regions.snapshot())
        self._table = dict(planes.objects)
        self._dirty: set[TileId] = set()
        self._table_dirty = False
        self._whole: set[Path] = set()
        self._mirrored = seq

    @property
    def objects(self) -> int:
        """Number of objects that the files are to hold."""
        return len(self._table)

    @property
    def regions_used(self) -> bool:
        """Whether any region is marked."""
        return bool(self._mirror.regions.keys())

    @property
    def dirty(self) -> bool:
        """Whether anything differs from the files."""
        return bool(self._dirty or self._table_dirty)

    def mark(self, tiles: Iterable[TileId], table: bool, whole: Iterable[Path] = ()) -> None:
        """Say what already differs from the files, and which are to be written `whole`."""
        self._dirty.update(tiles)
        self._whole.update(whole)
        self._table_dirty = self._table_dirty or table or self._files.objects in self._whole
        for plane in PLANES:
            if self._path(plane) in self._whole:
                self._dirty.add((plane, (0, 0)))

    def take_over(self, steps: list[Step]) -> None:
        """Bring the mirror up to date, and keep earlier states on the way; removes from `steps` what it has."""
        coming = {tile for step in steps for tile in step.tiles}
        table = any(step.objects for step in steps)
        leaving = {self._path(plane) for plane, _ in coming | self._dirty} | ({self._files.objects} if table else set())
        if leaving and len(steps) == 1:
            self._keeper.keep_generation(lambda: self._known(leaving))
        while steps:
            self._take(steps[0])
            step = steps.pop(0)
            if step.before and (problem := self._keeper.keep_before(step.before, lambda: self._known(leaving))):
                self._tell(problem)

    def _known(self, leaving: set[Path]) -> Known:
        dirty = {*self._dirty, *((self._files.objects,) if self._table_dirty else ())}
        planes = Planes(self._mirror.labels, self._mirror.regions, ObjectTable(self._table))
        return Known(planes, self._mirrored, dirty, self._published.untouched() - self._whole, leaving)

    def _take(self, step: Step) -> None:
        self._mirrored = self._disk.seq = step.seq
        for (plane, key), tile in step.tiles.items():
            self._mirror.plane(plane).set_tile(key, tile)
            self._dirty.add((plane, key))
        for object_id, info in step.objects.items():
            if info is None:
                self._table.pop(object_id, None)
            else:
                self._table[object_id] = info
            self._table_dirty = True

    def write(self, next_id: int) -> None:
        """Write what differs; raise `DiskError`, and what was not written differs still.

        Parameters
        ----------
        next_id
            Smallest object id that was never used.
        """
        for plane in PLANES:
            keys = [key for name, key in self._dirty if name == plane]
            if keys:
                self._write_plane(plane, keys)
                self._dirty.difference_update((plane, key) for key in keys)
        if self._table_dirty:
            self._prepare(self._files.objects)
            write_objects(self._files.objects, self._table, next_id, self._disk)
            self._published.written(self._files.objects)
            self._table_dirty = False

    def _write_plane(self, plane: Plane, keys: list[tuple[int, int]]) -> None:
        path = self._path(plane)
        source = self._mirror.plane(plane)
        ours = self._prepare(path)
        previous = TileFile.open(path) if ours and path not in self._whole and path.exists() else None
        wanted = keys if previous is not None else source.keys()
        changed = {key: source.stored(key) for key in wanted}
        write_tiles(path, source.shape, source.dtype, changed, previous, self._disk)
        self._published.written(path)
        self._whole.discard(path)

    def _path(self, plane: Plane) -> Path:
        return self._files.labels if plane == "labels" else self._files.regions

    def _prepare(self, path: Path) -> bool:
        """Make the folder, keep a foreign version; return whether the file is as this program left it."""
        notice = self._published.prepare(path)
        if notice is not None:
            self._tell(notice)
        return notice is None

"""The thread that publishes the annotation of one image as files that other programs read."""

import errno
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from segstudio.core.errors import UserError
from segstudio.io.disk import DISK, Disk, disk_error
from segstudio.io.labels_file import write_tiles
from segstudio.io.objects_file import write_objects
from segstudio.io.tile_file import TileFile
from segstudio.labels.history import PLANES, Plane, Planes
from segstudio.labels.objects import ObjectTable
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.checksums import Sums
from segstudio.project.failures import failure_of
from segstudio.project.journal_writer import JournalWriter
from segstudio.project.published_files import PublishedFiles
from segstudio.project.replay_chains import TileId
from segstudio.project.snapshot_keeper import Known, SnapshotKeeper
from segstudio.project.summing_disk import SummingDisk
from segstudio.project.sync_folders import is_synchronized
from segstudio.project.threads import joined
from segstudio.project.waiting import Rows, Step, Tiles, Waiting

#: Publish when nothing was edited for so long, and after so long at the latest.
IDLE_SECONDS: Final = 10.0
LATEST_SECONDS: Final = 60.0
#: The same in the folder of a sync program, which sends each file to all other computers.
SYNCHRONIZED_SECONDS: Final = 300.0
RETRY_SECONDS: Final = 5.0
_DURABLE_SECONDS: Final = 5.0


class Checkpoint:
    """Writes label TIFF, region TIFF and object table behind the edits, off the editing thread.

    Parameters
    ----------
    files
        Where to.
    planes
        As they are now; the thread keeps its own view of them, sharing the tiles.
    journal
        Only what is durable there is published: so a replay knows every published state.
    keeper
        Keeps earlier states.
    on_change
        Called on the thread after each try.

    Notes
    -----
    A file that another program changed since it was read or written here is first copied to
    ``<stem>.foreign-<n>`` and then written whole.
    """

    def __init__(
        self,
        files: AnnotationFiles,
        planes: Planes,
        journal: JournalWriter,
        keeper: SnapshotKeeper,
        *,
        on_change: Callable[[], None] = lambda: None,
        disk: Disk = DISK,
    ) -> None:
        self._files = files
        self._journal = journal
        self._keeper = keeper
        self._on_change = on_change
        self._latest = SYNCHRONIZED_SECONDS if is_synchronized(files.labels.parent) else LATEST_SECONDS
        sums = Sums(files.sums, disk)
        self._disk = SummingDisk(disk, sums, files.published)
        self._published = PublishedFiles(files.published, sums, self._disk)
        self._mirror = Planes(planes.labels.snapshot(), planes.regions.snapshot())
        self._table = dict(planes.objects)
        self._dirty: set[TileId] = set()
        self._table_dirty = False
        self._whole: set[Path] = set()
        self._condition = threading.Condition()
        self._waiting = Waiting(journal.last, planes.objects.next_id())
        self._mirrored = journal.last
        self._completed = 0
        self._first_edit: float | None = None
        self._last_edit = 0.0
        self._requests = 0
        self._handled = 0
        self._closing = False
        self._publishing = False  # what was taken to be published is neither waiting nor dirty for a moment
        self._error: UserError | None = None
        self._notices: list[str] = []
        self._thread: threading.Thread | None = None

    @property
    def error(self) -> UserError | None:
        """Why the last try failed; ``None`` after one that worked."""
        return self._error

    @property
    def completed(self) -> int:
        """Number of checkpoints that worked."""
        return self._completed

    @property
    def objects(self) -> int:
        """Number of objects at the last checkpoint."""
        return len(self._table)

    @property
    def regions_used(self) -> bool:
        """Whether any region was marked, at the last checkpoint."""
        return bool(self._mirror.regions.keys())

    def take_notices(self) -> list[str]:
        """Return sentences about foreign files, each once."""
        with self._condition:
            notices, self._notices = self._notices, []
        return notices

    def mark(self, tiles: Iterable[TileId], table: bool, whole: Iterable[Path] = ()) -> None:
        """Say what already differs from the files, and which are to be written `whole`; before the first edit."""
        with self._condition:
            self._dirty.update(tiles)
            self._whole.update(whole)
            self._table_dirty = self._table_dirty or table or self._files.objects in self._whole
            for plane in PLANES:
                if self._path(plane) in self._whole:
                    self._dirty.add((plane, (0, 0)))
            if self._dirty or self._table_dirty:
                self._schedule()

    def note(self, seq: int, tiles: Tiles, objects: Rows, next_id: int) -> None:
        """Take over what the record `seq` left behind: shared tiles (``None``: all 0) and table rows."""
        with self._condition:
            self._waiting.note(seq, tiles, objects, next_id)
            self._schedule()

    def keep_before(self, name: str) -> None:
        """Keep the state as it is now for the history, soon; the large change called `name` is noted after this."""
        with self._condition:
            self._waiting.keep_before(name)

    def request(self) -> int:
        """Ask for a checkpoint now; return a ticket for `wait`."""
        with self._condition:
            self._requests += 1
            if self._first_edit is None and self._requests == self._handled + 1 and not self._pending():
                self._handled = self._requests
            else:
                self._start()
            self._condition.notify_all()
            return self._requests

    def wait(self, ticket: int, timeout: float) -> bool:
        """Return whether the checkpoint of `ticket` was tried and everything is published."""
        with self._condition:
            self._condition.wait_for(lambda: self._handled >= ticket, timeout)
            return self._handled >= ticket and not self._pending()

    def confirm(self, ticket: int, timeout: float) -> None:
        """Wait for the checkpoint of `ticket`; raise the `UserError` that prevented it."""
        with self._condition:
            tried = self._condition.wait_for(lambda: self._handled >= ticket, timeout)
            error = self._error
        if error is not None or not tried:
            raise error or UserError(
                "The labels take long to be saved.", hint="Check the disk or the network drive.", code="disk-slow"
            )

    def close(self, timeout: float = 30.0) -> bool:
        """Publish what is left and end the thread; return whether everything is published."""
        with self._condition:
            if self._pending():
                self._start()
            self._closing = True
            self._condition.notify_all()
        if self._thread is not None:
            self._thread.join(timeout)
        return self.whole

    @property
    def whole(self) -> bool:
        """Whether everything is published."""
        with self._condition:
            return not self._pending()

    def join(self, timeout: float | None = None) -> bool:
        """Wait after `close` until the thread has ended; return whether it has."""
        return joined((self._thread,), timeout)

    def _pending(self) -> bool:
        return bool(self._publishing or self._waiting or self._dirty or self._table_dirty)

    def _schedule(self) -> None:
        self._last_edit = time.monotonic()
        if self._first_edit is None:
            self._first_edit = self._last_edit
        self._start()
        self._condition.notify_all()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="checkpoint", daemon=True)
            self._thread.start()

    def _delay(self) -> float | None:
        """Return the seconds until the next checkpoint is due; ``None`` when there is nothing to do."""
        if self._requests > self._handled or self._closing or (self._waiting.has_states and self._error is None):
            return 0.0
        if self._first_edit is None:
            return None
        due = min(self._last_edit + IDLE_SECONDS, self._first_edit + self._latest)
        return max(0.0, due - time.monotonic())

    def _run(self) -> None:
        while True:
            with self._condition:
                while (delay := self._delay()) is None or delay > 0:
                    self._condition.wait(delay)
                ticket, closing = self._requests, self._closing
                self._first_edit = None
                self._publishing = True
            error = self._try(self._publish)
            with self._condition:
                self._error = error
                self._publishing = False
                self._handled = ticket
                if error is not None and self._first_edit is None:
                    self._first_edit = self._last_edit = time.monotonic() + RETRY_SECONDS - IDLE_SECONDS
                self._condition.notify_all()
            if (failure := self._try(self._on_change)) is not None:
                self._error = failure
            if closing:
                return

    def _try(self, action: Callable[[], None]) -> UserError | None:
        """Return why `action` failed: whatever it was, the thread tries again, or what is drawn later is kept back."""
        try:
            action()
        except Exception as error:  # noqa: BLE001 - told to the user, and to the log
            return failure_of(error, self._files.labels)
        return None

    def _publish(self) -> None:
        with self._condition:
            steps, next_id = self._waiting.take(), self._waiting.next_id
        try:
            refusal = self._refusal(steps[-1].seq)
            if refusal is not None:
                raise refusal
            self._take_over(steps)
        except BaseException:
            with self._condition:  # never none: nothing fails any more once the last step is taken over
                self._waiting.put_back(steps)
            raise
        for plane in PLANES:
            keys = [key for name, key in self._dirty if name == plane]
            if keys:
                self._publish_plane(plane, keys)
                self._dirty.difference_update((plane, key) for key in keys)
        if self._table_dirty:
            self._prepare(self._files.objects)
            write_objects(self._files.objects, self._table, next_id, self._disk)
            self._published.written(self._files.objects)
            self._table_dirty = False
        self._completed += 1

    def _take_over(self, steps: list[Step]) -> None:
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
                with self._condition:
                    self._notices.append(problem)

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

    def _refusal(self, seq: int) -> UserError | None:
        """Return why nothing can be published now."""
        if not self._journal.wait(seq, _DURABLE_SECONDS):
            return self._journal.error or UserError(
                "The journal takes long to write.", hint="Check the disk or the network drive.", code="disk-slow"
            )
        project = self._files.labels.parents[1]
        if not project.is_dir():  # it was moved or pulled out: what is made there would be another one
            return disk_error(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)), project, "written")
        return None

    def _publish_plane(self, plane: Plane, keys: list[tuple[int, int]]) -> None:
        path = self._path(plane)
        source = self._mirror.plane(plane)
        ours = self._prepare(path)
        previous = TileFile.open(path) if ours and path not in self._whole and path.exists() else None
        wanted = keys if previous is not None else source.keys()
        changed = {key: source.tile(key) for key in wanted}
        write_tiles(path, source.shape, source.dtype, changed, previous, self._disk)
        self._published.written(path)
        self._whole.discard(path)

    def _path(self, plane: Plane) -> Path:
        return self._files.labels if plane == "labels" else self._files.regions

    def _prepare(self, path: Path) -> bool:
        """Make the folder, keep a foreign version; return whether the file is as this program left it."""
        notice = self._published.prepare(path)
        if notice is not None:
            with self._condition:
                self._notices.append(notice)
        return notice is None

"""Finished actions of an image on their way to the disk: journal first, label files a while later."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from segstudio.core.errors import UserError
from segstudio.core.weakly import weakly
from segstudio.io.disk import Disk
from segstudio.labels.history import EditRecord
from segstudio.labels.objects import ObjectInfo
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.changes import FAILED, RESCUED, SAVED, SAVING, SaveState
from segstudio.project.checkpoint import Checkpoint
from segstudio.project.journal import JournalPlace
from segstudio.project.journal_records import JournalRecord, Kind, changed_digest, joined_digest, table_digest
from segstudio.project.journal_writer import JournalWriter
from segstudio.project.recovery import Recovered
from segstudio.project.refusals import Refusal, refusal_of
from segstudio.project.replay_chains import TileId
from segstudio.project.rescue_watch import PATIENCE_SECONDS
from segstudio.project.snapshot_keeper import SnapshotKeeper


class Saving:
    """Keeps journal and checkpoint of one image, and tells how far they are.

    Parameters
    ----------
    files
        Where the annotation lies.
    image_id
        Whose it is.
    found
        What opening has found; its planes are the ones that are edited.
    on_news
        Called on the background threads whenever something here has changed.
    on_published
        Called there before, after a checkpoint: with the number of objects and whether regions are marked.
    """

    def __init__(
        self,
        files: AnnotationFiles,
        image_id: str,
        found: Recovered,
        on_news: Callable[[], None],
        on_published: Callable[[int, bool], None],
        disk: Disk,
    ) -> None:
        self._planes = found.planes
        self._table_digest = table_digest(found.planes.objects)
        self._newest = found.newest
        self._on_news = on_news
        self._on_published = on_published
        place = self._place = JournalPlace(files.journal, image_id, found.planes.shape)
        self._rescue = found.rescue
        self._journal = JournalWriter(
            place,
            found.last,
            prepare=lambda: files.keep_base(disk),
            on_change=weakly(self._on_journal),
            disk=disk,
            rescue=found.rescue,
            name=files.labels.stem,
        )
        self._refused = self._troubled = False
        self._incidents = 0
        keeper = SnapshotKeeper(files, image_id, found.planes.shape, disk)
        self.snapshots = keeper.snapshots
        self._checkpoint = Checkpoint(
            files, found.planes, self._journal, keeper, on_change=weakly(self._on_checkpoint), disk=disk
        )

    def mark(self, found: Recovered) -> None:
        """Say what the files do not have yet; before the first action."""
        self._checkpoint.mark(found.changed, found.table_changed, found.whole)
        self._journal.start()

    @property
    def last(self) -> int:
        """Sequence number of the newest action."""
        return self._journal.last

    def keep_before(self, name: str) -> None:
        """Have the state as it was before the large change called `name` kept; `record` that one after this."""
        self._checkpoint.keep_before(name)

    def record(self, kind: Kind, edit: EditRecord, ref: int = 0, table: bytes | None = None) -> JournalRecord:
        """Hand a finished action, which the planes have already, to the journal and the checkpoint.

        Parameters
        ----------
        table
            As in `PreparedStep`; worked out here when ``None``.
        """
        before = self._table_digest
        self._table_digest = changed_digest(before, edit.objects) if table is None else joined_digest(before, table)
        prev = self._newest.identity if self._newest is not None else b""
        record = JournalRecord(self._journal.last + 1, kind, edit, before, self._table_digest, ref, prev)
        self._newest = record
        tiles: dict[TileId, NDArray[Any] | None] = {
            (delta.plane, delta.key): self._planes.plane(delta.plane).share(delta.key) for delta in edit.tiles
        }
        objects: dict[int, ObjectInfo | None] = {change.id: change.after for change in edit.objects}
        self._journal.append(record)
        self._checkpoint.note(record.seq, tiles, objects, self._planes.objects.next_id())
        return record

    def waiting(self) -> tuple[JournalRecord, ...]:
        """Return the records that the journal need not have yet, in order."""
        return self._journal.waiting

    @property
    def state(self) -> SaveState:
        """``"saved"`` only when every finished action is on the disk of the project."""
        journal, checkpoint = self._journal, self._checkpoint
        if not self.durable:
            if rescued := self.rescued:
                return f"{RESCUED}: {rescued}" if journal.alarming else SAVING
            return f"{FAILED}: {refused}" if (refused := self.refused) else SAVING
        if checkpoint.error is not None and not self._was_journal(checkpoint.error):
            return f"{FAILED}: {checkpoint.error}"
        return SAVED

    @property
    def rescued(self) -> Refusal | None:
        """Why all that the disk of the project has not taken lies in the rescue store, and where; else ``None``."""
        journal = self._journal
        if self.durable or self._rescue is None or journal.rescued < journal.last:
            return None
        return refusal_of(journal.error).kept(self._rescue.folder.parent)

    @property
    def refused(self) -> Refusal | None:
        """Why what was done last is nowhere; ``None`` when it is somewhere, or on the way."""
        journal = self._journal
        error = journal.error if self._rescue is None else journal.rescue_error
        return None if journal.safe or error is None else refusal_of(journal.error)

    def _was_journal(self, error: UserError) -> bool:
        """Whether the label files only waited for the journal, which has caught up since."""
        place = self._place.folder
        near = error.path is not None and (error.path.is_relative_to(place) or place.is_relative_to(error.path))
        return near or error.code == "disk-slow"

    @property
    def durable(self) -> bool:
        """Whether every finished action is on the disk of the project."""
        return self._journal.durable == self._journal.last

    @property
    def whole(self) -> bool:
        """Whether every finished action is on the disk of the project and in the label files."""
        return self.durable and self._checkpoint.whole

    @property
    def safe(self) -> bool:
        """Whether every finished action would be found again after a power cut, be it in the rescue store."""
        return self._journal.safe

    def retry(self) -> None:
        """Try a disk that refuses again, now."""
        self._journal.retry()

    @property
    def checkpoints(self) -> int:
        """Number of checkpoints that worked."""
        return self._checkpoint.completed

    @property
    def objects(self) -> int:
        """Number of objects at the last checkpoint."""
        return self._checkpoint.objects

    @property
    def drawn(self) -> tuple[int, bool]:
        """Number of objects, and whether regions are marked, on the editing thread as they are drawn now."""
        return len(self._planes.objects), not self._planes.regions.blank

    @property
    def published_counts(self) -> tuple[int, bool]:
        """The same as the newest checkpoint has it."""
        return self._checkpoint.objects, self._checkpoint.regions_used

    def take_notices(self) -> list[str]:
        """Return sentences about files that another program has written, each once."""
        return [*self._journal.take_notices(), *self._checkpoint.take_notices()]

    def flush(self, timeout: float) -> bool:
        """Wait so many seconds until every finished action is durable; return whether it is."""
        return self._journal.wait(self._journal.last, timeout)

    def publish(self) -> int:
        """Ask for a checkpoint now; return a ticket for `published` and `confirm`."""
        return self._checkpoint.request()

    def published(self, ticket: int, timeout: float) -> bool:
        """Wait so many seconds for a checkpoint; return whether everything is published."""
        return self._checkpoint.wait(ticket, timeout)

    def confirm(self, ticket: int, timeout: float) -> None:
        """Wait so many seconds for a checkpoint; raise the `UserError` that prevented it."""
        self._checkpoint.confirm(ticket, timeout)

    def tell_published(self) -> None:
        """Tell what the newest checkpoint holds, or the files that were opened when there was none."""
        self._on_published(*self.published_counts)

    def close(self, timeout: float, *, publish: bool) -> bool:
        """Write what is left and end the threads; return whether everything is on the disk."""
        patience = PATIENCE_SECONDS if self._rescue is not None else timeout
        if self._journal.rescued or not self._journal.wait(self._journal.last, patience):
            self._journal.close(timeout)  # the label files would only wait for it
        published = not publish or self._checkpoint.close(timeout)
        durable = self._journal.close(timeout)
        return published and durable

    def join(self, timeout: float | None = None) -> bool:
        """Wait after `close` until nothing is written any more; return whether that is so."""
        return self._checkpoint.join(timeout) and self._journal.join(timeout)

    def _on_journal(self) -> None:
        refused = not self.durable and self._journal.error is not None
        # The label files have waited for this; or what another program has overwritten is nowhere else.
        incidents = self._journal.incidents
        if (self._refused and not refused) or incidents != self._incidents:
            self._checkpoint.request()
        self._refused, self._incidents = refused, incidents
        self._on_news()
        troubled = self._journal.rescued > 0 or self._journal.rescue_error is not None
        if self._rescue is not None and (troubled or self._troubled):
            self._troubled = troubled
            self._rescue.store.on_change()

    def _on_checkpoint(self) -> None:
        if self._checkpoint.error is None:
            self.tell_published()
        self._on_news()

"""Finished actions of an image on their way to the disk: journal first, label files a while later."""

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from segstudio.io.disk import Disk
from segstudio.labels.history import EditRecord
from segstudio.labels.objects import ObjectInfo
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.changes import SAVED, SAVING, SaveState
from segstudio.project.checkpoint import Checkpoint
from segstudio.project.journal import JournalPlace, JournalRecord, Kind, changed_digest, table_digest
from segstudio.project.journal_writer import JournalWriter
from segstudio.project.recovery import Recovered
from segstudio.project.replay import TileId


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
        self._on_news = on_news
        self._on_published = on_published
        place = JournalPlace(files.journal, image_id, found.planes.shape)
        self._journal = JournalWriter(
            place, found.last, prepare=lambda: files.keep_base(disk), on_change=on_news, disk=disk
        )
        self._checkpoint = Checkpoint(files, found.planes, self._journal, on_change=self._on_checkpoint, disk=disk)

    def mark(self, found: Recovered) -> None:
        """Say what the files do not have yet; before the first action."""
        self._checkpoint.mark(found.changed, found.table_changed, found.whole)

    def record(self, kind: Kind, edit: EditRecord, ref: int = 0) -> JournalRecord:
        """Hand a finished action, which the planes have already, to the journal and the checkpoint."""
        before = self._table_digest
        self._table_digest = changed_digest(before, edit.objects)
        record = JournalRecord(self._journal.last + 1, kind, edit, before, self._table_digest, ref)
        tiles: dict[TileId, NDArray[Any] | None] = {
            (delta.plane, delta.key): self._planes.plane(delta.plane).share(delta.key) for delta in edit.tiles
        }
        objects: dict[int, ObjectInfo | None] = {change.id: change.after for change in edit.objects}
        self._journal.append(record)
        self._checkpoint.note(record.seq, tiles, objects, self._planes.objects.next_id())
        return record

    @property
    def state(self) -> SaveState:
        """``"saved"`` only when every finished action is on the disk."""
        error = self._journal.error or self._checkpoint.error
        if error is not None:
            return f"failed: {error}"
        return SAVED if self.durable else SAVING

    @property
    def durable(self) -> bool:
        """Whether every finished action would be found again after a crash."""
        return self._journal.durable == self._journal.last

    @property
    def checkpoints(self) -> int:
        """Number of checkpoints that worked."""
        return self._checkpoint.completed

    @property
    def objects(self) -> int:
        """Number of objects at the last checkpoint."""
        return self._checkpoint.objects

    def take_notices(self) -> list[str]:
        """Return sentences about files that another program has written, each once."""
        return self._checkpoint.take_notices()

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

    def close(self, timeout: float, *, publish: bool) -> bool:
        """Write what is left and end the threads; return whether everything is on the disk."""
        published = not publish or self._checkpoint.close(timeout)
        durable = self._journal.close(timeout)
        return published and durable

    def _on_checkpoint(self) -> None:
        if self._checkpoint.error is None:
            self._on_published(self._checkpoint.objects, self._checkpoint.regions_used)
        self._on_news()

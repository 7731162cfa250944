"""One image with its annotation: every edit goes through here and is durable a moment later."""

from collections.abc import Callable
from math import isclose
from pathlib import Path

from psygnal import Signal

from segstudio.core.axes import PixelSize
from segstudio.core.tiles import Window
from segstudio.io.disk import DISK, Disk
from segstudio.io.read_as import open_as
from segstudio.io.sources import ImageSource
from segstudio.labels.edits import Edit
from segstudio.labels.history import EditRecord
from segstudio.labels.restore_points import restore_point_of
from segstudio.labels.restoring import Restoration
from segstudio.labels.transaction import Transaction
from segstudio.labels.undo import Step
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.changes import DocumentChange, change_of, plane_to_see, seen_on
from segstudio.project.journal import JournalPlace
from segstudio.project.journal_records import JournalRecord, Kind
from segstudio.project.locating import check_size
from segstudio.project.manifest import ImageEntry
from segstudio.project.outward import refuse_image_links_out
from segstudio.project.paged_document import PagedDocument
from segstudio.project.prepared_step import PreparedStep, TableChange
from segstudio.project.reading_only import refuse_change
from segstudio.project.recovery import Recovered, recover
from segstudio.project.rescue import ImageRescue
from segstudio.project.undo_stack import UndoStack


class ImageDocument(PagedDocument):
    """An open image: its pixels, its planes, and undo over all sessions.

    Make it with `open`, on any thread; everything else belongs to one thread, the one that edits.

    Attributes
    ----------
    source
        Its pixels.
    history
        What can be undone and redone.
    notices
        Sentences about what was found on opening: damage, versions of other programs.
    """

    changed = Signal(DocumentChange)

    def __init__(  # noqa: PLR0913 - made by `open` only
        self,
        entry: ImageEntry,
        source: ImageSource,
        files: AnnotationFiles,
        found: Recovered,
        *,
        read_only: bool = False,
        of_newer: bool = False,
        on_published: Callable[[int, bool], None] = lambda objects, marked: None,
        disk: Disk = DISK,
    ) -> None:
        super().__init__(files, entry.id, found, read_only=read_only, on_published=on_published, disk=disk)
        self._show_planes(entry, found.planes)
        self._of_newer = of_newer
        self.source = source
        self.files = files
        self.notices = found.notices
        place = JournalPlace(files.journal, entry.id, found.planes.shape)
        self._stack = UndoStack(found.planes, found.done, found.undone, place, self._saving.waiting)
        self.history = self._stack.history
        self._transaction: Transaction | None = None
        self._asked_first: Callable[[], object] | None = None
        for change in found.repair:
            self.stack.objects.set(change.id, change.after)
        if not read_only:
            self._saving.mark(found)
            if found.repair:
                self._record("repair", EditRecord("Objects found", (), found.repair, Window(0, 0, 0, 0)))

    def _may_turn(self) -> bool:
        if not self.editing:
            self._do_asked()
        return not self.editing

    @property
    def pixel_size(self) -> PixelSize | None:
        """How large a pixel is: what the user said, else the file; ``None`` when nobody knows."""
        size, known = self.entry.pixel_size_um, self.source.info.pixel_size
        if size is None:
            return None
        return known if known is not None and isclose(known.mean, size) else PixelSize(size, size)

    @classmethod
    def open(  # noqa: PLR0913 - what a project knows
        cls,
        entry: ImageEntry,
        image: Path,
        files: AnnotationFiles,
        *,
        read_only: bool = False,
        of_newer: bool = False,
        on_published: Callable[[int, bool], None] = lambda objects, marked: None,
        disk: Disk = DISK,
        rescue: ImageRescue | None = None,
    ) -> "ImageDocument":
        """Read image and annotation, bring back what a crash left in the journal.

        Parameters
        ----------
        of_newer
            A newer program wrote the project: this is why it is `read_only`.
        on_published
            Called on a background thread after a checkpoint, with the number of objects and whether regions are
            marked.
        rescue
            Takes what the disk refuses.

        Raises
        ------
        BadInput
            Image or annotation cannot be read, or do not belong together.
        DiskError
            A version of another program could not be kept.
        """
        source = open_as(image, entry.read_as)
        try:
            check_size(entry, image, source.info)
            refuse_image_links_out(files)
            found = recover(files, entry.id, entry.shape, read_only=read_only, disk=disk, rescue=rescue)
            return cls(
                entry,
                source,
                files,
                found,
                read_only=read_only,
                of_newer=of_newer,
                on_published=on_published,
                disk=disk,
            )
        except BaseException:
            source.close()
            raise

    def begin(
        self,
        name: str,
        *,
        restore_point: str | Callable[[], str] = "",
        of_stack: bool = False,
        plane: int | None = None,
    ) -> Transaction:
        """Start a gesture; its ``commit`` makes one durable, undoable action of it.

        Parameters
        ----------
        name
            What the undo menu calls it.
        restore_point
            What the history calls it, when the state before is to be kept; a function is asked when it is done.
        of_stack
            Whether all planes of a stack are edited, not only one.
        plane
            Which one; ``None`` for the one in front.

        Raises
        ------
        UserError
            The project is open for reading only.
        """
        self._check_writable()
        if self._transaction is not None and self._transaction.open:
            raise RuntimeError(f"{self._transaction.name!r} is still going on.")
        self._do_asked()
        in_front = not of_stack and plane in (None, self.plane)
        transaction = Transaction(
            self.stack,
            name,
            self._on_live_write if in_front else self._on_stack_write,
            lambda edit: self._finish(edit, restore_point if isinstance(restore_point, str) else restore_point()),
            None if of_stack else self.plane if plane is None else plane,
        )
        self._transaction = transaction
        return transaction

    def apply(self, edit: Edit, plane: int | None = None) -> EditRecord | None:
        """Do `edit` on a plane, the one in front for ``None``, as one action; return its record.

        ``None`` when it changed nothing. An edit that raises leaves everything as it was.
        """
        objects = tuple(self.planes.objects)

        def point() -> str:  # some edits find out what they replace
            return restore_point_of(edit, objects)

        of_stack = bool(getattr(edit, "of_stack", False))
        transaction = self.begin(edit.name, restore_point=point, of_stack=of_stack, plane=plane)
        try:
            edit.apply(transaction)
        except BaseException:
            transaction.abort()
            raise
        return transaction.commit()

    def restore(
        self, to: Restoration, seq: int, *, restore_point: str | None = None, table: TableChange | None = None
    ) -> EditRecord | None:
        """Go to an earlier state, or to one that was worked out on a thread, as one action, at once.

        Parameters
        ----------
        to
            What is to change; it was made for the `stack` as it was when `seq` was `ImageDocument.seq`.
        restore_point
            As for `begin`; the name of the action when ``None``.
        table
            What the record does to the object table; worked out here when ``None``.

        Returns
        -------
        The record; ``None`` when something else was done or asked for since, or a gesture is going on: nothing changes
        then.
        """
        self._check_writable()
        if self.editing or self.asked or seq != self.seq:
            return None
        to.apply(self.stack)
        point = to.record.name if restore_point is None else restore_point
        self._finish(to.record, point, announced=False, table=table)
        return to.record

    def undo(self) -> EditRecord | None:
        """Take the last action back; return it, ``None`` when there is none, or `preparing` has to read it first."""
        self._do_asked()
        return self._step("undo")

    def redo(self) -> EditRecord | None:
        """Do again what was undone last; return it, ``None`` as in `undo`."""
        self._do_asked()
        return self._step("redo")

    def preparing(self, step: Step) -> Callable[[], PreparedStep | None] | None:
        """Return the slow part of `undo` or `redo`, for one other thread; ``None`` when there is nothing to do.

        When it returns ``None``, have it told by `tell_unread`.
        """
        return self._stack.preparing(step)

    def tell_unread(self, step: Step, *, still_reading: bool = False) -> None:
        """Tell that a step is not done: its action of long ago cannot be read from the journal, or not in time."""
        name, done = self.entry.name, "undone" if step == "undo" else "redone"
        if still_reading:
            says = (
                f"An earlier action on {name} was not {done}: it was still being read from the drive of the project "
                "when you went on."
            )
        else:
            says = (
                f"Earlier actions on {name} cannot be {done} now: their journal cannot be read. Check the drive of the "
                "project and try again."
            )
        self.noticed.emit(f"{says} The labels stay as they are.")

    def step(self, step: Step, prepared: PreparedStep) -> EditRecord | None:
        """Undo or redo at once what `preparing` has prepared.

        Who prepares it says so by `asked_first`: so nothing is done between the two.
        """
        return self._step(step, prepared)

    def asked_first(self, do: Callable[[], object] | None) -> None:
        """Have `do` called before anything else is done to the image: it was asked for earlier. ``None``: no more."""
        self._asked_first = do

    @property
    def asked(self) -> bool:
        """Whether something was asked for that is still to be done."""
        return self._asked_first is not None

    def _do_asked(self) -> None:
        do, self._asked_first = self._asked_first, None
        if do is not None:
            do()

    def _step(self, step: Step, prepared: PreparedStep | None = None) -> EditRecord | None:
        self._check_writable()
        if self.editing:
            return None
        taken = self._stack.take(step, prepared)
        if taken is None:
            return None
        self.turn_to(plane_to_see(taken.edit.window, self.stack.shape, self.plane))
        self._record(step, taken.change, taken.seq, table=None if prepared is None else prepared.table)
        return taken.edit

    @property
    def can_undo(self) -> bool:
        """Whether `undo` would do something now."""
        return self.history.can_undo and not (self.read_only or self.editing)

    @property
    def can_redo(self) -> bool:
        """Whether `redo` would do something now."""
        return self.history.can_redo and not (self.read_only or self.editing)

    @property
    def editing(self) -> bool:
        """Whether a gesture is going on."""
        return self._transaction is not None and self._transaction.open

    def _check_writable(self) -> None:
        if self._closed:
            raise RuntimeError("The document is closed.")
        if self.read_only:
            raise refuse_change(self.entry.name, of_newer=self._of_newer)

    def _on_live_write(self, window: Window) -> None:
        self.changed.emit(DocumentChange(window, frozenset(("labels", "regions")), live=True))

    def _on_stack_write(self, window: Window) -> None:
        change = DocumentChange(window, frozenset(("labels", "regions")), live=True)
        self.changed.emit(seen_on(change, self.stack.shape, self.plane))

    def _finish(
        self, edit: EditRecord, restore_point: str, *, announced: bool = True, table: TableChange | None = None
    ) -> None:
        if restore_point:
            self._saving.keep_before(restore_point)
        self.history.push(edit)
        self._stack.recorded(self._record("edit", edit, announced=announced, table=table))

    def _record(
        self, kind: Kind, edit: EditRecord, ref: int = 0, *, announced: bool = False, table: TableChange | None = None
    ) -> JournalRecord:
        """Have a finished action saved, and tell the listeners."""
        digest, ids = (table.digest, table.ids) if table is not None else (None, None)
        record = self._saving.record(kind, edit, ref, digest)
        change = change_of(edit, self.stack, announced=announced, known=ids)
        self.changed.emit(seen_on(change, self.stack.shape, self.plane))
        self.poll()
        return record

    def close(self, timeout: float = 30.0) -> bool:
        """Take an unfinished gesture back, save, publish, end the threads.

        Returns
        -------
        Whether everything is on the disk, in the label files as well. If not, `save_state` says why, unless the disk
        of the project does not answer.
        """
        if self._closed:
            return self.whole
        if self._transaction is not None and self._transaction.open:
            self._transaction.abort()
        self._transaction = None
        done = self._saving.close(timeout, publish=not self.read_only)
        self.poll()
        self._closed = True
        self._tell_kept()
        self.source.close()
        return done

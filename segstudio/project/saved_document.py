"""What an open image tells of its way to the disk: saved or not, what was published, news from the threads."""

import threading
from collections.abc import Callable

from psygnal import Signal

from segstudio.core.weakly import weakly
from segstudio.io.disk import Disk
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.changes import SaveState
from segstudio.project.recovery import Recovered
from segstudio.project.refusals import Refusal
from segstudio.project.saving import Saving
from segstudio.project.snapshots import Snapshots


class SavedDocument:
    """The side of a document that is turned to the disk.

    Events are emitted on the thread that edits: news from the background threads wait until `poll` or the next edit,
    unless `deliver_with` was called.

    Parameters
    ----------
    files, image_id, found, on_published
        As in `segstudio.project.saving.Saving`.

    Attributes
    ----------
    read_only
        Nothing is written.
    """

    saved = Signal(str)
    noticed = Signal(str)
    checkpointed = Signal(int)
    drawn = Signal(int, bool)
    """Number of objects and whether regions are marked, when the image is left or closed."""

    def __init__(
        self,
        files: AnnotationFiles,
        image_id: str,
        found: Recovered,
        *,
        read_only: bool,
        on_published: Callable[[int, bool], None],
        disk: Disk,
    ) -> None:
        self.read_only = read_only
        self._closed = False
        self._deliver: Callable[[Callable[[], None]], None] | None = None
        self._tell: Callable[[str], object] | None = None
        self._shown_state = ""  # the first news is always told: meanwhile somebody may have shown what was true then
        self._shown_checkpoint = 0
        self._saving = Saving(files, image_id, found, weakly(self._on_thread_news), on_published, disk)

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    @property
    def seq(self) -> int:
        """Number of the last action: as long as it stays, nothing has changed."""
        return self._saving.last

    @property
    def snapshots(self) -> Snapshots | None:
        """The earlier states, for any thread to read; ``None`` where none are kept."""
        return self._saving.snapshots

    @property
    def save_state(self) -> SaveState:
        """``"saved"`` only when every finished action is on the disk; may be asked from any thread."""
        return self._saving.state

    @property
    def durable(self) -> bool:
        """Whether every finished action is on the disk of the project; may be asked from any thread."""
        return self._saving.durable

    @property
    def whole(self) -> bool:
        """Whether every finished action is on the disk and in the label files; may be asked from any thread."""
        return self._saving.whole

    @property
    def safe(self) -> bool:
        """Whether every finished action would be found again after a crash, be it in the rescue store."""
        return self._saving.safe

    @property
    def rescued(self) -> Refusal | None:
        """Why the last actions lie in the rescue store, and where, be it for a moment only; else ``None``."""
        return self._saving.rescued

    @property
    def refused(self) -> Refusal | None:
        """Why the last actions are nowhere; ``None`` when they are somewhere, or on the way."""
        return self._saving.refused

    def retry(self) -> None:
        """Try a disk that refuses again, now; may be called on any thread."""
        self._saving.retry()

    def poll(self) -> None:
        """Emit the events that the background threads have caused since the last call."""
        state = self.save_state
        if state != self._shown_state:
            self._shown_state = state
            self.saved.emit(state)
        self._tell_notices()
        completed = self._saving.checkpoints
        if completed != self._shown_checkpoint:
            self._shown_checkpoint = completed
            self.checkpointed.emit(self._saving.objects)

    def _tell_notices(self) -> None:
        tell = self.noticed.emit if len(self.noticed) else self._tell
        if tell is not None:  # else they wait for somebody who listens
            for notice in self._saving.take_notices():
                tell(notice)

    def tell_with(self, tell: Callable[[str], object]) -> None:
        """Let `tell`, called on any thread, hear what `noticed` has no listener for, as while the image is closed."""
        self._tell = tell

    def deliver_with(self, deliver: Callable[[Callable[[], None]], None]) -> None:
        """Let `deliver` run functions on the editing thread, so that nobody has to call `poll`."""
        self._deliver = deliver

    def _on_thread_news(self) -> None:
        deliver = self._deliver
        if deliver is not None and threading.current_thread() is not threading.main_thread():
            deliver(self._poll_if_open)

    def _poll_if_open(self) -> None:
        if not self._closed:
            self.poll()

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until every finished action is durable; return whether it is."""
        done = self._saving.flush(timeout)
        self.poll()
        return done

    def checkpoint(self, wait: bool = False, timeout: float = 30.0) -> bool:
        """Publish label TIFF, region TIFF and object table now, in the background.

        Returns
        -------
        Whether everything is published; without `wait`, whether there was nothing to do.
        """
        if self.read_only:
            return True
        done = self._saving.published(self._saving.publish(), timeout if wait else 0.0)
        self.poll()
        return done

    def publish(self, timeout: float = 30.0) -> Callable[[], None]:
        """Ask for a checkpoint now; return a function that waits for it on any other thread.

        Returns
        -------
        Raises the `UserError` that prevented the files from being written.
        """
        if self.read_only:
            return lambda: None
        ticket = self._saving.publish()
        return lambda: self._saving.confirm(ticket, timeout)

    def join(self, timeout: float | None = None) -> bool:
        """Wait after `close` until nothing is written any more; return whether that is so."""
        ended = self._saving.join(timeout)
        self._tell_notices()  # of a disk that did not answer in time
        return ended

    def tell_published(self) -> None:
        """Tell `on_published` what the label files hold, also when nothing had to be written."""
        self._saving.tell_published()

    def tell_drawn(self) -> None:
        """Emit `drawn`, on the editing thread: what is drawn counts, also while the disk refuses the label files."""
        if not self.read_only:
            self.drawn.emit(*self._saving.drawn)

    def _tell_kept(self) -> None:
        """Emit `drawn` with what is found again: what is nowhere safe when the image is closed does not count."""
        if not self.read_only:
            self.drawn.emit(*(self._saving.drawn if self.safe else self._saving.published_counts))

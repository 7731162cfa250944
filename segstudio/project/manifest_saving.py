"""Saving the list of images and classes: on a thread, in time, and elsewhere when its disk refuses or hangs."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from segstudio.core.errors import UserError
from segstudio.io.disk import Disk, DiskError, disk_errors
from segstudio.project.failures import failure_of
from segstudio.project.manifest import MANIFEST, Manifest
from segstudio.project.manifest_file import save_manifest
from segstudio.project.refusals import Refusal, refusal_of
from segstudio.project.rescue_manifest import ManifestRescue
from segstudio.project.rescue_watch import ALARM_SECONDS, PATIENCE_SECONDS

_SAVE_DELAY_SECONDS: Final = 0.3
#: Until another try when the disk has refused.
_RETRY_SECONDS: Final = 2.0
#: So long a closing project waits for a disk that does not answer.
_LAST_CHANCE_SECONDS: Final = 3.0


class ManifestSaving:
    """Saves a manifest that others change; may be used by any thread.

    Parameters
    ----------
    folder
        Of the project.
    current
        Returns the manifest as it is now.
    on_saved
        Called with what was saved; holding no lock.

    Attributes
    ----------
    error
        Why the newest save in the background failed; ``None`` after one that did not.
    closed
        Nothing is saved any more.
    rescue
        Takes what the disk refuses, or does not take within a second; told after three of them, or when it refuses too.
    on_notice
        Called on any thread with a sentence about what another program did to ``project.json`` meanwhile.
    """

    def __init__(
        self, folder: Path, current: Callable[[], Manifest], on_saved: Callable[[Manifest], None], disk: Disk
    ) -> None:
        self.error: UserError | None = None
        self.closed = False
        self.rescue: ManifestRescue | None = None
        self.on_notice: Callable[[str], None] = lambda sentence: None
        self._folder = folder
        self._current = current
        self._on_saved = on_saved
        self._disk = disk
        self._mutex = threading.Lock()  # held by who writes, for as long as the disk likes
        self._keeping = threading.Lock()  # held by who writes to the rescue store; taken before the next one
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None
        self._watch: threading.Timer | None = None
        self._writing = 0
        self._began = 0.0
        self._troubled = False

    def rescued_because(self, *, slow: bool = False) -> Refusal | None:
        """Return why the newest content lies in the rescue store and not in the project; ``None`` when it does not.

        Parameters
        ----------
        slow
            Also when the disk may take it in a moment.
        """
        told = self._troubled or (slow and self._writing > 0)
        place = self.rescue.place if self.rescue is not None else None
        return refusal_of(self.error).kept(place) if told and place is not None else None

    @property
    def keeps(self) -> bool:
        """Whether the rescue store has a list that is not in the project yet."""
        return self.rescue is not None and bool(self.rescue.held)

    @property
    def unsaved(self) -> Refusal | None:
        """Why the newest content is nowhere; ``None`` when it is somewhere, or on the way."""
        return None if not self._troubled or self.rescued_because() else refusal_of(self.error)

    def save(self, *, keep: bool = True) -> None:
        """Write ``project.json`` now, atomically.

        Parameters
        ----------
        keep
            Keep elsewhere what is refused, and try again; not so for a change that is taken back then.

        Raises
        ------
        DiskError
            The old one is as it was.
        """
        if self.closed:
            return
        self._begin()
        try:
            with self._mutex:
                with self._lock:
                    self._stop_timer()
                manifest = self._current()
                with disk_errors(self._folder / MANIFEST, "saved"):
                    # Or its old list is read as one that another program took away.
                    self._disk.check_place()
                    saved, words = save_manifest(self._folder, manifest, self._disk)
                self._on_saved(saved)
        except BaseException as error:
            self._end(error if keep and isinstance(error, DiskError) else None, saved=False)
            raise
        self._end(None, saved=True)
        for sentence in words:
            self.on_notice(sentence)

    def try_save(self) -> bool:
        """Save; return whether that worked, and keep the `error` otherwise, whatever it was."""
        try:
            self.save()
        except DiskError:
            return False
        except Exception as error:  # noqa: BLE001 - told to the user, and to the log; it is tried again
            self._keep_error(failure_of(error, self._folder / MANIFEST))
            return False
        return True

    def _keep_error(self, error: UserError) -> None:
        """Note that a save failed for a reason that is not the disk's; it is tried again."""
        with self._lock:
            self.error, self._troubled = error, True
        if self.rescue is not None:
            with suppress(MemoryError), self._keeping:
                self.rescue.keep(self._current())
            self.rescue.tell()
        self._save_in(_RETRY_SECONDS)

    def save_soon(self) -> None:
        """Save a moment later on a thread; changes until then are written together."""
        self._save_in(_SAVE_DELAY_SECONDS)

    def retry(self) -> None:
        """Try a disk that has refused again, now."""
        if self._troubled:
            with self._lock:
                self._stop_timer()
            self._save_in(0.0)

    def finish(self, then: Callable[[bool], None]) -> bool:
        """Save for the last time; return whether that worked.

        Parameters
        ----------
        then
            Called with that when nothing is written any more: on a disk that does not answer, later on a thread.
        """
        results: list[bool] = []

        def work() -> None:
            results.append(self.try_save())
            self.close()
            then(results[0])

        thread = threading.Thread(target=work, name="project-save", daemon=True)
        thread.start()
        thread.join(_LAST_CHANCE_SECONDS)
        return results == [True]

    def close(self) -> None:
        """Save no more."""
        with self._lock:
            self.closed = True
            self._stop_timer()

    def _save_in(self, seconds: float) -> None:
        with self._lock:
            if self._timer is None and not self.closed:
                self._timer = threading.Timer(seconds, self.try_save)
                self._timer.name = "project-save"
                self._timer.daemon = True
                self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> None:
        with self._lock:
            if not self._writing:
                self._began = time.monotonic()
            self._writing += 1
            self._look_in(PATIENCE_SECONDS)

    def _look_in(self, seconds: float) -> None:
        if self._watch is None and self.rescue is not None:
            self._watch = threading.Timer(seconds, self._look)
            self._watch.name = "project-watch"
            self._watch.daemon = True
            self._watch.start()

    def _look(self) -> None:
        """Keep what a disk does not take in time elsewhere, and again what has changed while it hangs."""
        with self._keeping:
            with self._lock:
                self._watch = None
                if not self._writing or self.rescue is None:
                    return
                self._look_in(PATIENCE_SECONDS)
            self.rescue.keep(self._current())
            hangs = time.monotonic() - self._began >= ALARM_SECONDS
            with self._lock:
                self._troubled = tell = self._troubled or hangs or self.rescue.place is None
        if tell:
            self.rescue.tell()

    def _end(self, error: DiskError | None, *, saved: bool) -> None:
        with self._keeping:
            with self._lock:
                self._writing -= 1
                tell = self._troubled
                idle = not self._writing
                if idle and self._watch is not None:
                    self._watch.cancel()
                    self._watch = None
                self.error = None if saved else error or self.error
                self._troubled = (self._troubled and not (saved and idle)) or error is not None
            if self.rescue is None:
                return
            if saved and idle:
                tell = tell or self.keeps
                self.rescue.clear()
            elif error is not None:
                self.rescue.keep(self._current())
        if error is not None:
            self._save_in(_RETRY_SECONDS)
        if tell or error is not None:
            self.rescue.tell()

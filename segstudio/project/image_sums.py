"""Sums of whole image files: an image of which only the middle was changed is noticed, and opening waits for nothing.

Both ends of an image are looked at each time it is opened (`image_files.fingerprint`). The whole file is summed once,
on a thread after it was opened, and again only when it looks touched: a large one on that thread, after it was opened,
or before it is measured, exported or learned from.

Images whose ends are the same are summed when they are added, so that an exchange is noticed though nobody opened them.

What cannot be known: a sum is of the bytes that lay there when it was made. Whether an image had another middle before,
since it was added until it was first opened, or until another one with the same ends was added, nobody can tell; nor
when the sums were lost, or were never made because an earlier version took the image in.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput, UserError
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import DISK, Disk
from segstudio.project.image_bytes import FILE, Known, Looks, encoded, has_ends_of, looks_of, read_sums, sum_now, summed
from segstudio.project.image_files import fingerprint
from segstudio.project.manifest import ImageEntry

#: A file that was touched since is summed before it is opened when it is no longer than this: a tenth of a second.
_AT_ONCE: Final = 64 << 20
#: So long a closing project waits for a drive that does not answer.
_LAST_SECONDS: Final = 2.0
#: What is learned is written no more often than this: ten thousand images of a copied project would be as many writes.
_WRITE_EVERY_S: Final = 5.0


def changed_image(entry: ImageEntry, path: Path) -> BadInput:
    """Return the error about an image file that is no longer the one that was labelled."""
    return BadInput(
        f"{entry.name} is not the file that was added to the project: its content has changed.",
        hint="Put the original back, or right-click it in the list of images and choose “Use the changed image”.",
        code="image-changed",
        path=path,
    )


class ImageSums:
    """The sums of the image files of one project; may be used by any thread.

    Parameters
    ----------
    folder
        Where they are kept: a file of no use to other programs, which is made anew when it is lost.
    read_only
        Compare, and write nothing.

    Attributes
    ----------
    on_changed
        Called on a thread with the error about an image that was changed in its middle while nobody looked.
    """

    def __init__(self, folder: Path, *, read_only: bool, disk: Disk = DISK) -> None:
        self.on_changed: Callable[[BadInput], None] = lambda error: None
        self._path = folder / FILE
        self._read_only = read_only
        self._disk = disk
        self._news = threading.Condition()
        self._writing = threading.Lock()  # another one: who only compares does not wait for a disk that hangs
        self._known: dict[str, Known] | None = None
        self._wanted: deque[tuple[ImageEntry, Path]] = deque()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._unwritten = False
        self._next_write = 0.0
        self._found_changed: dict[str, Looks] = {}
        self._ends_read: dict[tuple[str, Path, Looks], bool] = {}

    def check(self, entry: ImageEntry, path: Path, *, however_large: bool = False) -> None:
        """Raise `BadInput` when a file that was touched since it was summed holds other bytes.

        Parameters
        ----------
        however_large
            Sum large files, too, which may take minutes: before pixels are measured or learned from. Else those wait
            for `look_later`.
        """
        known, looks = self.known(entry), looks_of(path)
        if looks is not None and self._found_changed.get(entry.id) == looks:
            raise changed_image(entry, path)
        if known is None or looks == known.looks or (known.looks.size > _AT_ONCE and not however_large):
            return
        digest, looks = summed(path)
        if digest is None:
            return  # told by who reads its pixels
        if digest != known.digest:
            self._note_changed(entry, known, looks)
            raise changed_image(entry, path)
        self._learn(entry, known, digest, looks)

    def seems_changed(self, entry: ImageEntry, path: Path) -> bool:
        """Whether a file holds another image for certain, as far as a look at it tells: too quick to open by it.

        Another length does, and other ends of a file of which the time is another one than when it was summed. Those
        are read once as long as nobody touches the file: of a copied project it may be the time of every image.
        """
        known, looks = self.known(entry), looks_of(path)
        if looks is None or self._found_changed.get(entry.id) == looks:
            return looks is not None
        if not entry.fingerprint.startswith(f"{looks.size}:"):
            return True
        if known is None or known.looks[:2] == looks[:2]:  # elsewhere, as in a copied project, the others differ
            return False
        key = entry.fingerprint, path, looks
        if key not in self._ends_read:
            try:
                self._ends_read[key] = fingerprint(path) != entry.fingerprint
            except BadInput:
                return False
        return self._ends_read[key]

    def look_later(self, entry: ImageEntry, path: Path) -> None:
        """Sum a file on a thread, unless its sum is known and nobody has touched it."""
        known = self.known(entry)
        if known is not None and looks_of(path) == known.looks:
            return
        with self._news:
            self._wanted.append((entry, path))
            if not self._stopped:
                self._wake()

    def known(self, entry: ImageEntry) -> Known | None:
        """Return what is known of an image as it was added."""
        with self._news:
            found = self._all().get(entry.id)
        return found if found is not None and found.fingerprint == entry.fingerprint else None

    def now(self, entry: ImageEntry, path: Path) -> Known | None:
        """Return what `sum_now` does, without reading a file that nobody has touched since it was summed."""
        known = self.known(entry)
        return known if known is not None and looks_of(path) == known.looks else sum_now(entry, path)

    def take(self, sums: Mapping[str, Known], blank: Iterable[str]) -> None:
        """Keep sums of images that were added, where none are known; those in `blank`, without labels, start anew."""
        with self._news:
            before = dict(self._all())
            for image_id in blank:
                self._found_changed.pop(image_id, None)
                self._all().pop(image_id, None)
            self._known = {**sums, **self._all()}
            learned = self._known != before
        if learned:
            self._write()

    def differs(self, entry: ImageEntry, path: Path, *, however_large: bool = False) -> bool:
        """Whether a file holds other bytes than the image that was added; else large ones are looked at when opened."""
        known = self.known(entry)
        wanted = known is not None and (however_large or known.looks.size <= _AT_ONCE)
        return known is not None and wanted and summed(path)[0] not in (None, known.digest)

    def forget(self, image_id: str) -> None:
        """Go on with the content that an image file has now."""
        with self._news:
            self._found_changed.pop(image_id, None)
            self._all().pop(image_id, None)
        self._write()

    def close(self) -> None:
        """Sum no more, and write what was learned."""
        with self._news:
            self._stopped = True
            if self._unwritten:
                self._wake()
            self._news.notify_all()
            thread = self._thread
        if thread is not None:
            thread.join(_LAST_SECONDS)

    def _all(self) -> dict[str, Known]:
        if self._known is None:
            self._known = read_sums(self._path)
        return self._known

    def _wake(self) -> None:
        self._news.notify_all()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="image-sums", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._news:
                while self._unwritten and not (self._wanted or self._stopped):
                    if (left := self._next_write - time.monotonic()) <= 0:
                        break
                    self._news.wait(left)
                item = self._wanted.popleft() if self._wanted and not self._stopped else None
                if item is None and not self._unwritten:
                    self._thread = None
                    return
            if item is None:
                self._write()
            else:
                self._look(*item)

    def _look(self, entry: ImageEntry, path: Path) -> None:
        known = self.known(entry)
        try:
            digest, looks = summed(path, lambda: self._stopped)
        except BadInput as error:  # a folder without an end: an exchange of its pixels is not noticed
            self.on_changed(error)
            return
        if digest is None or looks is None:
            return
        if known is not None and digest != known.digest:
            if self._note_changed(entry, known, looks):
                self.on_changed(changed_image(entry, path))
        elif known is not None or has_ends_of(entry, path):
            self._learn(entry, known, digest, looks)

    def _note_changed(self, entry: ImageEntry, known: Known, looks: Looks | None) -> bool:
        with self._news:
            still = self._all().get(entry.id) is known  # the user may have taken the changed image meanwhile
            if still and looks is not None:
                self._found_changed[entry.id] = looks
            return still

    def _learn(self, entry: ImageEntry, before: Known | None, digest: str, looks: Looks | None) -> None:
        with self._news:
            if looks is None or self.known(entry) is not before:
                return
            self._all()[entry.id] = Known(entry.fingerprint, digest, looks)
            if not self._read_only:
                self._unwritten = True
                self._wake()

    def _write(self) -> None:
        with self._writing:
            with self._news:
                body = encoded(self._all())
                self._unwritten = False
                self._next_write = time.monotonic() + _WRITE_EVERY_S
            if not self._read_only and self._path.parent.is_dir():
                try:
                    write_atomic(self._path, body, self._disk)
                except UserError:  # tried again with the next one, and last when the project closes
                    with self._news:
                        self._unwritten = not self._stopped

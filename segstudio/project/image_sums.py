"""Sums of whole image files: an image of which only the middle was changed is noticed, and opening waits for nothing.

Both ends of an image are looked at each time it is opened (`image_files.fingerprint`). The whole file is summed once,
on a thread after it was opened, and again only when its time or length is another one.
"""

import json
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import BadInput, UserError
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import DISK
from segstudio.io.objects_file import read_limited
from segstudio.project.checksums import sum_of
from segstudio.project.manifest import ImageEntry

FILE: Final = "images.json"
#: A file that was touched since is summed before it is opened when it is no longer than this: a tenth of a second.
_AT_ONCE: Final = 64 << 20
_SIZE_LIMIT: Final = 64 << 20
_CHUNK: Final = 1 << 20
#: So long a closing project waits for a drive that does not answer.
_LAST_SECONDS: Final = 2.0

#: Fingerprint of the image that was added, sum of its bytes, and length and time of the file when it was summed.
Known = tuple[str, str, int, int]


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

    def __init__(self, folder: Path, *, read_only: bool) -> None:
        self.on_changed: Callable[[BadInput], None] = lambda error: None
        self._path = folder / FILE
        self._read_only = read_only
        self._lock = threading.Lock()
        self._known: dict[str, Known] | None = None
        self._wanted: deque[tuple[ImageEntry, Path]] = deque()
        self._thread: threading.Thread | None = None
        self._stopped = False
        self._found_changed: dict[str, tuple[int, int]] = {}

    def check(self, entry: ImageEntry, path: Path) -> None:
        """Raise `BadInput` when a file that was touched since it was summed holds other bytes; large ones wait."""
        known = self.known(entry)
        looks = _looks(path)
        if looks is not None and self._found_changed.get(entry.id) == looks:
            raise changed_image(entry, path)
        if known is None or looks == known[2:] or known[2] > _AT_ONCE:
            return
        if (digest := self._sum(path)) is not None and digest != known[1]:
            raise changed_image(entry, path)

    def look_later(self, entry: ImageEntry, path: Path) -> None:
        """Sum a file on a thread, unless its sum is known and nobody has touched it."""
        known = self.known(entry)
        if known is not None and _looks(path) == known[2:]:
            return
        with self._lock:
            self._wanted.append((entry, path))
            if self._thread is None and not self._stopped:
                self._thread = threading.Thread(target=self._run, name="image-sums", daemon=True)
                self._thread.start()

    def known(self, entry: ImageEntry) -> Known | None:
        """Return what is known of an image as it was added."""
        with self._lock:
            if self._known is None:
                self._known = _read(self._path)
            found = self._known.get(entry.id)
        return found if found is not None and found[0] == entry.fingerprint else None

    def differs(self, entry: ImageEntry, path: Path, *, however_large: bool = False) -> bool:
        """Whether a file holds other bytes than the image that was added; else large ones are looked at when opened."""
        known = self.known(entry)
        wanted = known is not None and (however_large or known[2] <= _AT_ONCE)
        return known is not None and wanted and self._sum(path) not in (None, known[1])

    def close(self) -> None:
        """Sum no more."""
        with self._lock:
            self._stopped = True
            thread = self._thread
        if thread is not None:
            thread.join(_LAST_SECONDS)

    def _run(self) -> None:
        while True:
            with self._lock:
                if self._stopped or not self._wanted:
                    self._thread = None
                    return
                entry, path = self._wanted.popleft()
            self._look(entry, path)

    def _look(self, entry: ImageEntry, path: Path) -> None:
        looks, digest = _looks(path), self._sum(path)
        if looks is None or digest is None or _looks(path) != looks:
            return  # gone, or written just now
        known = self.known(entry)
        if known is not None and digest != known[1]:
            self._found_changed[entry.id] = looks
            self.on_changed(changed_image(entry, path))
            return
        self._take({**(self._known or {}), entry.id: (entry.fingerprint, digest, *looks)})

    def forget(self, image_id: str) -> None:
        """Go on with the content that an image file has now."""
        self._found_changed.pop(image_id, None)
        self._take({key: known for key, known in (self._known or _read(self._path)).items() if key != image_id})

    def _take(self, known: dict[str, Known]) -> None:
        with self._lock:
            self._known = known
            if not self._read_only and self._path.parent.is_dir():
                with suppress(UserError):  # it is learnt again
                    write_atomic(self._path, _encoded(known), DISK)

    def _sum(self, path: Path) -> str | None:
        digest = blake2b(digest_size=16)
        try:
            with path.open("rb") as file:
                while piece := file.read(_CHUNK):
                    if self._stopped:
                        return None
                    digest.update(piece)
        except OSError:
            return None  # told by who reads its pixels
        return digest.hexdigest()


def _looks(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _encoded(known: dict[str, Known]) -> bytes:
    body = json.dumps(known).encode()
    return body + b"\n" + sum_of(body).encode() + b"\n"


def _read(path: Path) -> dict[str, Known]:
    """Read sums; none when they are not there or damaged: wrong ones would call a good image changed."""
    try:
        body, _, check = read_limited(path, _SIZE_LIMIT).partition(b"\n")
        content: dict[str, list[Any]] = json.loads(body) if check == sum_of(body).encode() + b"\n" else {}
        return {key: (str(a), str(b), int(c), int(d)) for key, (a, b, c, d) in content.items()}
    except (BadInput, ValueError, TypeError, AttributeError):
        return {}

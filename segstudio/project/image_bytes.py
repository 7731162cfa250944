"""The sum of a whole image file: how it is made, what is kept of it, and the file in which a project keeps it."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, NamedTuple

from segstudio.core.errors import BadInput
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import Disk
from segstudio.io.image_place import content_of, stat_of
from segstudio.io.objects_file import read_limited
from segstudio.project.checksums import sum_of
from segstudio.project.image_files import fingerprint
from segstudio.project.manifest import ImageEntry

FILE: Final = "images.json"
_SIZE_LIMIT: Final = 64 << 20


class Looks(NamedTuple):
    """What the file system says of a file: as long as it stays, nobody has touched the bytes.

    Files from one archive may have one time and one length: only the last two tell when they are exchanged. Those are
    others, too, where a project was copied to, and unknown (-1) in sums of earlier versions: then a file is summed once
    more.
    """

    size: int
    modified_ns: int
    inode: int
    changed_ns: int


class Known(NamedTuple):
    """Fingerprint of the image that was added, sum of its bytes, and how the file looked when it was summed."""

    fingerprint: str
    digest: str
    looks: Looks


def sum_now(entry: ImageEntry, path: Path) -> Known | None:
    """Read a whole file; return ``None`` when it cannot be read, is written to, or has not the ends of the image."""
    digest, looks = summed(path)
    if digest is None or looks is None or not has_ends_of(entry, path):
        return None
    return Known(entry.fingerprint, digest, looks)


def begin(folder: Path, sums: Mapping[str, Known], disk: Disk) -> None:
    """Keep the sums of a new project's images, and none that another one has left in its folder.

    Raises
    ------
    DiskError
        The disk refuses.
    """
    if sums:
        write_atomic(folder / FILE, encoded(sums), disk)
    else:
        with suppress(OSError):  # who may not write here is told when the list is written
            (folder / FILE).unlink(missing_ok=True)


def summed(path: Path, given_up: Callable[[], bool] = lambda: False) -> tuple[str | None, Looks | None]:
    """Return the sum of a file, ``None`` when it cannot be read, and how it looks, ``None`` when it was written to.

    Raises
    ------
    BadInput
        It is a folder of too many files, or of folders in folders too deeply.
    """
    before = looks_of(path)
    digest = blake2b(digest_size=16)
    try:
        for piece in content_of(path):
            if given_up():
                return None, None
            digest.update(piece)
    except OSError:
        return None, None
    return digest.hexdigest(), before if looks_of(path) == before else None


def has_ends_of(entry: ImageEntry, path: Path) -> bool:
    """Whether a file may be an image still; the sum of another one would call the good image changed."""
    try:
        return fingerprint(path) == entry.fingerprint
    except BadInput:
        return False


def looks_of(path: Path) -> Looks | None:
    """Return what the file system says of a file; ``None`` when it is not there."""
    try:
        return Looks(*stat_of(path))
    except OSError:
        return None


def encoded(known: Mapping[str, Known]) -> bytes:
    """Return sums by the ids of their images as they are kept."""
    body = json.dumps({key: [item.fingerprint, item.digest, *item.looks] for key, item in known.items()}).encode()
    return body + b"\n" + sum_of(body).encode() + b"\n"


def read_sums(path: Path) -> dict[str, Known]:
    """Read sums; none when they are not there or damaged: wrong ones would call a good image changed."""
    try:
        body, _, check = read_limited(path, _SIZE_LIMIT).partition(b"\n")
        content: dict[str, list[Any]] = json.loads(body) if check == sum_of(body).encode() + b"\n" else {}
        return {key: _decoded(*fields) for key, fields in content.items()}
    except (BadInput, ValueError, TypeError, AttributeError):
        return {}


def _decoded(mark: str, digest: str, size: int, modified_ns: int, inode: int = -1, changed_ns: int = -1) -> Known:
    return Known(str(mark), str(digest), Looks(int(size), int(modified_ns), int(inode), int(changed_ns)))

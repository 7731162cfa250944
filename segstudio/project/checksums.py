"""Sums of the files that other programs read, so that a flipped bit or an exchanged file is told from our own work.

Before a file is replaced its new sum is written beside those that it may have now: after a crash in between one of
them is right. A file with none of them was changed by another program, or is damaged. The bytes are summed while
they are written; nothing is read for it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, replace
from enum import Enum
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import BadInput
from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.disk import DISK, Disk, DiskError
from segstudio.io.regular_file import open_regular

SCHEMA_VERSION: Final = 1
#: As many as a file can have before it is known which of them it has.
_MOST: Final = 4
_SIZE_LIMIT: Final = 1 << 20
_CHUNK: Final = 1 << 20
DIGEST_SIZE: Final = 16
_CHECK_SIZE: Final = 8


class Verdict(Enum):
    """What the sums say about a file."""

    OURS = "as this program wrote it"
    OLDER = "as this program wrote it before: after a crash while it was saved, or put back by another program"
    CHANGED = "changed by another program"
    DAMAGED = "damaged: another content, but nobody has written it"
    MISSING = "it was there"
    UNKNOWN = "nothing is known of it"


@dataclass(frozen=True, slots=True)
class Sum:
    """One version of a file: digest of its bytes, their number, time of change in nanoseconds, last action in it."""

    digest: str
    size: int
    modified: int
    seq: int = 0

    def looks_like(self, path: Path) -> bool:
        """Whether length and time of a file are those of this version; raise ``OSError``."""
        stat = path.stat()
        return (stat.st_size, stat.st_mtime_ns) == (self.size, self.modified)


#: The version of a file that is not there yet.
ABSENT: Final = Sum("", -1, 0)


def sum_of(data: bytes) -> str:
    """Return the digest of the bytes of a file."""
    return blake2b(data, digest_size=DIGEST_SIZE).hexdigest()


def sum_of_file(path: Path) -> str:
    """Return the digest of a file; raise ``OSError``."""
    return length_and_sum(path)[1]


def length_and_sum(path: Path) -> tuple[int, str]:
    """Return length and digest of a file, of what was read; raise ``OSError``."""
    digest, length = blake2b(digest_size=DIGEST_SIZE), 0
    with open_regular(path) as file:
        while piece := file.read(_CHUNK):
            digest.update(piece)
            length += len(piece)
    return length, digest.hexdigest()


class Sums:
    """The sums of some files, in one file of their own; used by one thread.

    Parameters
    ----------
    path
        Where they are kept; nothing need be there. ``None`` keeps none.
    """

    def __init__(self, path: Path | None, disk: Disk = DISK) -> None:
        self.path = path
        self._disk = disk
        self._known: dict[str, tuple[Sum, ...]] | None = None

    def take(self, known: Mapping[str, tuple[Sum, ...]]) -> None:
        """Go by sums that were read already."""
        self._known = dict(known)

    @property
    def known(self) -> Mapping[str, tuple[Sum, ...]]:
        """Versions of each file, the newest first; empty when the sums cannot be read."""
        if self._known is None:
            try:
                self._known = dict(read_sums(self.path)) if self.path is not None else {}
            except BadInput:
                self._known = {}  # told by who verifies; they are made anew as the files are written
        return self._known

    def of(self, path: Path) -> tuple[Sum, ...]:
        """Return the versions of a file, the newest first."""
        return self.known.get(key_of(path), ())

    def may_be_absent(self, path: Path) -> bool:
        """Return whether a file may not be there yet, after a crash in its first save."""
        return ABSENT in self.of(path)

    def judge(self, path: Path, data: bytes | None = None) -> Verdict:
        """Say whether a file is one of its known versions; reads it only when its time or length is another one.

        Parameters
        ----------
        data
            Its bytes, when they have been read: they are looked at then.

        Raises
        ------
        OSError
            It cannot be read.
        """
        known = self.of(path)
        if not known:
            return Verdict.UNKNOWN
        try:
            looks = any(item.looks_like(path) for item in known)
        except FileNotFoundError:
            return Verdict.OURS if ABSENT in known else Verdict.MISSING
        if looks and data is None:
            return Verdict.OURS if known[0].looks_like(path) else Verdict.OLDER
        digest = sum_of_file(path) if data is None else sum_of(data)
        if any(item.digest == digest for item in known):
            return Verdict.OURS if digest == known[0].digest else Verdict.OLDER
        return Verdict.DAMAGED if looks else Verdict.CHANGED

    def is_newest(self, path: Path) -> bool:
        """Return whether a file is the newest version of its own, by time and length if that is enough."""
        try:
            return any(item.looks_like(path) for item in self.of(path)[:1]) or self.holds_newest(path)
        except OSError:
            return False

    def holds_newest(self, path: Path) -> bool:
        """Return whether each byte of a file is as in the newest version of its own."""
        try:
            return any(item.digest == sum_of_file(path) for item in self.of(path)[:1])
        except OSError:
            return False

    def expect(self, path: Path, new: Sum, others: Iterable[Path] = ()) -> None:
        """Write down that a file is about to become `new`.

        Parameters
        ----------
        others
            Files that belong to it: of an older project their sums are not known yet, and taken once.

        Raises
        ------
        DiskError
            The disk refuses, and what was written down before cannot be taken away either.
        """
        if self.path is not None:
            known = {key_of(other): _may_be(other, ()) for other in others if not self.of(other) and other.exists()}
            known |= {**self.known, key_of(path): (new, *_may_be(path, self.of(path)))[:_MOST]}
            self._write(known)

    def appeared(self, path: Path) -> None:
        """Write down that a file is there that was not, so that it is missed when it is gone; raise `DiskError`."""
        found = self.of(path)
        if ABSENT in found:
            self._write({**self.known, key_of(path): tuple(item for item in found if item != ABSENT)})

    def give_up_after(self, seq: int, paths: Iterable[Path]) -> None:
        """Write down that `paths` hold no action after `seq`: the journal gives those numbers to others from now on.

        Raises
        ------
        DiskError
            As `expect`.
        """
        given_up = {
            key_of(path): tuple(replace(item, seq=min(item.seq, seq)) for item in self.of(path))
            for path in paths
            if any(item.seq > seq for item in self.of(path))
        }
        if given_up:
            self._write({**self.known, **given_up})

    def _write(self, known: Mapping[str, tuple[Sum, ...]]) -> None:
        if self.path is None:
            return
        try:
            make_folders(self.path.parent, self._disk)
            write_atomic(self.path, _encoded(known), self._disk)
        except DiskError as error:
            # No sums are better than wrong ones, and nobody's labels wait for them.
            known = {}
            try:
                self._disk.unlink(self.path)
            except FileNotFoundError:
                pass
            except OSError:
                raise error from None
        self._known = dict(known)


def key_of(path: Path) -> str:
    """Return what a file is called among the sums: name and folder, as ``labels/a.tif``."""
    return f"{path.parent.name}/{path.name}" if path.parent.name in ("labels", "regions") else path.name


def _may_be(path: Path, known: tuple[Sum, ...]) -> tuple[Sum, ...]:
    """Return the versions that a file may have now."""
    try:
        found = [item for item in known if item.looks_like(path)]
        if found or known:
            return tuple(found[:1]) or known
        stat = path.stat()
        return (Sum(sum_of_file(path), stat.st_size, stat.st_mtime_ns),)  # once, of a project without sums
    except FileNotFoundError:
        return (ABSENT,)
    except OSError:
        return known


def read_sums(path: Path) -> dict[str, tuple[Sum, ...]]:
    """Read sums; none when there is no file.

    Raises
    ------
    BadInput
        The file is damaged, cannot be read, or comes from a newer program.
    """
    try:
        with open_regular(path) as file:
            data = file.read(_SIZE_LIMIT + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadInput(
            f"{path.name} cannot be read: {error.strerror or error}.", code="sums-unreadable", path=path
        ) from error
    body, _, check = data.partition(b"\n")
    if len(data) > _SIZE_LIMIT or check != _check(body):
        raise _damaged(path)
    try:
        content = json.loads(body)
        if content["schema_version"] > SCHEMA_VERSION:
            raise BadInput(f"{path.name} was written by a newer SegStudio.", code="newer-format", path=path)
        return {str(name): tuple(map(_sum, items)) for name, items in content["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error


def _sum(item: list[Any]) -> Sum:
    digest, size, modified, seq = item
    return Sum(str(digest), int(size), int(modified), int(seq))


def _encoded(known: Mapping[str, tuple[Sum, ...]]) -> bytes:
    files = {name: [astuple(item) for item in items] for name, items in sorted(known.items())}
    body = json.dumps({"schema_version": SCHEMA_VERSION, "files": files}, ensure_ascii=False).encode("utf-8", "replace")
    return body + b"\n" + _check(body)


def _check(body: bytes) -> bytes:
    return blake2b(body, digest_size=_CHECK_SIZE).hexdigest().encode() + b"\n"


def _damaged(path: Path) -> BadInput:
    return BadInput(
        f"The sums {path.name} are damaged.",
        hint="They are made anew when the image is saved next.",
        code="sums-damaged",
        path=path,
    )

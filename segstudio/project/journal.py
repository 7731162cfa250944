"""The journal of one image: files of records, each in or out as a whole.

A file is a header line (JSON) and records; each session of the program appends to a file of its own. Order is by
sequence number, never by clock. A torn tail, as a crash leaves it, is cut on reading.
"""

import json
import platform
import re
from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final
from uuid import uuid4

from segstudio.core.errors import BadInput
from segstudio.core.tiles import TileGrid
from segstudio.io.regular_file import TooLarge, limited_bytes
from segstudio.labels.label_map import TILE
from segstudio.project.journal_records import (
    MAGIC,
    JournalRecord,
    claimed_size,
    decode_records,
    encode_record,
    whole_size,
)

#: The header of a newer one must have another length: a version that differs in a bit is taken for damage.
SCHEMA_VERSION: Final = 1
SUFFIX: Final = ".sj"

#: A new file is begun after so many bytes, and none is read that has many times more. An action on a whole image of
#: 1,600 tiles takes 15 MB.
SEGMENT_BYTES: Final = 1 << 28
SIZE_LIMIT: Final = SEGMENT_BYTES << 4
_HEADER_LIMIT: Final = 1 << 16
_NAME: Final = re.compile(r"(\d{12})-([0-9a-f]{12})-\d+\.sj")
#: Bits of a header that may be wrong: all of one byte. Two images differ in more.
_FLIPPED: Final = 8
#: So many times its own length is looked at in a damaged file: hostile ones would take for ever.
_SEARCHED: Final = 4
#: No record ends so.
_ZEROS: Final = bytes(8)


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """Where the journal of an image lies, and which image that is: its id and ``(rows, columns)``."""

    folder: Path
    image_id: str
    shape: tuple[int, int]


@dataclass(frozen=True)
class JournalFile:
    """One file of a journal as it was read.

    Attributes
    ----------
    path
        Where it lies.
    records
        The whole ones, in order.
    damaged
        Whether something before the last of them is no record.
    rest
        So many bytes at the end are no record.
    unread
        So many records lie in these, by the lengths that they claim; ``None`` when nobody can tell, 0 for a record
        that a kill or a power cut has torn.
    """

    path: Path
    records: tuple[JournalRecord, ...]
    damaged: bool = False
    rest: int = 0
    unread: int | None = 0

    @property
    def whole(self) -> bool:
        """Whether every action that was ever written to it can be read."""
        return not self.damaged and self.unread == 0


@dataclass(frozen=True)
class Journal:
    """All records of one image in order, and the files that they come from.

    Attributes
    ----------
    parted
        Number of the first action that two files have with another content, see `segstudio.project.second_truth`.
    """

    records: tuple[JournalRecord, ...]
    files: tuple[JournalFile, ...] = ()
    parted: int | None = None

    @property
    def last(self) -> int:
        """Sequence number of the newest record, 0 when there is none."""
        return self.records[-1].seq if self.records else 0


def new_session() -> str:
    """Return an id for the journal files of one session; those of one computer begin alike."""
    return computer_mark() + uuid4().hex[:8]


def computer_mark() -> str:
    """Return what the sessions of this computer begin with; another one may have the same."""
    return blake2b(platform.node().encode("utf-8", "replace"), digest_size=2).hexdigest()


def mark_of(path: Path) -> str:
    """Return the mark of the computer that wrote a journal file; empty for another name."""
    found = _NAME.match(path.name)
    return found[2][: len(computer_mark())] if found is not None else ""


def is_of_this_computer(path: Path) -> bool:
    """Return whether a journal file was written by this computer, as far as its name tells."""
    return mark_of(path) == computer_mark()


def file_name(first: int, session: str, segment: int) -> str:
    """Return the name of a journal file; names sort in the order of the records."""
    return f"{first:012d}-{session}-{segment}{SUFFIX}"


def encode_header(place: JournalPlace, session: str, first: int, **more: str) -> bytes:
    """Return the first line of a journal file; `more` is for those who know of it."""
    header = {
        **more,
        "segstudio_journal": SCHEMA_VERSION,
        "image": place.image_id,
        "shape": list(place.shape),
        "session": session,
        "first": first,
    }
    return json.dumps(header).encode() + b"\n"


def read_journal(place: JournalPlace) -> Journal:
    """Read all journal files of an image; none when its folder is missing.

    Raises
    ------
    BadInput
        A file cannot be read, belongs to another image, or comes from a newer program. A damaged record and all
        that follow in its file are left out.
    """
    try:
        files = sorted(path for path in place.folder.iterdir() if path.suffix == SUFFIX)
    except FileNotFoundError:
        return Journal(())
    except OSError as error:
        raise _unreadable(place.folder, error) from error
    read = read_files(files, place)
    records: dict[int, JournalRecord] = {}
    twice = set()
    for file in read:
        for record in file.records:
            # After a failed sync a record is written again to the next file; both copies are the same.
            known = records.setdefault(record.seq, record)
            if known is not record and encode_record(known) != encode_record(record):
                twice.add(record.seq)
    return Journal(tuple(records[seq] for seq in sorted(records)), tuple(read), min(twice, default=None))


def read_files(
    paths: Sequence[Path], place: JournalPlace, refused: dict[Path, BadInput] | None = None
) -> list[JournalFile]:
    """Read journal files; what one of them undoes or redoes may lie in any other.

    Parameters
    ----------
    refused
        Takes why a file cannot be read, which is passed over then.

    Raises
    ------
    BadInput
        See `read_journal`; not with `refused`.
    """
    records: dict[int, JournalRecord] = {}
    read = []
    for path in paths:
        try:
            file = read_file(path, place, records)
        except BadInput as error:
            if refused is None:
                raise
            refused[path] = error
            continue
        read.append(file)
        for record in file.records:
            records.setdefault(record.seq, record)
    # What the rescue store gave back begins with an earlier number than the files behind which it was written.
    return [file if file.whole else read_file(file.path, place, records) for file in read]


def read_file(path: Path, place: JournalPlace, known: Mapping[int, JournalRecord]) -> JournalFile:
    """Read one journal file.

    Parameters
    ----------
    known
        Records of other files, for what is undone and redone here.

    Raises
    ------
    BadInput
        See `read_journal`.
    """
    try:
        data = limited_bytes(path, SIZE_LIMIT)
        return decode_file(path, data, place, known)
    except TooLarge as error:
        raise _too_large(path, f"is {error.strerror}, which no journal is") from error
    except MemoryError as error:
        raise _too_large(path, "needs more memory than there is") from error
    except OSError as error:
        raise _unreadable(path, error) from error


def decode_file(path: Path, data: bytes, place: JournalPlace, known: Mapping[int, JournalRecord]) -> JournalFile:
    """Read what a journal file holds or held; as `read_file`."""
    own: dict[int, JournalRecord] = {}
    position, damaged = _check_header(path, data, place)
    if position is None:
        expected, first = expected_header(path, place), data.find(MAGIC)
        if expected is None or expected.startswith(data):  # a kill while it was begun
            return JournalFile(path, ())
        if first < 0:
            return JournalFile(path, (), damaged=True, rest=len(data), unread=None)
        position, damaged = first, True  # the header is gone, what was written after it need not be
    grid, budget, known = TileGrid(place.shape, TILE), _SEARCHED * len(data), dict(known)
    end, search = position, 0 <= position < len(data)
    while search and budget > 0:
        skipped = position > end
        for record, end in decode_records(data, position, grid, ChainMap(own, known)):  # noqa: B007
            own.setdefault(record.seq, record)
            damaged = damaged or skipped
        # Damage ends where the next record begins. Each candidate may claim to be as long as the file.
        position = data.find(MAGIC, max(position, end) + 1)
        search = position >= 0
        budget -= claimed_size(data, position) if search else 0
    return JournalFile(path, tuple(own.values()), damaged, len(data) - end, _unread(data, end))


def _unread(data: bytes, position: int) -> int | None:
    """Return how many records begin at `position`, where none can be read; see `JournalFile`."""
    if data.endswith(_ZEROS):  # a power cut leaves them where something was being written
        return 0
    count = 0
    while position < len(data):
        known = MAGIC.startswith(data[position : position + len(MAGIC)])
        position += whole_size(data, position)
        if position > len(data):
            return count if known else None
        count += 1
    return count


def expected_header(path: Path, place: JournalPlace) -> bytes | None:
    """Return the header that a file in the journal of a project has by its name; ``None`` for another name."""
    found = _NAME.match(path.name)
    return encode_header(place, found[2], int(found[1])) if found is not None else None


def _check_header(path: Path, data: bytes, place: JournalPlace) -> tuple[int | None, bool]:
    """Return where the records begin, ``None`` when there is no header, and whether it is damaged."""
    expected = expected_header(path, place)
    if expected is not None and len(data) >= len(expected):
        flipped = sum((one ^ two).bit_count() for one, two in zip(data, expected, strict=False))
        if flipped <= _FLIPPED:
            return len(expected), flipped > 0
    return _read_header(path, data, place), False


def _read_header(path: Path, data: bytes, place: JournalPlace) -> int | None:
    end = data.find(b"\n", 0, _HEADER_LIMIT)
    if end < 0:
        return None
    try:
        header = json.loads(data[:end])
        version, image, size = header["segstudio_journal"], header["image"], header["shape"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise BadInput(
            f"The journal {path.name} was written by a newer SegStudio.",
            hint="Install the newest version to open this image; nothing was changed.",
            code="newer-format",
            path=path,
        )
    if image != place.image_id or size != list(place.shape):
        raise BadInput(
            f"The journal {path.name} belongs to another image.",
            hint=f"Move it out of {path.parent}.",
            code="journal-foreign",
            path=path,
        )
    return end + 1


def _too_large(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"The journal {path.name} {reason}.",
        hint=f"Close other programs; if SegStudio did not write it, move it out of {path.parent}.",
        code="journal-unreadable",
        path=path,
    )


def _unreadable(path: Path, error: OSError) -> BadInput:
    return BadInput(
        f"The journal {path.name} cannot be read: {error.strerror or error}.",
        hint="Check the drive and its permissions; nothing was changed.",
        code="journal-unreadable",
        path=path,
    )

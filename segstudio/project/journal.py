"""The journal of one image: every finished action as a record that is in or out as a whole.

A file is a header line (JSON) and records; each session of the program appends to a file of its own. Order is by
sequence number, never by clock. A torn tail, as a crash leaves it, is cut on reading.
"""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

import zstandard

from segstudio.core.errors import BadInput
from segstudio.core.tiles import TileGrid, Window
from segstudio.labels.history import PLANES, EditRecord, ObjectChange, TileDelta
from segstudio.labels.label_map import TILE
from segstudio.labels.objects import ObjectInfo, ReviewState, Source

#: ``repair`` brings the object table in step with pixels that another program wrote; it cannot be undone.
Kind = Literal["edit", "undo", "redo", "repair"]
SCHEMA_VERSION: Final = 1
SUFFIX: Final = ".sj"

_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_MAGIC: Final = b"SJR1"
#: magic, payload length, sequence number, kind; then the CRC of these and the payload.
_HEAD: Final = struct.Struct("<4sIQB")
_CRC: Final = struct.Struct("<I")
_LENGTH: Final = struct.Struct("<I")
_HEADER_LIMIT: Final = 4096
_ITEM_SIZES: Final = {"labels": 4, "regions": 1}


@dataclass(frozen=True, slots=True)
class JournalPlace:
    """Where the journal of an image lies, and which image that is: its id and ``(rows, columns)``."""

    folder: Path
    image_id: str
    shape: tuple[int, int]


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One finished action.

    Attributes
    ----------
    seq
        Position in the history of the image, from 1, over all sessions.
    kind
        What happened.
    edit
        What it did: for ``"undo"`` the inverse of the action undone. An undo or redo stores no tiles of its own.
    table_before, table_after
        Digest of the object table (`table_digest`).
    ref
        Sequence number of the action that an undo or redo is about, otherwise 0.
    """

    seq: int
    kind: Kind
    edit: EditRecord
    table_before: bytes
    table_after: bytes
    ref: int = 0


@dataclass(frozen=True)
class Journal:
    """All records of one image in order, and sentences about what was damaged."""

    records: tuple[JournalRecord, ...]
    notices: tuple[str, ...] = ()

    @property
    def last(self) -> int:
        """Sequence number of the newest record, 0 when there is none."""
        return self.records[-1].seq if self.records else 0


def table_digest(objects: Mapping[int, ObjectInfo]) -> bytes:
    """Return the 8-byte digest of an object table: the exclusive or of its rows' hashes, so it can be kept up."""
    total = 0
    for object_id, info in objects.items():
        total ^= _row_hash(object_id, info)
    return total.to_bytes(8, "little")


def changed_digest(digest: bytes, changes: Iterable[ObjectChange]) -> bytes:
    """Return the table's digest after `changes`."""
    total = int.from_bytes(digest, "little")
    for change in changes:
        for info in (change.before, change.after):
            if info is not None:
                total ^= _row_hash(change.id, info)
    return total.to_bytes(8, "little")


def _row_hash(object_id: int, info: ObjectInfo) -> int:
    row = f"{object_id},{info.class_id},{info.source},{info.state}"
    return int.from_bytes(blake2b(row.encode(), digest_size=8).digest(), "little")


def file_name(first: int, session: str, segment: int) -> str:
    """Return the name of a journal file; names sort in the order of the records."""
    return f"{first:012d}-{session}-{segment}{SUFFIX}"


def encode_header(place: JournalPlace, session: str, first: int) -> bytes:
    """Return the first line of a journal file."""
    header = {
        "segstudio_journal": SCHEMA_VERSION,
        "image": place.image_id,
        "shape": list(place.shape),
        "session": session,
        "first": first,
    }
    return json.dumps(header).encode() + b"\n"


def encode_record(record: JournalRecord) -> bytes:
    """Return the bytes of one record."""
    edit, own = record.edit, record.ref == 0
    window = edit.window
    meta = {
        "name": edit.name,
        "window": [window.y0, window.x0, window.y1, window.x1],
        "ref": record.ref,
        "table": [record.table_before.hex(), record.table_after.hex()],
        "tiles": [[t.plane, *t.key, len(t.xor), t.before.hex(), t.after.hex()] for t in edit.tiles] if own else [],
        "objects": [[c.id, _row(c.before), _row(c.after)] for c in edit.objects] if own else [],
    }
    text = json.dumps(meta, separators=(",", ":")).encode()
    blobs = [delta.xor for delta in edit.tiles] if own else []
    payload = b"".join((_LENGTH.pack(len(text)), text, *blobs))
    head = _HEAD.pack(_MAGIC, len(payload), record.seq, _KINDS.index(record.kind))
    return b"".join((head, _CRC.pack(zlib.crc32(payload, zlib.crc32(head))), payload))


def _row(info: ObjectInfo | None) -> list[int | str] | None:
    return None if info is None else [info.class_id, info.source, info.state]


def read_journal(place: JournalPlace) -> Journal:
    """Read all journal files of an image; none when its folder is missing.

    Raises
    ------
    BadInput
        A file cannot be read, belongs to another image, or comes from a newer program. A damaged record and all
        that follow in its file are left out, with a notice unless it is the torn last one.
    """
    try:
        files = sorted(path for path in place.folder.iterdir() if path.suffix == SUFFIX)
    except FileNotFoundError:
        return Journal(())
    except OSError as error:
        raise _unreadable(place.folder, error) from error
    records: dict[int, JournalRecord] = {}
    notices = []
    for path in files:
        try:
            data = path.read_bytes()
        except OSError as error:
            raise _unreadable(path, error) from error
        body = _check_header(path, data, place)
        position = body
        for record, position in _records(data, body, TileGrid(place.shape, TILE), records):  # noqa: B007
            # After a failed sync a record is written again to the next file; both copies are the same.
            records.setdefault(record.seq, record)
        if data.find(_MAGIC, position + 1) >= 0:
            notices.append(f"The journal {path.name} is damaged; actions after the damage could not be restored.")
    return Journal(tuple(records[seq] for seq in sorted(records)), tuple(notices))


def _check_header(path: Path, data: bytes, place: JournalPlace) -> int:
    """Return where the records begin; the end of the file when the header itself is torn."""
    end = data.find(b"\n", 0, _HEADER_LIMIT)
    if end < 0:
        return len(data)
    try:
        header = json.loads(data[:end])
        version, image, size = header["segstudio_journal"], header["image"], header["shape"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return len(data)
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


def _records(
    data: bytes, position: int, grid: TileGrid, known: Mapping[int, JournalRecord]
) -> Iterator[tuple[JournalRecord, int]]:
    """Yield the whole records from `position` on, each with where it ends, up to the first that is not."""
    while position + _HEAD.size + _CRC.size <= len(data):
        magic, length, seq, kind = _HEAD.unpack_from(data, position)
        start = position + _HEAD.size + _CRC.size
        end = start + length
        if magic != _MAGIC or end > len(data) or kind >= len(_KINDS):
            return
        (crc,) = _CRC.unpack_from(data, position + _HEAD.size)
        payload = memoryview(data)[start:end]
        if crc != zlib.crc32(payload, zlib.crc32(data[position : position + _HEAD.size])):
            return
        try:
            record = _decode(seq, _KINDS[kind], bytes(payload), grid, known)
        except (ValueError, KeyError, TypeError, struct.error, RecursionError, zstandard.ZstdError):
            return
        position = end
        yield record, position


def _decode(seq: int, kind: Kind, payload: bytes, grid: TileGrid, known: Mapping[int, JournalRecord]) -> JournalRecord:
    """Return a record; whatever is wrong with it raises one of the errors that `_records` takes for damage."""
    (length,) = _LENGTH.unpack_from(payload)
    meta = json.loads(payload[_LENGTH.size : _LENGTH.size + length])
    before, after = (bytes.fromhex(text) for text in meta["table"])
    ref = int(meta["ref"])
    window = Window(*(int(value) for value in meta["window"]))
    if ref:
        edit = known[ref].edit
        edit = replace(edit.inverse if kind == "undo" else edit, name=str(meta["name"]))
    else:
        tiles = tuple(_deltas(meta["tiles"], payload, _LENGTH.size + length, grid))
        objects = tuple(
            ObjectChange(_positive(object_id), _info(old), _info(new)) for object_id, old, new in meta["objects"]
        )
        edit = EditRecord(str(meta["name"]), tiles, objects, window.clip(grid.shape))
    return JournalRecord(seq, kind, edit, before, after, ref)


def _deltas(entries: list[Any], payload: bytes, position: int, grid: TileGrid) -> Iterator[TileDelta]:
    for plane, row, column, length, before, after in entries:
        if plane not in PLANES or not (0 <= row < grid.rows and 0 <= column < grid.columns):
            raise ValueError("tile outside of the image")
        xor = payload[position : position + length]
        position += length
        area = grid.window((row, column))
        # A hostile header could claim any size, and the decoder would reserve it.
        if zstandard.frame_content_size(xor) != area.height * area.width * _ITEM_SIZES[plane]:
            raise ValueError("tile of another size")
        yield TileDelta(plane, (row, column), xor, bytes.fromhex(before), bytes.fromhex(after))


def _info(row: list[Any] | None) -> ObjectInfo | None:
    if row is None:
        return None
    class_id, source, state = row
    if source not in get_args(Source) or state not in get_args(ReviewState):
        raise ValueError("unknown source or state")
    return ObjectInfo(_positive(class_id), cast("Source", source), cast("ReviewState", state))


def _positive(value: object) -> int:
    if not isinstance(value, int) or not 0 < value < 2**31:
        raise ValueError("no id")
    return value


def _unreadable(path: Path, error: OSError) -> BadInput:
    return BadInput(
        f"The journal {path.name} cannot be read: {error.strerror or error}.",
        hint="Check the drive and its permissions; nothing was changed.",
        code="journal-unreadable",
        path=path,
    )

"""Records of the journal: one finished action each, as bytes and back."""

import json
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any, Final, Literal, cast, get_args

import zstandard

from segstudio.core.tiles import TileGrid, Window
from segstudio.labels.history import PLANES, EditRecord, ObjectChange, TileDelta
from segstudio.labels.objects import ObjectInfo, ReviewState, Source

#: ``repair`` brings the object table in step with pixels that another program wrote; it cannot be undone.
Kind = Literal["edit", "undo", "redo", "repair"]

_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
MAGIC: Final = b"SJR1"
#: magic, payload length, sequence number, kind; then the CRC of these and the payload.
_HEAD: Final = struct.Struct("<4sIQB")
_CRC: Final = struct.Struct("<I")
_LENGTH: Final = struct.Struct("<I")
_ITEM_SIZES: Final = {"labels": 4, "regions": 1}


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
        What it did: for ``"undo"`` the inverse of the action undone. An undo or redo stores no tiles of its own where
        that action lies in the same file.
    table_before, table_after
        Digest of the object table (`table_digest`).
    ref
        Sequence number of the action that an undo or redo is about, otherwise 0. When that one is no longer in the
        journal, nothing before the record can be undone.
    prev
        `identity` of the record before it: of two journals that have the same numbers, what follows from which.
        Empty for the first record, and in journals of earlier versions.
    """

    seq: int
    kind: Kind
    edit: EditRecord
    table_before: bytes
    table_after: bytes
    ref: int = 0
    prev: bytes = b""

    @property
    def identity(self) -> bytes:
        """Digest of what was done and of all before it; takes a microsecond a tile."""
        edit = self.edit
        words = (self.prev, self.seq, self.kind, self.ref, edit.name, self.table_before, self.table_after)
        tiles = sorted((delta.plane, delta.key, delta.before, delta.after) for delta in edit.tiles)
        rows = sorted((change.id, _row(change.before), _row(change.after)) for change in edit.objects)
        return blake2b(repr((words, tiles, rows)).encode("utf-8", "surrogatepass"), digest_size=8).digest()


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


def joined_digest(digest: bytes, change: bytes) -> bytes:
    """Return the table's digest after changes of which `changed_digest` of eight zero bytes returned `change`."""
    return (int.from_bytes(digest, "little") ^ int.from_bytes(change, "little")).to_bytes(8, "little")


def _row_hash(object_id: int, info: ObjectInfo) -> int:
    row = f"{object_id},{info.class_id},{info.source},{info.state}"
    return int.from_bytes(blake2b(row.encode(), digest_size=8).digest(), "little")


def encode_records(records: Iterable[JournalRecord], held: Iterable[int] = ()) -> bytes:
    """Return the bytes of records for a file that can be read when all other files are gone.

    Parameters
    ----------
    held
        Numbers of the records that the file has already.
    """
    there, parts = set(held), []
    for record in records:
        parts.append(encode_record(record, whole=record.ref not in there))
        there.add(record.seq)
    return b"".join(parts)


def encode_record(record: JournalRecord, *, whole: bool = False) -> bytes:
    """Return the bytes of one record.

    Parameters
    ----------
    whole
        Whether an undo or redo stores the tiles as well that the action it is about has.
    """
    edit, own = record.edit, whole or record.ref == 0
    window = edit.window
    meta = {
        "name": edit.name,
        "window": [window.y0, window.x0, window.y1, window.x1],
        "ref": record.ref,
        "table": [record.table_before.hex(), record.table_after.hex()],
        "tiles": [[t.plane, *t.key, len(t.xor), t.before.hex(), t.after.hex()] for t in edit.tiles] if own else [],
        "objects": [[c.id, _row(c.before), _row(c.after)] for c in edit.objects] if own else [],
    }
    if own and record.ref:
        meta["whole"] = True
    if record.prev:
        meta["prev"] = record.prev.hex()
    text = json.dumps(meta, separators=(",", ":")).encode()
    blobs = [delta.xor for delta in edit.tiles] if own else []
    payload = b"".join((_LENGTH.pack(len(text)), text, *blobs))
    head = _HEAD.pack(MAGIC, len(payload), record.seq, _KINDS.index(record.kind))
    return b"".join((head, _CRC.pack(zlib.crc32(payload, zlib.crc32(head))), payload))


def _row(info: ObjectInfo | None) -> list[int | str] | None:
    return None if info is None else [info.class_id, info.source, info.state]


def claimed_size(data: bytes, position: int) -> int:
    """Return how many bytes have to be looked at to know whether a record begins at `position`."""
    if position + _HEAD.size > len(data):
        return _HEAD.size
    return _HEAD.size + min(int(_HEAD.unpack_from(data, position)[1]), len(data))


def whole_size(data: bytes, position: int) -> int:
    """Return how long the record at `position` says to be as a whole; more than there is where its head is torn."""
    if position + _HEAD.size + _CRC.size > len(data):
        return len(data) + 1
    return _HEAD.size + _CRC.size + int(_HEAD.unpack_from(data, position)[1])


def decode_records(
    data: bytes, position: int, grid: TileGrid, known: Mapping[int, JournalRecord]
) -> Iterator[tuple[JournalRecord, int]]:
    """Yield the whole records from `position` on, each with where it ends, up to the first that is not."""
    while position + _HEAD.size + _CRC.size <= len(data):
        magic, length, seq, kind = _HEAD.unpack_from(data, position)
        start = position + _HEAD.size + _CRC.size
        end = start + length
        if magic != MAGIC or end > len(data) or kind >= len(_KINDS):
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
    """Return a record; whatever is wrong with it raises one of the errors that `decode_records` takes for damage."""
    (length,) = _LENGTH.unpack_from(payload)
    meta = json.loads(payload[_LENGTH.size : _LENGTH.size + length])
    before, after, prev = (bytes.fromhex(text) for text in (*meta["table"], meta.get("prev", "")))
    ref = int(meta["ref"])
    window = Window(*(int(value) for value in meta["window"]))
    if ref and meta.get("whole") is not True:
        edit = known[ref].edit
        edit = replace(edit.inverse if kind == "undo" else edit, name=str(meta["name"]))
    else:
        tiles = tuple(_deltas(meta["tiles"], payload, _LENGTH.size + length, grid))
        objects = tuple(
            ObjectChange(_positive(object_id), _info(old), _info(new)) for object_id, old, new in meta["objects"]
        )
        edit = EditRecord(str(meta["name"]), tiles, objects, window.clip(grid.shape))
    return JournalRecord(seq, kind, edit, before, after, ref, prev)


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

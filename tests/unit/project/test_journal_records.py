"""Records of the journal: the same bytes in every version, each field there and back, and nothing that cannot be."""

import json
import struct
import zlib
from dataclasses import replace
from hashlib import blake2b
from typing import Any, get_args

import numpy as np
import pytest
import zstandard

from segstudio.core.tiles import TileGrid, Window
from segstudio.labels.history import EditRecord, ObjectChange, TileDelta
from segstudio.labels.label_map import TILE
from segstudio.labels.objects import ObjectInfo, ReviewState, Source
from segstudio.project.journal_records import (
    JournalRecord,
    claimed_size,
    decode_records,
    encode_record,
    encode_records,
    table_digest,
    whole_size,
)

#: Two rows of three tiles, the last ones narrow.
SHAPE = (600, 1100)
GRID = TileGrid(SHAPE, TILE)
LARGEST = 2**31 - 1


def packed(shape: tuple[int, int], size: int) -> bytes:
    return zstandard.ZstdCompressor(level=1).compress(bytes(shape[0] * shape[1] * size))


def delta(plane: str, key: tuple[int, int], xor: bytes | None = None) -> TileDelta:
    xor = xor or packed(GRID.tile_shape(key), 4 if plane == "labels" else 1)
    return TileDelta(plane, key, xor, b"before  ", b"after   ")  # type: ignore[arg-type]


def edit(
    tiles: tuple[TileDelta, ...] = (), objects: tuple[ObjectChange, ...] = (), window: Window | None = None
) -> EditRecord:
    return EditRecord("a name — µ", tiles, objects, window or Window(1, 2, 30, 40))


def record(number: int, what: EditRecord, kind: str = "edit", ref: int = 0) -> JournalRecord:
    return JournalRecord(number, kind, what, b"table 1 ", b"table 2 ", ref)  # type: ignore[arg-type]


def decoded(data: bytes, known: dict[int, JournalRecord] | None = None) -> list[JournalRecord]:
    return [found for found, _ in decode_records(data, 0, GRID, known or {})]


def test_a_record_is_the_same_bytes_in_every_version() -> None:
    tile = delta("labels", (1, 2), b"packed pixels")
    rows = (
        ObjectChange(7, None, ObjectInfo(3, "model", "accepted")),
        ObjectChange(9, ObjectInfo(state="unreviewed"), None),
    )
    text = (
        '{"name":"a name \\u2014 \\u00b5","window":[1,2,30,40],"ref":0,'
        '"table":["7461626c65203120","7461626c65203220"],'
        '"tiles":[["labels",1,2,13,"6265666f72652020","6166746572202020"]],'
        '"objects":[[7,null,[3,"model","accepted"]],[9,[1,"hand","unreviewed"],null]]}'
    )
    payload = struct.pack("<I", len(text)) + text.encode() + b"packed pixels"
    head = b"SJR1" + struct.pack("<IQB", len(payload), 5, 0)
    crc = struct.pack("<I", zlib.crc32(head + payload))
    assert encode_record(record(5, edit((tile,), rows))) == head + crc + payload


def test_the_digest_of_a_table_is_the_same_on_every_computer() -> None:
    row, other = (blake2b(text, digest_size=8).digest() for text in (b"1,1,hand,unreviewed", b"9,2,model,accepted"))
    assert row.hex() == "a0bf65251c744db5"
    assert table_digest({}) == bytes(8)
    assert table_digest({1: ObjectInfo(state="unreviewed")}) == row
    both = bytes(one ^ two for one, two in zip(row, other, strict=True))
    assert table_digest({1: ObjectInfo(state="unreviewed"), 9: ObjectInfo(2, "model", "accepted")}) == both


@pytest.mark.parametrize("state", get_args(ReviewState))
@pytest.mark.parametrize("source", get_args(Source))
def test_every_source_and_state_of_an_object_comes_back(source: Any, state: Any) -> None:
    rows = (
        ObjectChange(LARGEST, None, ObjectInfo(LARGEST, source, state)),
        ObjectChange(1, ObjectInfo(1, source, state), None),
    )
    made = record(1, edit(objects=rows))
    assert decoded(encode_record(made)) == [made]


def test_every_tile_of_both_planes_comes_back() -> None:
    tiles = tuple(delta(plane, key) for plane in ("labels", "regions") for key in GRID.keys())  # noqa: SIM118
    assert len(tiles) == 12
    made = record(2**40, edit(tiles))
    assert decoded(encode_record(made)) == [made]


def test_an_undo_stores_no_tiles_and_has_its_own_name() -> None:
    rows = (ObjectChange(7, None, ObjectInfo(3)),)
    first = record(1, edit((delta("labels", (0, 0)),), rows))
    for kind in ("undo", "redo"):
        what = first.edit.inverse if kind == "undo" else first.edit
        again = record(2, EditRecord(f"{kind} of it", what.tiles, what.objects, what.window), kind, 1)
        data = encode_record(again)
        assert len(data) < len(encode_record(first))
        assert b'"tiles":[],"objects":[]' in data
        assert first.edit.tiles[0].xor not in data
        assert decoded(data, {1: first}) == [again]
        assert decoded(data) == [], "what it is about is not known"
        assert decoded(encode_records([again])) == [again], "in a file of its own it is whole"
        assert encode_records([again], held=[1]) == data
        assert encode_records([first, again]) == encode_record(first) + data


def test_a_record_knows_the_one_before_it() -> None:
    first = record(1, edit((delta("labels", (0, 0)),)))
    second = replace(record(2, edit((delta("labels", (0, 1)),))), prev=first.identity)
    (found,) = decoded(encode_record(second))
    assert found == second
    assert found.identity == second.identity
    other = record(1, edit((delta("labels", (1, 0)),)))
    assert replace(second, prev=other.identity).identity != second.identity
    what = second.edit.inverse
    undone = JournalRecord(3, "undo", replace(what, name="Undo"), bytes(8), bytes(8), 2, second.identity)
    (read,) = decoded(encode_record(undone), {2: second})
    assert read.identity == undone.identity


def test_a_window_is_cut_by_the_image() -> None:
    (found,) = decoded(encode_record(record(1, edit(window=Window(-5, 0, 9_000, 9_000)))))
    assert found.edit.window == Window(0, 0, *SHAPE)


def written(meta: dict[str, Any], blob: bytes = b"", kind: int = 0, magic: bytes = b"SJR1") -> bytes:
    text = json.dumps(meta).encode()
    payload = struct.pack("<I", len(text)) + text + blob
    head = struct.pack("<4sIQB", magic, len(payload), 1, kind)
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


PLAIN: dict[str, Any] = {
    "name": "x", "window": [0, 0, 1, 1], "ref": 0, "table": ["00" * 8, "00" * 8], "tiles": [], "objects": [],
}  # fmt: skip


@pytest.mark.parametrize("kind", range(6))
def test_there_are_four_kinds(kind: int) -> None:
    assert len(decoded(written(PLAIN, kind=kind))) == (kind < 4)


@pytest.mark.parametrize(
    ("plane", "key", "good"),
    [
        ("labels", (0, 0), True),
        ("regions", (1, 2), True),
        ("labels", (2, 0), False),
        ("labels", (0, 3), False),
        ("labels", (-1, 0), False),
        ("labels", (0, -1), False),
        ("secrets", (0, 0), False),
        ("secrets", (9, 9), False),
    ],
)
def test_only_tiles_of_the_image_are_taken(plane: str, key: tuple[int, int], good: bool) -> None:
    blob = packed(GRID.tile_shape(key) if good else (512, 512), 1 if plane == "regions" else 4)
    entry = [plane, *key, len(blob), "00" * 8, "00" * 8]
    assert len(decoded(written({**PLAIN, "tiles": [entry]}, blob))) == good


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**31 - 1, 63, 1, 1.5, "1", None])
def test_an_id_is_a_whole_number_that_fits_into_a_pixel(number: object) -> None:
    good = isinstance(number, int) and 0 < number < 2**31
    for entry in ([number, None, [1, "hand", "accepted"]], [1, None, [number, "hand", "accepted"]]):
        assert len(decoded(written({**PLAIN, "objects": [entry]}))) == good


def test_a_record_is_whole_with_its_last_byte() -> None:
    one, two = record(1, edit()), record(2, edit((delta("regions", (1, 1)),)))
    data = encode_record(one) + encode_record(two)
    ends = [end for _, end in decode_records(data, 0, GRID, {})]
    assert ends == [len(encode_record(one)), len(data)]
    assert decoded(data) == [one, two]
    assert decoded(data[:-1]) == [one]
    assert len(decoded(written(PLAIN))) == 1
    assert decoded(written(PLAIN, magic=b"SJR2")) == []


def test_lengths_are_those_that_heads_claim() -> None:
    data = encode_record(record(1, edit((delta("labels", (0, 0)),))))
    head = 4 + 4 + 8 + 1
    assert whole_size(data, 0) == len(data)
    assert whole_size(b"xx" + data, 2) == len(data)
    assert whole_size(data[: head + 4], 0) == len(data)
    assert whole_size(data[: head + 3], 0) > head + 3, "a torn head is longer than what is there"
    assert claimed_size(data, 0) == len(data) - 4
    assert claimed_size(b"xx" + data, 2) == len(data) - 4
    assert claimed_size(data[:head], 0) == 2 * head, "no more than there is"
    assert claimed_size(data[: head - 1], 0) == head
    assert claimed_size(data + bytes(np.iinfo(np.int16).max), 0) == len(data) - 4

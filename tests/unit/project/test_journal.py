"""The journal on the disk: whole records or none, and replay that finds its place by itself."""

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import zstandard
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.labels.history import EditRecord, ObjectChange, Planes
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.transaction import Transaction
from segstudio.project.journal import JournalPlace, encode_header, read_journal
from segstudio.project.journal_records import JournalRecord, changed_digest, encode_record, table_digest
from segstudio.project.replay import replay

SHAPE = (600, 700)


def paint(planes: Planes, seed: int) -> EditRecord:
    """Paint one object, or erase a patch, somewhere on a tile border."""
    rng = np.random.default_rng(seed)
    y, x = (int(value) for value in rng.integers(450, 560, 2))
    tx = Transaction(planes, f"edit {seed}")
    value = tx.next_id() if rng.random() < 0.7 else 0
    window = Window(y, x, y + 30, x + 25)
    tx.write("labels", window, np.full(window.shape, value, np.int32))
    if value:
        tx.set_object(value, ObjectInfo(class_id=1 + seed % 3))
    if rng.random() < 0.3:
        tx.write("regions", window, np.full(window.shape, 1 + seed % 2, np.uint8))
    record = tx.commit()
    if record is None:
        return paint(planes, seed + 1)
    return record


def history(count: int, seed: int = 0) -> tuple[list[JournalRecord], list[Planes]]:
    """Return records with some undo and redo, and the planes after each (the first: before all)."""
    rng = np.random.default_rng(seed)
    planes, records, states = Planes.empty(SHAPE), [], []
    done: list[JournalRecord] = []
    undone: list[JournalRecord] = []
    states.append(copy_of(planes))
    for number in range(1, count + 1):
        choice = rng.random()
        if choice < 0.25 and done:
            origin = done.pop()
            undone.append(origin)
            kind, edit, ref = "undo", origin.edit.inverse, origin.seq
            planes.apply(edit)
        elif choice < 0.4 and undone:
            origin = undone.pop()
            done.append(origin)
            kind, edit, ref = "redo", origin.edit, origin.seq
            planes.apply(edit)
        else:
            kind, edit, ref = "edit", paint(planes, seed * 1000 + number), 0
            undone.clear()
        before = records[-1].table_after if records else bytes(8)
        record = JournalRecord(number, kind, edit, before, changed_digest(before, edit.objects), ref)
        if kind == "edit":
            done.append(record)
        records.append(record)
        states.append(copy_of(planes))
    return records, states


def copy_of(planes: Planes) -> Planes:
    return Planes(planes.labels.snapshot(), planes.regions.snapshot(), ObjectTable(dict(planes.objects)))


def same(one: Planes, two: Planes) -> bool:
    return (
        np.array_equal(one.labels.to_array(), two.labels.to_array())
        and np.array_equal(one.regions.to_array(), two.regions.to_array())
        and dict(one.objects) == dict(two.objects)
    )


def write(folder: Path, records: list[JournalRecord], name: str = "000000000001-a-0.sj") -> JournalPlace:
    place = JournalPlace(folder, "img", SHAPE)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(encode_header(place, "a", 1) + b"".join(map(encode_record, records)))
    return place


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    records, _ = history(25, seed=3)
    place = write(tmp_path / "j", records)
    assert list(read_journal(place).records) == records
    assert all(file.whole for file in read_journal(place).files)


def test_a_missing_journal_is_an_empty_one(tmp_path: Path) -> None:
    assert read_journal(JournalPlace(tmp_path / "none", "img", SHAPE)).records == ()


def test_a_file_cut_at_any_byte_gives_the_whole_records_before_the_cut(tmp_path: Path) -> None:
    records, _ = history(4, seed=1)
    place = write(tmp_path / "j", records)
    path = tmp_path / "j" / "000000000001-a-0.sj"
    data = path.read_bytes()
    ends = [len(encode_header(place, "a", 1))]
    for record in records:
        ends.append(ends[-1] + len(encode_record(record)))
    for cut in range(len(data) + 1):
        path.write_bytes(data[:cut])
        whole = max((index for index, end in enumerate(ends) if end <= cut), default=0)
        found = read_journal(place)
        assert list(found.records) == records[:whole], cut
        assert not any(file.damaged for file in found.files), "an action that was never finished is no damage"


def test_a_torn_tail_filled_with_zeros_is_cut(tmp_path: Path) -> None:
    records, _ = history(5, seed=2)
    place = write(tmp_path / "j", records[:4])
    path = tmp_path / "j" / "000000000001-a-0.sj"
    torn = encode_record(records[4])
    path.write_bytes(path.read_bytes() + torn[: len(torn) // 2] + bytes(len(torn)))
    assert list(read_journal(place).records) == records[:4]


def test_every_flipped_bit_is_found(tmp_path: Path) -> None:
    records, _ = history(3, seed=5)
    place = write(tmp_path / "j", records)
    path = tmp_path / "j" / "000000000001-a-0.sj"
    data = path.read_bytes()
    start = len(encode_header(place, "a", 1))
    rng = np.random.default_rng(0)
    for position in rng.integers(start, len(data), 150):
        damaged = bytearray(data)
        damaged[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        found = {record.seq: record for record in read_journal(place).records}
        assert [found.get(record.seq, record) for record in records] == records, position
        assert len(found) == len(records) - 1, "the damage has left its record"


def test_damage_before_the_end_is_told(tmp_path: Path) -> None:
    records, _ = history(3, seed=5)
    place = write(tmp_path / "j", records)
    path = tmp_path / "j" / "000000000001-a-0.sj"
    data = bytearray(path.read_bytes())
    data[len(encode_header(place, "a", 1)) + 30] ^= 1
    path.write_bytes(data)
    assert [file.damaged for file in read_journal(place).files] == [True]


def test_records_written_twice_count_once(tmp_path: Path) -> None:
    records, _ = history(6, seed=4)
    write(tmp_path / "j", records[:4])
    place = write(tmp_path / "j", records[2:], "000000000003-a-1.sj")
    assert list(read_journal(place).records) == records


@pytest.mark.parametrize("seed", range(6))
def test_what_is_undone_may_lie_in_a_file_that_sorts_behind(tmp_path: Path, seed: int) -> None:
    records, _ = history(14, seed)
    write(tmp_path / "j", records[:4])
    write(tmp_path / "j", records[4:9], "000000000005-b-0.sj")
    place = write(tmp_path / "j", [*records[4:6], *records[9:]], "000000000005-a-0.sj")
    found = read_journal(place)
    assert list(found.records) == records
    assert all(file.whole for file in found.files)


def test_a_journal_of_another_image_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "j", history(1)[0])
    with pytest.raises(BadInput, match="another image"):
        read_journal(JournalPlace(tmp_path / "j", "other", SHAPE))


def test_a_journal_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    place = write(tmp_path / "j", history(1)[0])
    path = tmp_path / "j" / "000000000001-a-0.sj"
    path.write_bytes(path.read_bytes().replace(b'"segstudio_journal": 1', b'"segstudio_journal": 9'))
    with pytest.raises(BadInput, match="newer"):
        read_journal(place)


@settings(max_examples=60)
@given(data=st.binary(max_size=300))
def test_random_bytes_never_crash_the_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    folder = tmp_path_factory.mktemp("j")
    place = write(folder, [])
    path = folder / "000000000001-a-0.sj"
    path.write_bytes(path.read_bytes() + b"SJR1" + data)
    assert read_journal(place).records == ()


@settings(max_examples=40)
@given(seed=st.integers(0, 10_000), published=st.integers(0, 12), again=st.integers(0, 12))
def test_replay_from_any_published_state_is_exact_and_idempotent(seed: int, published: int, again: int) -> None:
    records, states = history(12, seed)
    # Label file, region file and table are published one after the other: each may be of another moment.
    disk = Planes(
        states[published].labels.snapshot(), states[again].regions.snapshot(), copy_of(states[published]).objects
    )
    result = replay(disk, records)
    assert same(disk, states[-1])
    assert not result.foreign
    assert not result.lost
    second = replay(disk, records)
    assert same(disk, states[-1])
    assert not second.changed


@settings(max_examples=25)
@given(seed=st.integers(0, 10_000), published=st.integers(0, 8), value=st.integers(1000, 2000))
def test_a_foreign_edit_is_noticed_and_own_work_rebuilt(seed: int, published: int, value: int) -> None:
    records, states = history(8, seed)
    disk = copy_of(states[published])
    touched = {delta.key for record in records for delta in record.edit.tiles if delta.plane == "labels"}
    assume(touched)  # there are histories that paint nothing but regions
    key = sorted(touched)[0]
    area = disk.labels.grid.window(key)
    disk.labels.write(Window(area.y0, area.x0, area.y0 + 3, area.x0 + 3), np.full((3, 3), value, np.int32))
    result = replay(disk, records, lambda: copy_of(states[0]))
    assert ("labels", key) in result.foreign
    assert same(disk, states[-1])


def test_what_cannot_be_rebuilt_stays_as_it_is_on_the_disk() -> None:
    records, states = history(8, 1)
    key = records[0].edit.tiles[0].key
    later = [record for record in records[1:] if any(delta.key == key for delta in record.edit.tiles)]
    disk = copy_of(states[4])
    area = disk.labels.grid.window(key)
    disk.labels.write(Window(area.y0, area.x0, area.y0 + 3, area.x0 + 3), np.full((3, 3), 7777, np.int32))
    result = replay(disk, later)
    assert ("labels", key) in result.lost
    assert disk.labels.value(area.y0, area.x0) == 7777


def test_the_table_digest_follows_changes() -> None:
    objects = {1: ObjectInfo(), 2: ObjectInfo(class_id=2)}
    change = ObjectChange(2, objects[2], ObjectInfo(class_id=3))
    assert changed_digest(table_digest(objects), (change,)) == table_digest(
        {1: ObjectInfo(), 2: ObjectInfo(class_id=3)}
    )
    assert table_digest({}) == bytes(8)


def test_no_id_of_an_undone_object_is_used_again() -> None:
    records, states = history(12, 3)
    disk = copy_of(states[0])
    replay(disk, records)
    used = {change.id for record in records for change in record.edit.objects}
    assert disk.objects.next_id() > max(used)


def test_a_journal_that_cannot_be_read_is_told_with_its_name(tmp_path: Path) -> None:
    place = write(tmp_path / "j", history(2)[0])
    (tmp_path / "j" / "000000000003-b-0.sj").mkdir()
    with pytest.raises(BadInput, match=r"000000000003-b-0\.sj cannot be read"):
        read_journal(place)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(BadInput, match="cannot be read"):
        read_journal(JournalPlace(tmp_path / "file", "img", SHAPE))


def hostile(meta: str, blob: bytes = b"") -> bytes:
    """Return a record that is whole, and of which the content is what a stranger wrote."""
    text = meta.encode()
    payload = struct.pack("<I", len(text)) + text + blob
    head = struct.pack("<4sIQB", b"SJR1", len(payload), 1, 0)
    return head + struct.pack("<I", zlib.crc32(payload, zlib.crc32(head))) + payload


@pytest.mark.parametrize(
    ("tiles", "objects", "blob"),
    [
        ([["labels", 9, 0, 9, "00", "00"]], [], b""),
        ([["secrets", 0, 0, 9, "00", "00"]], [], b""),
        ([["labels", 0, 0, 30, "00", "00"]], [], zstandard.ZstdCompressor().compress(bytes(1 << 25))),
        ([], [[0, None, [1, "hand", "accepted"]]], b""),
        ([], [[1, None, [1, "magic", "accepted"]]], b""),
        ([], [[1, None, [2**31, "hand", "accepted"]]], b""),
        ([], [[1, None]], b""),
    ],
)
def test_a_record_of_what_cannot_be_is_damage(
    tmp_path: Path, tiles: list[object], objects: list[object], blob: bytes
) -> None:
    meta = {"name": "x", "window": [0, 0, 1, 1], "ref": 0, "table": ["00", "00"], "tiles": tiles, "objects": objects}
    if blob:
        meta["tiles"][0][3] = len(blob)  # type: ignore[index]
    place = write(tmp_path / "j", [])
    path = tmp_path / "j" / "000000000001-a-0.sj"
    path.write_bytes(path.read_bytes() + hostile(json.dumps(meta), blob))
    journal = read_journal(place)
    assert journal.records == ()
    assert [file.unread for file in journal.files] == [1]


def test_a_head_that_was_cut_is_a_torn_record(tmp_path: Path) -> None:
    records, _ = history(2)
    place = write(tmp_path / "j", records)
    path = tmp_path / "j" / "000000000001-a-0.sj"
    path.write_bytes(path.read_bytes() + b"SJR1\x05")
    journal = read_journal(place)
    assert len(journal.records) == 2
    assert all(file.whole for file in journal.files)

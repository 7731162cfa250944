"""Label TIFF and object table: readable everywhere, the same bytes for the same labels, no id ever changed."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.labels_file import label_tiff_by_tile, read_label_tiff, write_label_tiff
from segstudio.io.objects_file import read_objects, write_objects
from segstudio.io.tile_file import TileFile
from segstudio.labels.label_map import TILE, LabelMap
from segstudio.labels.objects import ObjectInfo


def labels_of(shape: tuple[int, int], seed: int = 0, largest: int = 500) -> np.ndarray:
    rng = np.random.default_rng(seed)
    labels = np.zeros(shape, np.int32)
    for _ in range(40):
        y, x = int(rng.integers(shape[0])), int(rng.integers(shape[1]))
        labels[y : y + 20, x : x + 15] = rng.integers(1, largest + 1)
    return labels


@pytest.mark.parametrize("shape", [(1, 1), (512, 512), (513, 511), (700, 1300), (3, 2000)])
@pytest.mark.parametrize("largest", [255, 65_535, 65_536, 2**24 + 1, 2**31 - 1])
def test_no_id_changes_in_any_reader(tmp_path: Path, shape: tuple[int, int], largest: int) -> None:
    labels = labels_of(shape, 1)
    labels[0, 0] = largest
    path = tmp_path / "l.tif"
    write_label_tiff(path, LabelMap.from_array(labels))
    stored = tifffile.imread(path)
    assert stored.dtype == (np.uint16 if largest <= 65_535 else np.uint32)
    assert np.array_equal(stored, labels)
    assert np.array_equal(read_label_tiff(path, np.int32, shape).to_array(), labels)
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture).astype(np.int64), labels)
    if stored.dtype == np.uint16:
        opened = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(opened, labels)


def test_an_empty_plane_is_a_whole_file_of_zeros(tmp_path: Path) -> None:
    path = tmp_path / "l.tif"
    write_label_tiff(path, LabelMap((600, 40)))
    assert tifffile.imread(path).shape == (600, 40)
    assert not tifffile.imread(path).any()
    assert read_label_tiff(path).keys() == []


def test_regions_are_stored_as_bytes(tmp_path: Path) -> None:
    regions = (labels_of((600, 700)) % 3).astype(np.uint8)
    path = tmp_path / "r.tif"
    write_label_tiff(path, LabelMap.from_array(regions))
    assert tifffile.imread(path).dtype == np.uint8
    assert np.array_equal(read_label_tiff(path, np.uint8).to_array(), regions)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1000),
    y=st.integers(0, 1100),
    x=st.integers(0, 1100),
    value=st.sampled_from([0, 7, 65_535, 70_000]),
)
def test_writing_only_touched_tiles_gives_the_bytes_of_a_whole_write(
    tmp_path_factory: pytest.TempPathFactory, seed: int, y: int, x: int, value: int
) -> None:
    folder = tmp_path_factory.mktemp("t")
    labels = LabelMap.from_array(labels_of((1100, 1200), seed))
    write_label_tiff(folder / "a.tif", labels)
    window = Window(y, x, y + 90, x + 90).clip(labels.shape)
    labels.write(window, np.full(window.shape, value, np.int32))
    dirty = set(labels.grid.keys(window))
    write_label_tiff(folder / "a.tif", labels, dirty, folder / "a.tif")
    write_label_tiff(folder / "b.tif", labels)
    assert (folder / "a.tif").read_bytes() == (folder / "b.tif").read_bytes()
    assert np.array_equal(read_label_tiff(folder / "a.tif").to_array(), labels.to_array())


def test_clean_tiles_are_copied_still_compressed(tmp_path: Path) -> None:
    labels = LabelMap.from_array(labels_of((1100, 1200)))
    write_label_tiff(tmp_path / "a.tif", labels)
    before = TileFile.open(tmp_path / "a.tif")
    old = list(before.raw_tiles(labels.grid.keys()))
    labels.write(Window(0, 0, 9, 9), np.full((9, 9), 3, np.int32))
    write_label_tiff(tmp_path / "a.tif", labels, [(0, 0)], tmp_path / "a.tif")
    new = list(TileFile.open(tmp_path / "a.tif").raw_tiles(labels.grid.keys()))
    assert [a == b for a, b in zip(old, new, strict=True)] == [False] + [True] * 8


def test_tiles_of_one_value_share_one_array_when_they_are_read(tmp_path: Path) -> None:
    plane = LabelMap((4 * TILE, 4 * TILE), np.uint8)
    plane.fill(list(plane.grid.keys()), 1)
    write_label_tiff(tmp_path / "regions.tif", plane)
    read = read_label_tiff(tmp_path / "regions.tif", np.uint8)
    assert read.tile((0, 0)) is read.tile((3, 3))
    read.write(Window(0, 0, 2, 2), np.zeros((2, 2), np.uint8))
    assert (read.value(0, 0), read.value(3 * TILE, 3 * TILE)) == (0, 1)


def test_negative_ids_never_reach_a_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Negative"):
        write_label_tiff(tmp_path / "a.tif", LabelMap.from_array(np.full((5, 5), -1, np.int32)))
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_program_is_read(tmp_path: Path) -> None:
    labels = labels_of((300, 400))
    tifffile.imwrite(tmp_path / "fiji.tif", labels.astype(np.uint16), compression="lzw")
    assert np.array_equal(read_label_tiff(tmp_path / "fiji.tif").to_array(), labels)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.full((9, 9), 0.5, np.float32), "not whole numbers"),
        (np.full((9, 9), -1, np.int16), "values go from"),
        (np.full((9, 8), 1, np.uint16), "9 × 8"),
    ],
)
def test_what_is_no_label_image_is_refused(tmp_path: Path, array: np.ndarray, reason: str) -> None:
    tifffile.imwrite(tmp_path / "bad.tif", array)
    with pytest.raises(BadInput, match=reason):
        read_label_tiff(tmp_path / "bad.tif", np.int32, (9, 9))


def test_a_cut_file_at_any_place_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "cut.tif"
    write_label_tiff(path, LabelMap.from_array(labels_of((600, 600))))
    data = path.read_bytes()
    for cut in range(0, len(data), 97):
        path.write_bytes(data[:cut])
        with pytest.raises(BadInput, match=r"cut\.tif"):
            read_label_tiff(path, np.int32, (600, 600))


def test_damaged_pixels_are_found_by_their_checksum(tmp_path: Path) -> None:
    path = tmp_path / "l.tif"
    write_label_tiff(path, LabelMap.from_array(labels_of((600, 600))))
    stored = TileFile.open(path)
    data = bytearray(path.read_bytes())
    data[stored.offsets[0] + stored.counts[0] // 2] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(BadInput, match="damaged"):
        read_label_tiff(path)


OBJECTS = {3: ObjectInfo(2, "model", "accepted"), 1: ObjectInfo(), 70_000: ObjectInfo(1, "import")}


def test_object_table_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    write_objects(path, OBJECTS, 80_000)
    assert read_objects(path) == (OBJECTS, 80_000)
    first = path.read_bytes()
    write_objects(path, dict(sorted(OBJECTS.items())), 80_000)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("schema_version", '{"objects": []}'),
        ("objects", '{"schema_version": 1, "next_id": 1, "objects": {}}'),
        ("next_id", '{"schema_version": 1, "next_id": "a", "objects": []}'),
        (
            r"objects\[0\].class",
            '{"schema_version":1,"next_id":1,"objects":[{"id":1,"source":"hand","state":"accepted"}]}',
        ),
        (
            r"objects\[0\].source",
            '{"schema_version":1,"next_id":1,"objects":[{"id":1,"class":1,"source":"x","state":"accepted"}]}',
        ),
        (
            r"objects\[0\].id",
            '{"schema_version":1,"next_id":1,"objects":[{"id":-1,"class":1,"source":"hand","state":"accepted"}]}',
        ),
        ("JSON object", "[1]"),
        ("damaged", "{"),
        ("nested too deeply", "[" * 100_000),
        ("NaN", '{"schema_version": NaN}'),
    ],
)
def test_a_bad_object_table_is_refused_naming_the_field(tmp_path: Path, field: str, content: str) -> None:
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(BadInput, match=field):
        read_objects(path)


def test_a_table_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.json"
    path.write_text(json.dumps({"schema_version": 99, "next_id": 1, "objects": []}))
    with pytest.raises(BadInput, match="newer"):
        read_objects(path)


@pytest.mark.parametrize("foreign", [False, True])
def test_a_tile_that_claims_to_be_longer_than_any_is_not_read(
    tmp_path: Path, foreign: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "labels.tif"
    if foreign:
        tifffile.imwrite(path, labels_of((512, 512)).astype(np.uint16), tile=(256, 256), compression="zlib")
    else:
        write_label_tiff(path, LabelMap.from_array(labels_of((300, 300))))
    with tifffile.TiffFile(path) as tif:
        tag = tif.pages[0].tags["TileByteCounts"]
        where, item = tag.valueoffset, tag.valuebytecount // tag.count
    claimed = 64 << 20
    data = bytearray(path.read_bytes())
    data[where : where + item] = claimed.to_bytes(item, "little") if item > 2 else pytest.fail("a short one")
    path.write_bytes(data)
    with path.open("r+b") as file:
        file.truncate(claimed + len(data))  # a hole: it takes no room
    longest: list[int] = []
    monkeypatch.setattr(tifffile.FileHandle, "read", noting_size(tifffile.FileHandle.read, longest))
    assert TileFile.open(path) is None
    with pytest.raises(BadInput, match=r"labels\.tif .*claims to be longer than any can be"):
        read_label_tiff(path)
    assert max(longest, default=0) < claimed


def noting_size(read: Callable[..., bytes], longest: list[int]) -> Callable[..., bytes]:
    def noting(self: object, *args: int) -> bytes:
        data = read(self, *args)
        longest.append(len(data))
        return data

    return noting


def test_an_id_that_no_label_can_have_is_damage(tmp_path: Path) -> None:
    path = tmp_path / "l.tif"
    pixels = np.zeros((600, 40), np.uint32)
    pixels[590, 3] = 2**31
    path.write_bytes(b"".join(label_tiff_by_tile(pixels.shape, 2**31, lambda window: pixels[window.slices])))
    with pytest.raises(BadInput, match=r"l\.tif is damaged and cannot be read: an id is above 2147483647"):
        read_label_tiff(path)


def test_tiles_of_a_file_that_was_cut_meanwhile_are_an_error_and_not_zero(tmp_path: Path) -> None:
    path = tmp_path / "l.tif"
    write_label_tiff(path, LabelMap.from_array(labels_of((600, 700))))
    stored = TileFile.open(path)
    assert stored is not None
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size - 5)
    with pytest.raises(BadInput, match=r"l\.tif is damaged"):
        list(stored.tiles(stored.grid.keys()))

"""Tiles that a TIFF does not have: left out on purpose they are 0, lost by damage they are no pixels at all."""

import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.io.labels_file import read_label_tiff, write_label_tiff
from segstudio.io.sources import open_image
from segstudio.labels.label_map import LabelMap

_TILE_BYTE_COUNTS = 325


def test_tiles_left_out_on_purpose_are_zero(tmp_path: Path) -> None:
    tile = np.full((64, 64), 7, np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(iter([tile, None]), shape=(64, 128), dtype=np.uint8, tile=(64, 64), compression="zlib")
    with open_image(tmp_path / "a.tif") as source:
        pixels = source.read()
    assert (pixels[:, :64] == 7).all()
    assert not pixels[:, 64:].any()


@pytest.mark.parametrize("damage", ["length of 0", "lengths elsewhere"])
def test_a_tile_whose_length_was_lost_is_not_read_as_zero(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.tif"
    write_label_tiff(path, LabelMap.from_array(np.full((24, 24), 3, np.uint8)))
    with tifffile.TiffFile(path) as tif:
        tag = tif.pages.first.tags[_TILE_BYTE_COUNTS]
        place, value = (tag.offset + 4, 3) if damage == "lengths elsewhere" else (tag.valueoffset, 0)
    data = bytearray(path.read_bytes())
    if damage == "lengths elsewhere":  # three lengths do not fit into the tag: its value is where they are then
        struct.pack_into("<I", data, tag.valueoffset, len(data))
        data += bytes(12)
    struct.pack_into("<I", data, place, value)
    path.write_bytes(data)
    with pytest.raises(BadInput, match=r"a\.tif is damaged"):
        read_label_tiff(path, np.uint8)
    with open_image(path) as source, pytest.raises(BadInput, match=r"a\.tif is damaged"):
        source.read()

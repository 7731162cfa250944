"""Formats of microscope makers: planes, channels and series as their files say; a missing library is named."""

import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io import optional_reader
from segstudio.io.guarded_file import GuardedFile
from segstudio.io.sources import open_image
from segstudio.io.vetting import Vetting

ND2 = Path("multichannel") / "cluster.nd2"
CZI = Path("multichannel") / "xyz__multiple_images.czi"


def test_an_nd2_has_times_depths_and_channels(data_folder: Path) -> None:
    nd2 = pytest.importorskip("nd2")
    with open_image(data_folder / ND2) as source, nd2.ND2File(data_folder / ND2) as file:
        info = source.info
        assert (info.axes, info.shape, info.dtype) == ("TZCYX", (3, 10, 2, 31, 38), "uint16")
        assert (info.planes, info.channels) == (30, 2)
        assert info.channel_names == ("5-FAM/pH 9.0", "FM 4-64/2% CHAPS")
        assert info.channel_colours[0] == "#78e90f"
        assert info.pixel_size is not None
        assert info.pixel_size.x == pytest.approx(0.1678, abs=1e-4)
        whole = file.asarray()
        window = Window(3, 5, 20, 30)
        for plane in (0, 13, 29):
            wanted = np.moveaxis(whole[plane // 10, plane % 10], 0, -1)[3:20, 5:30]
            assert np.array_equal(source.read(window, plane), wanted)


def test_the_scenes_of_a_czi_are_images_of_their_own(data_folder: Path) -> None:
    czifile = pytest.importorskip("czifile")
    with czifile.CziFile(data_folder / CZI) as file:
        entries = file.filtered_subblock_directory
        stored = [np.asarray(entry.data_segment().data(resize=False)).reshape(251, 251) for entry in entries]
    for number, first in ((1, 0), (2, 2)):
        with open_image(data_folder / CZI / str(number)) as source:
            assert (source.info.axes, source.info.shape) == ("ZYX", (2, 251, 251))
            assert source.info.pixel_size is not None
            assert source.info.pixel_size.x == pytest.approx(0.1956, abs=1e-4)
            assert np.array_equal(source.read(plane=1), stored[first + 1])
            assert np.array_equal(source.read(Window(10, 20, 30, 300)), stored[first][10:30, 20:])
    with open_image(data_folder / CZI) as source:
        assert [part.name for part in source.parts] == ["1", "2"]
        assert "scene 1 of 2" in source.info.warnings[0]
    with pytest.raises(BadInput, match="no image “3”"):
        open_image(data_folder / CZI / "3")


def _lif(path: Path, pixels: np.ndarray, before: str = "") -> Path:
    """Write a file with one image of 8 bits, ``(Z, Y, X)``, as the makers describe the format."""
    numbers, steps = (3, 2, 1), np.cumprod([1, *pixels.shape[::-1]])
    dimensions = "".join(
        f'<DimensionDescription DimID="{number}" NumberOfElements="{length}" Origin="0" Length="{(length - 1) * 1e-6}" '
        f'Unit="m" BitInc="0" BytesInc="{step}"/>'
        for number, length, step in zip(numbers[::-1], pixels.shape[::-1], steps[:-1], strict=True)
    )
    channel = (
        '<ChannelDescription DataType="0" ChannelTag="0" Resolution="8" NameOfMeasuredQuantity="" Min="0" Max="255" '
        'Unit="" LUTName="Green" IsLUTInverted="0" BytesInc="0" BitInc="0"/>'
    )
    text = (
        f'{before}<LMSDataContainerHeader Version="2">'
        '<Element Name="a.lif" Visibility="1"><Data><Experiment IsSavedFlag="1"/>'
        '</Data><Memory Size="0" MemoryBlockID="MemBlock_0"/><Children><Element Name="Cells" Visibility="1"><Data>'
        f"<Image><ImageDescription><Channels>{channel}</Channels><Dimensions>{dimensions}</Dimensions>"
        f'</ImageDescription></Image></Data><Memory Size="{pixels.size}" MemoryBlockID="MemBlock_1"/><Children/>'
        "</Element></Children></Element></LMSDataContainerHeader>"
    )
    described, name = text.encode("utf-16-le"), "MemBlock_1".encode("utf-16-le")
    head = struct.pack("<IIBI", 0x70, 5 + len(described), 0x2A, len(text)) + described
    block = struct.pack("<IIBQBI", 0x70, 14 + len(name), 0x2A, pixels.size, 0x2A, len(name) // 2) + name
    path.write_bytes(head + block + pixels.tobytes())
    return path


def test_a_lif_is_read_frame_by_frame(tmp_path: Path) -> None:
    pytest.importorskip("liffile")
    pixels = np.random.default_rng(0).integers(0, 255, (3, 20, 30), dtype=np.uint8)
    path = _lif(tmp_path / "a.lif", pixels)
    with open_image(path) as source:
        assert (source.info.axes, source.info.shape) == ("ZYX", (3, 20, 30))
        assert [part.words for part in source.parts] == ["Cells"]
        assert source.info.pixel_size is not None
        assert source.info.pixel_size.x == pytest.approx(1)
        assert np.array_equal(source.read(Window(5, 5, 15, 40), 2), pixels[2, 5:15, 5:])


@pytest.mark.parametrize("name", [ND2, CZI])
def test_they_are_looked_at_in_the_confined_process(data_folder: Path, name: Path) -> None:
    pytest.importorskip("nd2" if name is ND2 else "czifile")
    vetting = Vetting()
    try:
        gate = vetting(data_folder / name, indices=False)
        assert gate is not None
        gate(Window(0, 0, 20, 20), 1, (31, 38))
    finally:
        vetting.close()


@pytest.mark.parametrize("name", [ND2, CZI])
def test_what_is_damaged_is_told_and_breaks_nothing(tmp_path: Path, data_folder: Path, name: Path) -> None:
    pytest.importorskip("nd2" if name is ND2 else "czifile")
    whole, rng = (data_folder / name).read_bytes(), np.random.default_rng(0)
    path, told = tmp_path / name.name, 0
    for _ in range(40):
        damaged = bytearray(whole)
        for place in rng.integers(8, 3000, 20).tolist():
            damaged[place] = int(rng.integers(256))
        path.write_bytes(damaged[: int(rng.integers(3000, len(whole)))])
        try:
            with open_image(path) as source:
                source.read()
        except BadInput as error:
            told += name.name in error.message
    assert told


@pytest.mark.parametrize(("head", "extra"), [(b"ZISRAWFILE", "czi"), (b"\xda\xce\xbe\x0a", "nd2")])
def test_what_has_to_be_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: bytes, extra: str
) -> None:
    def missing(name: str) -> object:
        raise ImportError(name)

    monkeypatch.setattr(optional_reader, "import_module", missing)
    monkeypatch.setattr(optional_reader, "find_spec", lambda name: None)
    (tmp_path / "a.img").write_bytes(head + bytes(100))
    with pytest.raises(BadInput, match="not installed") as told:
        open_image(tmp_path / "a.img")
    assert f"segstudio[{extra}]" in told.value.hint


@pytest.mark.parametrize("fault", ["raise ImportError('libjpeg.so.8 is missing')", "import no_such_part", "1 / 0"])
def test_a_library_that_is_there_but_broken_is_not_called_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    (tmp_path / "liffile.py").write_text(fault)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "liffile", raising=False)
    (tmp_path / "a.lif").write_bytes(b"\x70\0\0\0" + bytes(4) + b"\x2a" + bytes(100))
    with pytest.raises(BadInput, match="liffile, which reads those, is installed but does not start") as told:
        open_image(tmp_path / "a.lif")
    assert "segstudio[lif]" in told.value.hint


def test_the_description_of_a_lif_defines_no_entities(tmp_path: Path) -> None:
    pytest.importorskip("liffile")
    pixels = np.zeros((3, 20, 30), np.uint8)
    path = _lif(tmp_path / "a.lif", pixels, '<!DOCTYPE x [<!ENTITY a "aaaa">]>')
    with pytest.raises(BadInput, match="its description defines entities"):
        open_image(path)
    path.write_bytes(path.read_bytes().replace(b"<", b"L", 1))
    with pytest.raises(BadInput, match="makes no sense"):
        open_image(path)


def test_an_nd2_is_read_and_not_mapped_and_defines_no_entities(tmp_path: Path, data_folder: Path) -> None:
    nd2 = pytest.importorskip("nd2")
    whole = (data_folder / ND2).read_bytes()
    path = tmp_path / "a.nd2"
    path.write_bytes(whole)
    with open_image(path) as source:
        pixels = source.read(plane=3)
        assert source._file._rdr._mmap is None
        os.truncate(path, len(whole) // 4)  # as on a server: a map of it would end the program now
        with pytest.raises(BadInput, match="ends early"):
            source.read(plane=29)
    path.write_bytes(whole)
    with open_image(path) as source, nd2.ND2File(path) as file:
        assert np.array_equal(source.read(plane=3), pixels)
        name = next(name for name in (b"ImageMetadataSeqLV|0!", b"ImageMetadataSeq|0!") if name in file._rdr.chunkmap)
        place = file._rdr.chunkmap[name][0]
    begin = place + 16 + struct.unpack_from("<I", whole, place + 4)[0]
    path.write_bytes(whole[:begin] + b"<!DOCTYPE" + whole[begin + 9 :])
    with pytest.raises(BadInput, match="defines entities"):
        open_image(path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"])
def test_definitions_are_noticed_in_any_encoding_until_the_pixels_come(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a").write_bytes("  <!ENTITY a 'b'>".encode(encoding))
    file = GuardedFile(tmp_path / "a")
    with pytest.raises(BadInput, match="defines entities"):
        file.read()
    file.seek(0)
    file.described = True
    assert len(file.read()) == file.tell()
    with pytest.raises(BadInput, match="ends early"):
        file.read(1)
    file.close()

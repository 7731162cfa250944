"""Whatever a file is called and however its pixels are packed, a window of it is the same window of the pixels."""

import io
import json
import struct
import sys
import threading
import zipfile
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io import decoding
from segstudio.io.sources import image_suffixes, open_image

RNG = np.random.default_rng(3)


def pixels(shape: tuple[int, ...] = (70, 90), dtype: str = "uint16") -> NDArray[Any]:
    if np.dtype(dtype).kind == "f":
        return RNG.random(shape).astype(dtype)
    if dtype == "bool":
        return RNG.integers(0, 2, shape).astype(bool)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, dtype=dtype, endpoint=True)


def opened(path: Path, plane: int = 0) -> NDArray[Any]:
    with open_image(path) as source:
        return source.read(plane=plane)


def refusal(path: Path, otherwise: str) -> str:
    """Return the sentence with which a file is refused, `otherwise` when it opens."""
    try:
        opened(path)
    except BadInput as error:
        return error.message
    return otherwise


@pytest.mark.parametrize(
    "dtype",
    ["uint8", "uint16", "uint32", "int8", "int16", "int32", "float16", "float32", "float64"],
)
@pytest.mark.parametrize("kind", ["tif", "npy"])
def test_values_are_exact_for_every_type(tmp_path: Path, dtype: str, kind: str) -> None:
    stored = pixels(dtype=dtype)
    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, stored)
    else:
        tifffile.imwrite(path, stored)
    with open_image(path) as source:
        assert (source.info.dtype, source.info.kind, source.info.size) == (dtype, "gray", (70, 90))
        found = source.read()
    assert found.dtype == stored.dtype
    assert np.array_equal(found, stored)


LAYOUTS: dict[str, dict[str, Any]] = {
    "raw": {},
    "strips": {"compression": "zlib", "rowsperstrip": 7},
    "one strip": {"compression": "lzw", "rowsperstrip": 70},
    "tiles": {"compression": "zlib", "tile": (16, 32), "predictor": True},
    "raw tiles": {"tile": (32, 16)},
    "big endian": {"byteorder": ">"},
    "big endian strips": {"byteorder": ">", "compression": "zstd", "rowsperstrip": 11},
    "BigTIFF": {"bigtiff": True, "compression": "zstd", "tile": (16, 16)},
}
windows = st.tuples(*[st.integers(-20, 110)] * 4).map(lambda four: Window(*four))


@pytest.fixture(scope="module", params=LAYOUTS, ids=str)
def laid_out(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, NDArray[Any]]:
    stored = pixels()
    path = tmp_path_factory.mktemp("layout") / "a.tif"
    tifffile.imwrite(path, stored, **LAYOUTS[request.param])
    return path, stored


@given(window=windows)
def test_a_window_is_that_part_of_the_whole(laid_out: tuple[Path, NDArray[Any]], window: Window) -> None:
    path, stored = laid_out
    with open_image(path) as source:
        found = source.read(window)
    part = window.clip(stored.shape)
    assert found.shape == part.shape
    if not part.empty:
        assert np.array_equal(found, stored[part.slices])
        assert found.flags.writeable


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_rgb_tiff_is_rgb_however_it_is_stored(tmp_path: Path, planar: str, compression: str | None) -> None:
    stored = pixels((40, 50, 3), "uint8")
    data = stored if planar == "contig" else stored.transpose(2, 0, 1)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, data, photometric="rgb", planarconfig=planar, compression=compression, rowsperstrip=9)
    with open_image(path) as source:
        assert (source.info.kind, source.info.axes, source.info.channels) == ("rgb", "YXS", 3)
        window = Window(3, 5, 33, 44)
        assert np.array_equal(source.read(window), stored[window.slices])


def test_alpha_is_dropped(tmp_path: Path) -> None:
    stored = pixels((12, 13, 4), "uint8")
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", extrasamples=["unassalpha"])
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(stored))
    for path in tmp_path.iterdir():
        assert np.array_equal(opened(path), stored[..., :3])


def test_imagej_hyperstack_gives_channels_and_planes(tmp_path: Path) -> None:
    stored = pixels((4, 3, 2, 20, 24))  # T, Z, C
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored, imagej=True, metadata={"axes": "TZCYX", "unit": "nm"}, resolution=(1 / 250, 1 / 500))
    with open_image(path) as source:
        info = source.info
        assert (info.axes, info.planes, info.channels, info.kind) == ("TZCYX", 12, 2, "channels")
        assert info.pixel_size is not None
        assert (info.pixel_size.x, info.pixel_size.y) == pytest.approx((0.25, 0.5))
        assert (info.planes, info.warnings) == (12, ())
        assert np.array_equal(source.read(plane=7), np.moveaxis(stored[2, 1], 0, -1))
        with pytest.raises(IndexError):
            source.read(plane=12)


@pytest.mark.parametrize("axes", ["TCZYX", "TZCYX"])
def test_ome_order_is_followed(tmp_path: Path, axes: str) -> None:
    sizes = {"T": 2, "C": 3, "Z": 4, "Y": 16, "X": 18}
    stored = pixels(tuple(sizes[letter] for letter in axes), "uint8")
    metadata = {
        "axes": axes,
        "PhysicalSizeX": 325,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.65,
        "Channel": {"Name": ["DAPI", "GFP", "Cy5"]},
    }
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stored, metadata=metadata)
    with open_image(path) as source:
        info = source.info
        assert (info.axes, info.planes, info.channel_names) == ("TZCYX", 8, ("DAPI", "GFP", "Cy5"))
        assert info.pixel_size is not None
        assert (info.pixel_size.x, info.pixel_size.y) == pytest.approx((0.325, 0.65))
        wanted = np.moveaxis(stored, [axes.index(letter) for letter in "TZYXC"], range(5))
        assert np.array_equal(source.read(plane=5), wanted[1, 1])


@pytest.mark.parametrize(
    ("unit", "resolution", "micrometres"),
    [("CENTIMETER", 10_000 / 0.5, 0.5), ("INCH", 25_400 / 2.0, 2.0), ("INCH", 300, None), ("INCH", 72, None)],
)
def test_resolution_is_a_pixel_size_only_where_it_cannot_be_that_of_a_printer(
    tmp_path: Path, unit: str, resolution: float, micrometres: float | None
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(), resolution=(resolution, resolution), resolutionunit=unit)
    with open_image(tmp_path / "a.tif") as source:
        size = source.info.pixel_size
    assert (size.x if size else None) == (pytest.approx(micrometres) if micrometres else None)


def test_planes_behind_a_single_directory_are_found(tmp_path: Path) -> None:
    """ImageJ writes large stacks so: the pixels of all planes, and a directory for the first only."""
    stored = pixels((5, 20, 30))
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, stored[0], description="ImageJ=1.54f\nimages=5\nslices=5\n", metadata=None)
    with tifffile.TiffFile(path) as tif:
        offset = tif.pages.first.dataoffsets[0]
    data = path.read_bytes()
    assert offset + stored[0].nbytes == len(data)
    path.write_bytes(data + stored[1:].tobytes())
    with open_image(path) as source:
        assert (source.info.axes, source.info.planes) == ("ZYX", 5)
        for plane in range(5):
            assert np.array_equal(source.read(plane=plane), stored[plane])


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("channels", [1, 3])
def test_png_is_exact(tmp_path: Path, dtype: str, channels: int) -> None:
    stored = pixels((30, 40) if channels == 1 else (30, 40, 3), dtype)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(stored))
    assert np.array_equal(opened(tmp_path / "a.png"), stored)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_bits_are_widened_to_see_and_kept_as_ids(tmp_path: Path, bits: int) -> None:
    stored = RNG.integers(0, 2**bits, (8, 16)).astype(np.uint8)
    rows = b"".join(b"\0" + _packed(row, bits) for row in stored)
    header = struct.pack(">IIBBBBB", 16, 8, bits, 0, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND")
    )
    assert np.array_equal(opened(path), stored * (255 // (2**bits - 1)))
    with open_image(path, indices=True) as source:
        assert np.array_equal(source.read(), stored)


def _packed(row: NDArray[np.uint8], bits: int) -> bytes:
    places = ((row[:, None] >> np.arange(bits - 1, -1, -1)) & 1).astype(np.uint8)
    return np.packbits(places.ravel()).tobytes()


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("turn", range(1, 9))
def test_photographs_are_upright(tmp_path: Path, turn: int) -> None:
    image = Image.fromarray(np.kron(pixels((4, 6), "uint8"), np.ones((8, 8), np.uint8)))
    exif = Image.Exif()
    exif[0x0112] = turn
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    with open_image(tmp_path / "a.jpg") as source:
        assert source.info.size == ((32, 48) if turn < 5 else (48, 32))
        assert source.read().shape == source.info.size


def test_names_do_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "weiß 細胞 #1%20.jpeg"
    stored = pixels()
    tifffile.imwrite(path, stored)
    assert np.array_equal(opened(path), stored)


@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_never_transposed(tmp_path: Path, order: Any) -> None:
    stored = np.array(pixels((30, 50), "int32"), order=order)
    np.save(tmp_path / "a.npy", stored)
    with open_image(tmp_path / "a.npy") as source:
        window = Window(4, 6, 20, 44)
        assert np.array_equal(source.read(window), stored[window.slices])


def test_whole_numbers_beyond_doubles_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[1, 2**60]]))
    with pytest.raises(BadInput, match=r"a\.npy holds whole numbers beyond 2\^53"):
        open_image(tmp_path / "a.npy")


def test_stack_of_arrays_has_planes(tmp_path: Path) -> None:
    stored = pixels((6, 20, 30))
    np.savez_compressed(tmp_path / "a.npz", image=stored, other=np.zeros(3))
    with open_image(tmp_path / "a.npz") as source:
        assert (source.info.planes, source.info.axes) == (6, "IYX")
        assert np.array_equal(source.read(Window(2, 3, 9, 30), plane=4), stored[4, 2:9, 3:30])


def test_python_objects_are_never_unpickled(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    with pytest.raises(BadInput, match=r"a\.npy holds Python objects"):
        open_image(tmp_path / "a.npy")


def test_not_a_number_is_said(tmp_path: Path) -> None:
    stored = pixels(dtype="float32")
    stored[3, 4:9] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", stored)
    with open_image(tmp_path / "a.tif") as source:
        assert "5 values are not numbers" in source.info.warnings[0]
        assert np.array_equal(source.read(), stored, equal_nan=True)


def test_large_images_are_refused_with_their_size_and_read_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = pixels((300, 300))
    tifffile.imwrite(tmp_path / "a.tif", stored, tile=(64, 64), compression="zlib")
    monkeypatch.setattr(decoding, "READ_BUDGET", 100_000)
    with open_image(tmp_path / "a.tif") as source:
        with pytest.raises(BadInput, match=r"a\.tif is too large to be read at once: 300 × 300"):
            source.read()
        assert np.array_equal(source.read(Window(10, 10, 100, 100)), stored[10:100, 10:100])


def test_a_strip_that_unpacks_to_more_than_it_says_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), compression="zlib", metadata=None)
    with tifffile.TiffFile(path) as tif:
        page = tif.pages.first
        tags = page.tags["StripOffsets"], page.tags["StripByteCounts"]
        places = [(tag.valueoffset, tag.dtype) for tag in tags]
    bomb = zlib.compress(bytes(200_000_000), 9)
    data = bytearray(path.read_bytes())
    for (place, kind), value in zip(places, (len(data), len(bomb)), strict=True):
        struct.pack_into("<H" if kind == 3 else "<I", data, place, value if kind != 3 else min(value, 65_535))
    path.write_bytes(bytes(data) + bomb)
    assert "a.tif" in refusal(path, "a.tif")


@pytest.mark.parametrize("cut", [0, 1, 3, 8, 20, 60, 200, 1000, 3000])
@pytest.mark.parametrize("kind", ["tif", "png", "jpg", "npy", "npz", "gif", "bmp", "webp"])
def test_files_that_end_early_are_refused_by_name(tmp_path: Path, kind: str, cut: int) -> None:
    path = tmp_path / f"cells.{kind}"
    stored = pixels((64, 64), "uint8")
    if kind in ("npy", "npz"):
        (np.save if kind == "npy" else np.savez)(path, stored)
    elif kind == "tif":
        tifffile.imwrite(path, stored)
    else:
        Image.fromarray(stored).save(path)
    data = path.read_bytes()
    path.write_bytes(data[: min(cut, len(data) - 200)])
    with pytest.raises(BadInput, match=r"cells\."):
        opened(path)


@given(
    data=st.binary(min_size=0, max_size=200),
    magic=st.sampled_from(
        [
            b"II*\0",
            b"MM\0*",
            b"\x89PNG\r\n\x1a\n",
            b"\xff\xd8\xff",
            b"GIF89a",
            b"BM",
            b"PK\x03\x04",
            b"\x93NUMPY\x01\x00",
        ]
    ),
)
def test_garbage_behind_a_good_beginning_is_refused(data: bytes, magic: bytes, tmp_path_factory: Any) -> None:
    path = tmp_path_factory.mktemp("garbage") / "x.bin"
    path.write_bytes(magic + data)
    assert "x.bin" in refusal(path, "x.bin")


def test_weights_of_a_network_are_told_from_an_archive_of_images(tmp_path: Path) -> None:
    path = tmp_path / "best.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("best/data.pkl", b"\x80\x02}.")
        archive.writestr("best/data/0", bytes(64))
    assert "weights of a network" in refusal(path, "best.pt")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
def test_an_image_taken_away_after_it_was_opened_is_missing_not_damaged(tmp_path: Path) -> None:
    path = tmp_path / "cells.png"
    Image.fromarray(pixels((64, 64), "uint8")).save(path)
    with open_image(path) as source:
        path.unlink()
        with pytest.raises(BadInput, match=r"cells\.png was not found"):
            source.read()


def test_missing_file_and_folder_are_sentences(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nothing\.tif was not found"):
        open_image(tmp_path / "nothing.tif")
    with pytest.raises(BadInput, match="is a folder"):
        open_image(tmp_path)


def test_threads_read_the_same_pixels(tmp_path: Path) -> None:
    stored = pixels((512, 512))
    tifffile.imwrite(tmp_path / "a.tif", stored, tile=(64, 64), compression="zlib")
    wrong: list[Window] = []
    with open_image(tmp_path / "a.tif") as source:

        def work(seed: int) -> None:
            rng = np.random.default_rng(seed)
            for _ in range(30):
                y, x = rng.integers(0, 400, 2).tolist()
                window = Window(y, x, y + 100, x + 90)
                if not np.array_equal(source.read(window), stored[window.slices]):
                    wrong.append(window)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_suffixes_for_dialogs() -> None:
    assert {".tif", ".tiff", ".png", ".jpg", ".npy"} <= image_suffixes()


def test_shaped_description_that_lies_is_ignored(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels(), description=json.dumps({"shape": [9, 70, 90]}), metadata=None)
    assert opened(tmp_path / "a.tif").shape == (70, 90)


def test_png_in_memory_equals_pillow(tmp_path: Path) -> None:
    stored = Image.fromarray(pixels((20, 20, 3), "uint8")).quantize(16)
    buffer = io.BytesIO()
    stored.save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    assert np.array_equal(opened(tmp_path / "a.png"), np.asarray(stored.convert("RGB")))
    with open_image(tmp_path / "a.png", indices=True) as source:
        assert np.array_equal(source.read(), np.asarray(stored))


@pytest.mark.parametrize(
    ("shape", "axes", "kind"),
    [
        ((20, 30, 1), "YX", "gray"),
        ((1, 20, 30), "YX", "gray"),
        ((1, 1, 20, 30, 1), "YX", "gray"),
        ((4, 20, 30, 1), "IYX", "gray"),
        ((1, 20, 30, 3), "YXS", "rgb"),
        ((20, 30, 2), "YXC", "channels"),
        ((20, 1), "YX", "gray"),
    ],
)
def test_axes_of_length_one_are_no_axes(shape: tuple[int, ...], axes: str, kind: str, tmp_path: Path) -> None:
    stored = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    np.save(tmp_path / "a.npy", stored)
    with open_image(tmp_path / "a.npy") as source:
        assert (source.info.axes, source.info.kind) == (axes, kind)
        expected = stored.reshape([length for length in shape if length > 1] if len(shape) > 2 else shape)
        assert np.array_equal(source.read(), expected[0] if axes == "IYX" else expected)


def test_an_array_that_is_cut_while_it_is_open_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, pixels())
    with open_image(path) as source:
        with path.open("r+b") as file:
            file.truncate(200)
        with pytest.raises(BadInput, match=r"a\.npy is damaged and cannot be read: its values end early"):
            source.read()

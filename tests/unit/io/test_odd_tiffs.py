"""TIFF files as other programs write them: colour pages in stacks, long series, holes, and ends that are not there."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io import tiff, tiff_pixels
from segstudio.io.sources import open_image
from segstudio.io.tiff_metadata import describe_stack

RGB = np.arange(2 * 8 * 6 * 3, dtype=np.uint8).reshape(2, 8, 6, 3)


def test_the_colours_of_an_ome_image_are_no_channels_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", metadata={"axes": "ZYXS"})
    with open_image(path) as source:
        info = source.info
        assert (info.kind, info.channels, info.planes, info.axes) == ("rgb", 3, 2, "ZYXS")
        assert np.array_equal(source.read(plane=1), RGB[1])
        assert info.planes == 2


def test_the_colours_of_an_imagej_image_are_no_channels_of_their_own() -> None:
    stack = describe_stack("ImageJ=1\nchannels=3\nslices=6", "a.tif", range(6), 3)
    assert (stack.axes, stack.sizes, tuple(stack.pages), stack.warnings) == ("Z", (6,), tuple(range(6)), ())


def test_colour_pages_called_channels_are_planes(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", description="ImageJ=1\nchannels=2\n", metadata=None)
    with open_image(path) as source:
        assert (source.info.kind, source.info.channels, source.info.planes) == ("rgb", 3, 2)
        assert np.array_equal(source.read(plane=1), RGB[1])


def test_of_a_long_series_every_page_is_taken_for_one_like_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff, "_COMPARED_PAGES", 3)
    pages = np.arange(5 * 8 * 6, dtype=np.uint16).reshape(5, 8, 6)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for page in pages:
            writer.write(page, compression="zlib", metadata=None, contiguous=False)
    with open_image(tmp_path / "a.tif") as source:
        assert source.info.planes == 5
        assert [np.array_equal(source.read(plane=number), page) for number, page in enumerate(pages)] == [True] * 5


@pytest.mark.parametrize(
    ("value", "size"), [(20_000.0, 0.5), (0.0, None), (-1.0, None), (math.inf, None), (math.nan, None)]
)
def test_a_resolution_that_is_one_number_counts_where_it_can_be_one(
    value: float, size: float | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 8), np.uint8), metadata=None, resolution=(2, 2), resolutionunit="CENTIMETER")
    with tifffile.TiffFile(path, mode="r+") as tif:
        for code in (282, 283):
            tif.pages.first.tags[code].overwrite(value, dtype="d")
    with open_image(path) as source:
        found = source.info.pixel_size
    assert (None if found is None else (found.y, found.x)) == (None if size is None else (size, size))


def test_a_large_tile_that_was_left_out_is_zero(tmp_path: Path) -> None:
    tile = np.full((1024, 1024), 7, np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        writer.write(iter([tile, None]), shape=(1024, 2048), dtype=np.uint8, tile=(1024, 1024), compression="zlib")
    with open_image(tmp_path / "a.tif") as source:
        for _ in range(2):
            pixels = source.read()
            assert (pixels[:, :1024] == 7).all()
            assert not pixels[:, 1024:].any()


def test_of_large_strips_only_so_many_bytes_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff_pixels, "_KEPT_BYTES", 2_500_000)
    pixels = np.random.default_rng(1).integers(0, 9, (4000, 1000), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression="zlib", rowsperstrip=1000)
    with open_image(tmp_path / "a.tif") as source:
        decoded: list[int] = []
        decode = source._decode  # type: ignore[attr-defined]

        def noted(page: Any, index: int, key: Any) -> Any:
            decoded.append(index)
            return decode(page, index, key)

        monkeypatch.setattr(source, "_decode", noted)
        for strip in (0, 1, 0, 2, 0, 1):
            window = Window(1000 * strip, 0, 1000 * strip + 10, 1000)
            assert np.array_equal(source.read(window), pixels[window.slices])
    assert decoded == [0, 1, 2, 1], "what was used last is kept"


def test_a_file_that_is_cut_while_it_is_open_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    pixels = np.random.default_rng(1).integers(0, 255, (400, 300), np.uint8)
    tifffile.imwrite(path, pixels, metadata=None)
    with open_image(path) as source:
        with path.open("r+b") as file:
            file.truncate(5000)
        with pytest.raises(BadInput, match=r"a\.tif is damaged and cannot be read: its pixels end early"):
            source.read()


def _next_page(tif: tifffile.TiffFile) -> tuple[int, bytes]:
    return int(tif.pages.next_page_offset), tif.pages.first.offset.to_bytes(4, "little")


def _no_bytes(tif: tifffile.TiffFile) -> tuple[int, bytes]:
    return int(tif.pages.first.tags[279].valueoffset), b"\0\0\0\0"


def _endless_text(tif: tifffile.TiffFile) -> tuple[int, bytes]:
    return int(tif.pages.first.tags[305].offset) + 4, b"\xff\xff\xff\xff"


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_next_page, "its list of pages does not end"),
        (_no_bytes, "its pixels take 0 bytes"),
        (_endless_text, "1 entry of its header is unreadable"),
    ],
)
def test_damage_that_leaves_the_pixels_is_told(harm: Any, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB[0], photometric="rgb", metadata=None, software="a long name")
    with tifffile.TiffFile(path) as tif:
        place, harmed = harm(tif)
    with path.open("r+b") as file:
        file.seek(place)
        file.write(harmed)
    with open_image(path) as source:
        (warning,) = source.info.warnings
        assert said in warning
        assert np.array_equal(source.read(), RGB[0])

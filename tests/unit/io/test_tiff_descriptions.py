"""What descriptions and tags of TIFF files say, truly or not: which planes are shown, and what is told."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.io.sources import open_image
from segstudio.io.tiff_metadata import MAX_DESCRIPTION, describe_stack, ome_images, unit_to_um


def _ome(pixels: str, inside: str = "", after: str = "") -> str:
    return f"<OME><Image><Pixels {pixels}>{inside}</Pixels></Image>{after}</OME>"


SIX = 'SizeZ="2" SizeC="3" SizeT="1" DimensionOrder="XYCZT"'


@pytest.mark.parametrize(
    ("text", "axes", "pages", "said"),
    [
        (_ome(SIX), "ZC", (0, 1, 2, 3, 4, 5), ""),
        (_ome(SIX.replace("XYCZT", "XYZCT")), "ZC", (0, 2, 4, 1, 3, 5), ""),
        (_ome(SIX, '<TiffData IFD="5"/>'), "I", None, "order of planes in the OME description does not fit"),
        (_ome(SIX, '<TiffData IFD="9" PlaneCount="6"/>'), "I", None, "order of planes"),
        (_ome(SIX, '<TiffData IFD="0" PlaneCount="6"/>'), "ZC", (0, 1, 2, 3, 4, 5), ""),
        (_ome(SIX, after="<Image/><Image/>"), "ZC", None, "2 more images in the file are not shown"),
        (_ome(SIX, after="<Image/>"), "ZC", None, "1 more image in the file is not shown"),
        (_ome('SizeZ="9" SizeC="1" SizeT="1"'), "I", None, "speaks of 9 planes, the file holds 6"),
        (_ome('SizeZ="0" DimensionOrder="XYZCT"'), "I", None, "make no sense"),
        (_ome('SizeZ="2" DimensionOrder="XYZZT"'), "I", None, "make no sense"),
        (_ome('SizeZ="two"'), "", None, ""),
        ("<OME><Image/></OME>", "I", None, "holds no image"),
        ("<OME><Image></OME>", "I", None, "is damaged"),
        ("<!DOCTYPE a><OME></OME>", "I", None, "entities, which is not safe"),
        ('<?xml version="1.0"?><OME><Image>', "I", None, "breaks off"),
        ("x" * (MAX_DESCRIPTION + 1), "I", None, "too long"),
        ("ImageJ=1\nslices=2\nchannels=3", "ZC", (0, 1, 2, 3, 4, 5), ""),
        ("ImageJ=1\nslices=5", "I", None, "says that it holds 5 planes, it holds 6"),
        ("ImageJ=1", "I", None, ""),
        ("ImageJ=1\nframes=six\nslices=6", "Z", None, ""),
        ('{"shape": [6, 8, 8], "axes": "ZYX"}', "Z", (0, 1, 2, 3, 4, 5), ""),
        ('{"shape": [2, 3, 8, 8], "axes": "CZYX"}', "I", None, ""),
        ('{"shape": [5, 8, 8], "axes": "ZYX"}', "I", None, ""),
        ('{"shape": [6, 8, 8], "axes": "YX"}', "I", None, ""),
        ('{"shape": "six"}', "I", None, ""),
        ('{"shape": [6', "I", None, ""),
        ("some text", "I", None, ""),
    ],
)
def test_planes_are_found_by_the_description_or_it_is_said_why_not(
    text: str, axes: str, pages: tuple[int, ...] | None, said: str
) -> None:
    stack = describe_stack(text, "a.tif", range(6), 1)
    if axes:
        assert stack.axes == axes
    if pages is not None:
        assert tuple(stack.pages) == pages
    assert said in " ".join(stack.warnings)
    assert bool(said) == bool(stack.warnings)


def test_another_size_in_the_description_is_told() -> None:
    stack = describe_stack(_ome('SizeX="8" SizeY="4"'), "a.tif", range(1), 1, (8, 8))
    assert stack.warnings == ("The OME description speaks of 4 × 8 pixels, the file holds 8 × 8; these are shown.",)


def test_planes_of_another_file_are_named() -> None:
    uuids = [f'<TiffData><UUID FileName="{name}.ome.tif">u</UUID></TiffData>' for name in "ab"]
    stack = describe_stack(_ome(SIX, "".join(uuids)), "a.ome.tif", range(6), 1)
    assert stack.warnings == ("A part of the image lies in b.ome.tif, which is not shown.",)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (_ome('PhysicalSizeX="0.5" PhysicalSizeY="0.25"'), (0.25, 0.5)),
        (_ome('PhysicalSizeX="500" PhysicalSizeXUnit="nm" PhysicalSizeY="500" PhysicalSizeYUnit="nm"'), (0.5, 0.5)),
        (_ome('PhysicalSizeX="-1" PhysicalSizeY="1"'), None),
        (_ome('PhysicalSizeX="inf" PhysicalSizeY="1"'), None),
        (_ome('PhysicalSizeX="wide" PhysicalSizeY="1"'), None),
        (_ome('PhysicalSizeX="1" PhysicalSizeXUnit="pixel" PhysicalSizeY="1" PhysicalSizeYUnit="pixel"'), None),
        ("Aperio Image|MPP = 0.5", (0.5, 0.5)),
        ("Aperio Image|MPP = 0.0", None),
        ("Aperio Image", None),
    ],
)
def test_the_pixel_size_is_taken_where_it_is_one(text: str, size: tuple[float, float] | None) -> None:
    found = describe_stack(text, "a.tif", range(1), 1).pixel_size
    assert (None if found is None else (found.y, found.x)) == size


@pytest.mark.parametrize(("unit", "um"), [("µm", 1), ("\\u00B5m", 1), ('"nm"', 0.001), ("pixel", None), ("", None)])
def test_units_are_known_by_their_names(unit: str, um: float | None) -> None:
    assert unit_to_um(unit) == (None if um is None else pytest.approx(um))


def _with_tag(path: Path, code: int, value: Any, **more: Any) -> Path:
    tifffile.imwrite(path, np.zeros((16, 16), np.uint8), metadata=None, resolution=(1, 1), **more)
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages.first.tags[code].overwrite(value)
    return path


@pytest.mark.parametrize(
    ("code", "value", "more", "said"),
    [
        (256, 0, {}, "it says that it has 16 × 0 pixels"),
        (258, 5, {}, "has 5 bits per pixel"),
        (259, 60000, {}, "unknown method"),
        (262, 6, {}, "YCbCr without JPEG"),
        (256, 60_000, {}, "its pixels end early|bytes long"),
        (273, 60_000, {}, "its pixels end early"),
    ],
)
def test_a_tag_that_cannot_be_true_is_told(code: int, value: int, more: Any, said: str, tmp_path: Path) -> None:
    path = _with_tag(tmp_path / "a.tif", code, value, **more)
    with pytest.raises(BadInput, match=said), open_image(path) as source:
        source.read()


def test_a_volume_in_one_page_is_told(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((16, 16, 16), np.uint8), volumetric=True, tile=(16, 16, 16))
    with pytest.raises(BadInput, match="stores a volume in one page"):
        open_image(tmp_path / "a.tif")


def test_of_complex_numbers_the_magnitude_is_read_and_they_are_no_labels(tmp_path: Path) -> None:
    values = np.array([[3 + 4j, -1], [1j, np.nan]], np.complex64)
    tifffile.imwrite(tmp_path / "a.tif", values)
    np.save(tmp_path / "a.npy", values)
    for name in ("a.tif", "a.npy"):
        with open_image(tmp_path / name) as source:
            assert source.info.dtype == "float32"
            assert "magnitude" in source.info.warnings[0]
            np.testing.assert_array_equal(source.read(), np.array([[5, 1], [1, np.nan]], np.float32))
        with pytest.raises(BadInput, match="holds complex numbers"):
            open_image(tmp_path / name, indices=True)


@pytest.mark.parametrize(
    ("value", "unit", "size"),
    [((20_000, 1), 3, 0.5), ((50_800, 1), 2, 0.5), ((72, 1), 2, None), ((0, 1), 3, None), ((20_000, 1), 1, None)],
)
def test_a_resolution_is_believed_where_it_is_no_print(
    value: tuple[int, int], unit: int, size: float | None, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8, 8), np.uint8), metadata=None, resolution=(2, 2), resolutionunit=unit)
    with tifffile.TiffFile(path, mode="r+") as tif:
        for code in (282, 283):
            tif.pages.first.tags[code].overwrite(value)
    with open_image(path) as source:
        found = source.info.pixel_size
    assert (None if found is None else found.x) == (None if size is None else pytest.approx(size))


def test_white_is_zero_is_told_and_colours_of_cmyk_are_shown(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "white.tif", np.full((8, 8), 3, np.uint8), photometric="miniswhite")
    with open_image(tmp_path / "white.tif") as source:
        assert source.info.inverted
        assert "0 means white" in source.info.warnings[0]
        assert source.read()[0, 0] == 3
    cyan = np.zeros((8, 8, 4), np.uint8)
    cyan[..., 0] = 255
    tifffile.imwrite(tmp_path / "cmyk.tif", cyan, photometric="separated")
    with open_image(tmp_path / "cmyk.tif") as source:
        assert source.read()[0, 0].tolist() == [0, 255, 255]


def test_one_bit_and_more_colours_than_three(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "bit.tif", np.eye(16, dtype=bool))
    with open_image(tmp_path / "bit.tif") as source:
        assert (source.read().sum(), source.info.dtype) == (16, "uint8")
    tifffile.imwrite(tmp_path / "five.tif", np.zeros((8, 8, 5), np.uint8), photometric="rgb")
    with open_image(tmp_path / "five.tif") as source:
        assert source.read().shape == (8, 8, 3)
        assert "2 more channels beside red, green and blue are not shown." in source.info.warnings


def test_a_large_strip_is_decoded_once(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (1100, 1000), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, compression="zlib", rowsperstrip=1100)
    with open_image(tmp_path / "a.tif") as source:
        assert np.array_equal(source.read(), pixels)
        again = source.read()
        again[:] = 0
        assert np.array_equal(source.read(), pixels), "what was kept is nobody's to change"


def test_each_image_of_an_ome_tiff_is_had_by_its_number(data_folder: Path) -> None:
    path = data_folder / "multichannel" / "two_series.ome.tif"
    with open_image(path) as source:
        assert (source.info.shape, [part.name for part in source.parts]) == ((2, 220, 204), ["1", "2"])
        assert "image 1 of 2" in source.info.warnings[-1]
    with open_image(path / "2") as source, tifffile.TiffFile(path) as file:
        assert (source.info.axes, source.info.shape) == ("CYX", (3, 350, 350))
        assert source.info.warnings == ()
        assert source.info.pixel_size is not None
        assert source.info.pixel_size.x == pytest.approx(0.1325, abs=1e-4)
        assert np.array_equal(source.read(), np.moveaxis(file.series[1].asarray(), 0, -1))
    with pytest.raises(BadInput, match="no image"):
        open_image(path / "3")


def test_images_in_other_files_are_no_images_of_this_one() -> None:
    def image(name: str, page: int) -> str:
        data = f'<TiffData IFD="{page}"><UUID FileName="{name}">urn:uuid:1</UUID></TiffData>'
        return f'<Image ID="{name}{page}"><Pixels SizeX="3" SizeY="2">{data}</Pixels></Image>'

    def found(*images: str) -> int:
        return len(ome_images(f"<OME>{''.join(images)}</OME>", 5))

    assert found(image("a.tif", 0), image("a.tif", 2)) == 2
    assert found(image("a.tif", 0), image("b.tif", 1)) == 0
    assert found(image("a.tif", 0), image("a.tif", 0)) == 0
    assert found(image("a.tif", 0), image("a.tif", 5)) == 0

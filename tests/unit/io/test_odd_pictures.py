"""Pictures that are valid but unusual: what is shown of them, and what is said."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.io.finite import float_warnings
from segstudio.io.labels_file import label_tiff_by_tile, read_label_tiff
from segstudio.io.sources import open_image

FAR = np.full((4, 4), 1e300)


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros((0, 3), np.float32), ()),
        (np.zeros((3, 3), np.uint8), ()),
        (np.full((3, 3), np.nan, np.float32), ("Not one pixel holds a number",)),
        (np.array([[1, np.inf], [2, 3]], np.float32), ("1 values are not numbers",)),
        (FAR, ("Values exceed what single precision can hold",)),
        (np.where(np.eye(4) > 0, np.nan, -FAR), ("4 values are not numbers", "Values exceed what")),
    ],
)
def test_values_that_are_no_ordinary_numbers_are_told(pixels: np.ndarray, said: tuple[str, ...]) -> None:
    found = float_warnings(pixels)
    assert len(found) == len(said)
    assert all(sentence.startswith(begin) for sentence, begin in zip(found, said, strict=True))


@pytest.mark.parametrize(
    ("mode", "ending", "kind"),
    [("1", "bmp", "gray"), ("L", "webp", "rgb"), ("RGBA", "webp", "rgb"), ("P", "gif", "rgb"), ("CMYK", "jpg", "rgb")],
)
def test_each_mode_is_shown_upright_without_transparency(mode: str, ending: str, kind: str, tmp_path: Path) -> None:
    picture = Image.new("L", (30, 20), 0)
    picture.paste(255, (0, 0, 10, 20))
    path = tmp_path / f"a.{ending}"
    picture.convert(mode).save(path, lossless=True)
    with open_image(path) as source:
        pixels = source.read()
        assert (source.info.kind, source.info.size) == (kind, (20, 30))
        bright = pixels if pixels.ndim == 2 else pixels[..., 1]
        assert bright[10, 5] > 200
        assert bright[10, 20] < 50


def test_a_frame_of_an_animation_has_the_channels_of_the_first(tmp_path: Path) -> None:
    gray, colour = Image.new("L", (20, 20), 90), Image.new("RGB", (20, 20), (200, 0, 0))
    gray.save(tmp_path / "gray.gif", save_all=True, append_images=[colour])
    colour.save(tmp_path / "colour.webp", save_all=True, append_images=[gray.convert("RGB")], lossless=True)
    for name in ("gray.gif", "colour.webp"):
        with open_image(tmp_path / name) as source:
            assert source.info.planes == 2
            assert source.read(plane=0).shape == source.read(plane=1).shape
            assert "1 more frame is not shown." in source.info.warnings


def test_of_an_animation_only_the_first_frame_has_indices(tmp_path: Path) -> None:
    ramp = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) // 16)
    picture = ramp.convert("P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    other = picture.transpose(Image.Transpose.ROTATE_180)
    picture.save(tmp_path / "a.gif", save_all=True, append_images=[other])
    with open_image(tmp_path / "a.gif", indices=True) as source:
        assert source.info.kind == "gray"
        assert np.array_equal(source.read(plane=0), np.array(ramp))
        assert source.read(plane=1).shape == (8, 8)
    with open_image(tmp_path / "a.gif") as source:
        assert source.read(plane=1)[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_an_animated_png_is_shown_without_transparency(mode: str, tmp_path: Path) -> None:
    frames = [Image.new("L", (8, 6), bright).convert(mode) for bright in (200, 70)]
    for frame in frames:
        frame.putalpha(100)
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with open_image(tmp_path / "a.png") as source:
        assert source.info.kind == ("gray" if mode == "LA" else "rgb")
        assert [int(source.read(plane=plane).max()) for plane in (0, 1)] == [200, 70]


def test_a_picture_exchanged_for_one_of_another_size_while_it_is_open_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("L", (8, 6), 1).save(path)
    with open_image(path) as source:
        Image.new("L", (9, 6), 1).save(path)
        with pytest.raises(BadInput, match="its pixels do not fill the size that it states"):
            source.read()


def test_the_indices_of_a_palette_can_be_read(tmp_path: Path) -> None:
    picture = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8) // 16).convert("P")
    picture.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 0, 0, 255])
    for name in ("a.png", "a.gif"):
        picture.save(tmp_path / name)
        with open_image(tmp_path / name, indices=True) as source:
            assert source.read().tolist() == (np.arange(64).reshape(8, 8) // 16).tolist()
        with open_image(tmp_path / name) as source:
            assert source.read()[7, 7].tolist() == [0, 0, 255]


def test_indices_of_few_bits_are_not_stretched(tmp_path: Path) -> None:
    Image.fromarray(np.eye(16, dtype=bool)).save(tmp_path / "a.png")  # one bit
    with open_image(tmp_path / "a.png", indices=True) as source:
        assert set(np.unique(source.read())) == {0, 1}
    with open_image(tmp_path / "a.png") as source:
        assert set(np.unique(source.read())) == {0, 255}


def test_a_jpeg_mask_says_that_its_ids_are_blurred(tmp_path: Path) -> None:
    Image.new("L", (20, 20), 9).save(tmp_path / "a.jpg")
    with open_image(tmp_path / "a.jpg", indices=True) as source:
        assert "JPEG blurs values" in source.info.warnings[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(4) + b"IHDR" + bytes(40), "its header makes no sense|pixels, which"),
        (b"GIF89a" + bytes(20), "is damaged"),
        (b"BM" + bytes(30), "is damaged"),
        (b"RIFF\x10\0\0\0WEBP" + bytes(20), "is damaged"),
        (b"\xff\xd8\xff" + bytes(30), "is damaged"),
    ],
)
def test_a_header_without_a_picture_is_told(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(BadInput, match=said):
        open_image(tmp_path / "a")


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"\x89HDF", "HDF5"),
        (b"%PDF-1.4", "PDF document"),
        (b"<!doctype html>", "web page"),
        (b"Iout", "region of interest, not an image; outlines and boxes of other programs cannot be imported"),
        (b'{"type": "FeatureCollection"', "outlines and boxes of other programs cannot be imported"),
        (b"0 0.5 0.25 1 0.125\n", "outlines and boxes of other programs cannot be imported"),
        (b"PK\x05\x06", "empty ZIP"),
        (b"\x80\x04}", "pickle"),
        (b"\0\1\2\3", "is not an image that can be read"),
        (b"hello", "is a text file, not an image"),
    ],
)
def test_what_people_take_for_an_image_is_named(head: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(head)
    with pytest.raises(BadInput, match=said):
        open_image(tmp_path / "a.tif")


def test_an_archive_of_outlines_is_not_to_be_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "RoiSet.zip", "w") as archive:
        archive.writestr("0001.roi", b"Iout")
    with pytest.raises(BadInput, match=r"holds ImageJ regions of interest.* cannot be imported"):
        open_image(tmp_path / "RoiSet.zip")


def test_a_folder_or_a_device_is_no_image(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is a folder, not an image"):
        open_image(tmp_path)
    if Path("/dev/null").exists():
        with pytest.raises(BadInput, match="null is not a file"):
            open_image("/dev/null")


@pytest.mark.parametrize("largest", [7, 70_000])
def test_labels_written_by_tile_are_those_that_are_read(largest: int, tmp_path: Path) -> None:
    labels = np.zeros((700, 520), np.int32)
    labels[600:, 500:] = largest
    path = tmp_path / "a.tif"
    path.write_bytes(b"".join(label_tiff_by_tile(labels.shape, largest, lambda window: labels[window.slices])))
    assert np.array_equal(read_label_tiff(path).to_array(), labels)
    assert tifffile.imread(path).dtype == (np.uint32 if largest > 65_535 else np.uint16)
    with open_image(path) as source:
        assert source.read(Window(699, 519, 700, 520)) == largest


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.zeros((8, 8, 3), np.uint8), "it has 3 channels"),
        (np.zeros((8, 8), np.float32), "its pixels are float32, not whole numbers"),
        (np.full((8, 8), -2, np.int16), "its values go from -2 to -2"),
    ],
)
def test_labels_of_another_program_that_are_none_are_named(pixels: np.ndarray, said: str, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb" if pixels.ndim == 3 else "minisblack")
    with pytest.raises(BadInput, match=said):
        read_label_tiff(tmp_path / "a.tif")

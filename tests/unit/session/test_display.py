"""How images are displayed: channels to light, the colours that they get, and what is kept for images of a kind."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.axes import ImageInfo
from segstudio.io.sources import open_image
from segstudio.project.project import Project
from segstudio.session.display.channels import ChannelDisplay, ImageDisplay, default_display
from segstudio.session.display.shading import Rendering, Shade, histograms, rendering, sample, shaded
from segstudio.session.session import Session


def _info(channels: int, names: tuple[str, ...] = (), colours: tuple[str, ...] = ()) -> ImageInfo:
    shape = (channels, 4, 4)
    return ImageInfo(
        Path("a.tif"), 4, 4, channels, "uint16", "channels", "CYX", shape, "TIFF",
        channel_names=names, channel_colours=colours,
    )  # fmt: skip


def _gray(pixels: np.ndarray, contrast: tuple[float, float], gamma: float = 1.0) -> np.ndarray:
    return shaded(pixels, Rendering((Shade(None, contrast, gamma),), (9, 8, 7)))


def test_gray_values_become_shades() -> None:
    assert _gray(np.array([[0, 100, 200, 65535]], np.uint16), (100, 300)).tolist() == [[0, 0, 128, 255]]
    assert _gray(np.array([[150]], np.uint16), (100, 300), gamma=2)[0, 0] == 128
    assert _gray(np.array([[0.0, 5e299, 1e300]]), (0.0, 1e300)).tolist() == [[0, 128, 255]], "beyond single precision"
    odd = _gray(np.array([[0.0, np.nan, np.inf, -np.inf]]), (0, 1))
    assert odd[0].tolist() == [[0, 0, 0], [9, 8, 7], [255, 255, 255], [0, 0, 0]]


def test_visible_channels_are_added_up_each_in_its_colour() -> None:
    pixels = np.zeros((1, 4, 3), np.uint16)
    pixels[0, 0, 0] = pixels[0, 1, 1] = pixels[0, 2] = 100
    shades = (Shade(0, (0, 100), lut="#ff0000"), Shade(1, (0, 200), lut="#00ff80"))
    assert shaded(pixels, Rendering(shades))[0].tolist() == [[255, 0, 0], [0, 128, 64], [255, 128, 64], [0, 0, 0]]
    assert shaded(pixels, Rendering((Shade(2, (0, 100)),))).tolist() == [[0, 0, 255, 0]], "one alone, in gray"
    assert not shaded(pixels, Rendering(())).any(), "none at all"
    found = shaded(pixels, Rendering((Shade(0, (0, 100), lut="viridis"),)))[0]
    assert found[1].tolist() == [68, 1, 84], "the dark end of a look-up table"


def test_the_single_view_shows_one_channel_and_its_key_another() -> None:
    display = ImageDisplay((ChannelDisplay("#ff0000"), ChannelDisplay("magma"), ChannelDisplay("#0060ff")))
    assert display.pressed(1).drawn == (0, 2)
    assert display.pressed(7) == display
    single = ImageDisplay(display.channels, 0, composite=False)
    assert single.pressed(2).drawn == (2,)
    values = np.arange(30, dtype=np.uint16).reshape(10, 3)
    found = histograms(values, _info(3))
    assert [shade.lut for shade in rendering(single, found, _info(3)).shades] == ["#ffffff"]
    assert [shade.lut for shade in rendering(single.pressed(1), found, _info(3)).shades] == ["magma"]


def test_channels_get_the_colours_of_the_file_then_of_their_names_then_by_a_rule() -> None:
    def luts(info: ImageInfo) -> list[str]:
        return [channel.lut for channel in default_display(info).channels]

    assert luts(_info(2)) == ["#00ff00", "#ff00ff"]
    assert luts(_info(3, ("DAPI", "x", "mCherry"))) == ["#0060ff", "#00ff00", "#ff0000"]
    assert luts(_info(2, ("DAPI", "GFP"), ("#123456", ""))) == ["#123456", "#00ff00"]
    light = default_display(_info(3, ("Brightfield", "a", "b")))
    assert (light.drawn, light.current) == ((1, 2), 1), "light from below would hide the others"
    assert not default_display(_info(40)).composite


def test_each_channel_has_its_histogram_and_contrast(tmp_path: Path) -> None:
    pixels = np.full((2, 300, 300), 1000, np.uint16)
    pixels[:, :150] = 2000
    pixels[1] //= 10
    pixels[0, 0, 0], pixels[0, 0, 1] = 0, 65535
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, metadata={"axes": "CYX"})
    with open_image(tmp_path / "a.tif") as source:
        first, second = histograms(sample(source), source.info)
    assert (first.auto, second.auto) == ((1000, 2000), (100, 200))
    assert (first.low, first.high) == (0, 65535)


def test_image_without_a_number_still_has_a_contrast(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.full((20, 20), np.nan, np.float32))
    with open_image(tmp_path / "a.tif") as source:
        assert histograms(sample(source), source.info)[0].auto == (0.0, 1.0)


@pytest.mark.parametrize("colour", ["#00ffff", "#ff8000"])
def test_colours_of_files_are_read(tmp_path: Path, colour: str) -> None:
    pixels = np.zeros((2, 8, 8), np.uint16)
    ramp = np.arange(256)[None] * np.array([[int(colour[at : at + 2], 16)] for at in (1, 3, 5)]) // 255
    luts = [ramp.astype(np.uint8), np.tile(np.arange(256, dtype=np.uint8), (3, 1))]
    tifffile.imwrite(tmp_path / "ij.tif", pixels, imagej=True, metadata={"axes": "CYX", "LUTs": luts})
    number = int(colour[1:] + "ff", 16)
    signed = number - 2**32 if number >= 2**31 else number
    channel = {"Name": ["a", "b"], "Color": [signed, -1]}
    tifffile.imwrite(tmp_path / "x.ome.tif", pixels, metadata={"axes": "CYX", "Channel": channel})
    for name in ("ij.tif", "x.ome.tif"):
        with open_image(tmp_path / name) as source:
            assert source.info.channel_colours == (colour, "#ffffff")
    tifffile.imwrite(tmp_path / "white.ome.tif", pixels, metadata={"axes": "CYX", "Channel": {"Color": [-1, -1]}})
    with open_image(tmp_path / "white.ome.tif") as source:
        assert source.info.channel_colours == ()


def test_images_of_a_kind_are_displayed_alike_also_in_the_next_sitting(tmp_path: Path) -> None:
    for name, shape in (("a", (2, 20, 20)), ("b", (2, 30, 30)), ("c", (3, 20, 20)), ("d", (20, 20))):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.zeros(shape, np.uint16), imagej=len(shape) == 3)
    project, problems = Project.create(tmp_path / "p", [tmp_path / f"{name}.tif" for name in "abcd"])
    assert not problems
    project.close()
    kept = tmp_path / "p" / ".segstudio" / "display.json"
    session = Session()
    session.open_project(tmp_path / "p")
    view, images = session.view, {entry.name[0]: entry.id for entry in session.project.images}  # type: ignore[union-attr]
    session.select(images["b"])
    assert not kept.exists(), "nobody changed anything"
    view.display = view.display.changed(1, lut="magma", contrast=(5.0, 80.0), visible=False)
    mine = view.display
    for name, expected in (("a", mine), ("c", None), ("d", ImageDisplay()), ("b", mine)):
        session.select(images[name])
        assert view.display == expected or (expected is None and len(view.display.channels) == 3)
    session.close()

    again = Session()
    again.open_project(tmp_path / "p")
    again.select(images["a"])
    assert again.view.display == mine
    again.close()

    kept.write_text(kept.read_text().replace("magma", "murky"))
    third = Session()
    third.open_project(tmp_path / "p")
    third.select(images["a"])
    assert third.view.display == default_display(third.document.source.info)  # type: ignore[union-attr]
    third.close()


def test_steps_of_large_whole_numbers_are_seen() -> None:
    values = np.array([[2**30, 2**30 + 50, 2**30 + 100]])
    for dtype in (np.int32, np.uint32):
        assert _gray(values.astype(dtype), (2.0**30, 2.0**30 + 100)).tolist() == [[0, 128, 255]]
    assert _gray(np.array([[-128, 127]], np.int8), (-128, 127)).tolist() == [[0, 255]]
    assert _gray(np.array([[False, True]]), (0, 1)).tolist() == [[0, 255]]


def test_the_contrast_of_a_stack_is_that_of_more_than_its_first_plane(tmp_path: Path) -> None:
    pixels = np.full((9, 20, 20), 10, np.uint16)
    pixels[4:, 5:15, 5:15] = 1000
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    with open_image(tmp_path / "a.tif") as source:
        assert histograms(sample(source), source.info)[0].auto == (10, 1000)


@pytest.mark.parametrize("content", ['{"schema_version": 9, "kinds": {}, "more": 1}', '{"kinds": [1]}', "[]"])
def test_what_a_newer_version_keeps_stays_and_what_means_nothing_is_passed_over(tmp_path: Path, content: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 16, 20), np.uint16), imagej=True, metadata={"axes": "CYX"})
    Project.create(tmp_path / "p", [tmp_path / "a.tif"])[0].close()
    kept = tmp_path / "p" / ".segstudio" / "display.json"
    kept.write_text(content)
    session = Session()
    session.open_project(tmp_path / "p")
    view = session.view
    view.display = view.display.changed(1, visible=False)
    session.close()
    assert (kept.read_text() == content) == ("schema_version" in content)

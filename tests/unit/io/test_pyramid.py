"""Images in a smaller size: exact means, and no more memory than a piece needs."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.core.tiles import Window
from segstudio.io.pyramid import SIDE, PyramidKey, overview, pyramid_tile, top_level
from segstudio.io.sources import open_image


def test_coarse_tile_is_the_mean_of_the_pixels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 60000, (3000, 2600), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    with open_image(tmp_path / "a.tif") as source:
        tile = pyramid_tile(source, PyramidKey(2, 0, 1))
        small = pyramid_tile(source, PyramidKey(1, 1, 1))
    assert (
        np.abs(small - pixels[1024:2048, 1024:2048].astype(float).reshape(512, 2, 512, 2).mean(axis=(1, 3))).max() <= 1
    )
    expected = pixels[:2048, 2048:].astype(float).reshape(512, 4, 138, 4).mean(axis=(1, 3))
    assert tile.shape == (512, 138)
    assert np.abs(tile - expected).max() <= 1


@pytest.mark.parametrize(("size", "level"), [((1, 1), 0), ((512, 300), 0), ((513, 300), 1), ((65536, 65536), 7)])
def test_the_top_of_the_pyramid_is_one_tile(size: tuple[int, int], level: int) -> None:
    assert top_level(size) == level
    assert max(size) <= SIDE << level


def test_the_overview_shows_the_whole_image_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows, columns = np.mgrid[:4500, :2100]
    pixels = (rows // 30 + columns // 30).astype(np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, tile=(256, 256))
    asked: list[Window] = []
    with open_image(tmp_path / "a.tif") as source:
        read = source.read

        def counted(window: Window | None = None, plane: int = 0) -> Any:
            assert window is not None, "never the whole image at once"
            asked.append(window)
            return read(window, plane)

        monkeypatch.setattr(source, "read", counted)
        small = overview(source)
    assert small.shape == (282, 132)
    assert max(window.width * window.height for window in asked) <= 2048**2
    expected = pixels[:4096, :2048].reshape(256, 16, 128, 16).mean(axis=(1, 3))
    assert np.abs(small[:256, :128] - expected).max() <= 1


@pytest.mark.parametrize("dtype", ["int32", "uint32", "float64", "int8"])
def test_types_that_cannot_be_shrunk_as_they_are_are_averaged_as_floats(tmp_path: Path, dtype: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 100, (600, 700)).astype(dtype)
    np.save(tmp_path / "a.npy", pixels)
    with open_image(tmp_path / "a.npy") as source:
        tile = pyramid_tile(source, PyramidKey(1, 0, 0))
    assert tile.dtype == np.float32
    assert np.allclose(tile, pixels.astype(float).reshape(300, 2, 350, 2).mean(axis=(1, 3)), atol=0.01)

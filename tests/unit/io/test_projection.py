"""The brightest pixels along an axis of a stack."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.tiles import Window
from segstudio.io.projection import MaximumProjection
from segstudio.io.pyramid import overview
from segstudio.io.sources import open_image


@pytest.mark.parametrize(("axes", "letter", "axis"), [("TZYX", "Z", 1), ("TZYX", "T", 0), ("ZCYX", "Z", 0)])
def test_each_plane_holds_the_maximum_along_the_axis(tmp_path: Path, axes: str, letter: str, axis: int) -> None:
    pixels = np.random.default_rng(1).normal(size=(2, 3, 20, 30)).astype(np.float32)
    pixels[0, 0, 3, 4] = np.nan
    pixels[:, :, 5, 6] = np.nan
    tifffile.imwrite(tmp_path / "a.ome.tif", pixels, metadata={"axes": axes}, photometric="minisblack")
    planes = np.nanmax(np.where(np.isnan(pixels), -np.inf, pixels), axis=axis, keepdims=True)
    wanted = np.broadcast_to(np.where(np.isneginf(planes), np.nan, planes), pixels.shape)
    wanted = np.moveaxis(wanted, 1, -1) if "C" in axes else wanted.reshape(6, 20, 30)
    with open_image(tmp_path / "a.ome.tif") as source:
        projected = MaximumProjection(source, letter)
        for plane in range(source.info.planes):
            np.testing.assert_array_equal(projected.read(plane=plane), wanted[plane])
            assert projected.first(projected.first(plane)) == projected.first(plane)
        part = Window(2, 3, 9, 9)
        np.testing.assert_array_equal(projected.read(part, 1), wanted[1][part.slices])
        np.testing.assert_array_equal(overview(projected, 1), wanted[1])
        assert projected.info.stack[1] == source.info.stack[1]
        assert projected.info.axes != source.info.axes, "what is kept of the planes is not of this"

"""Images of files that hold several: none is taken twice, none leads out of its file, and each is found again."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.io.sources import BaseSource, ImagePart, open_image
from segstudio.project.intake import Intake
from segstudio.session.file_parts import files_with_parts


def _series(path: Path, images: int = 2) -> Path:
    with tifffile.TiffWriter(path, ome=True) as file:
        for number in range(images):
            pixels = np.full((2, 20, 30), number, np.uint8)
            file.write(pixels, metadata={"axes": "ZYX"}, photometric="minisblack")
    return path


@pytest.mark.parametrize("name", ["../secret.tif", "/secret.tif", "C:secret.tif", ""])
def test_no_image_that_a_file_names_leads_out_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = _series(tmp_path / "a.ome.tif")

    def opened(path: Path) -> BaseSource:
        source = open_image(path)
        source.parts, source.part = (ImagePart("1", ""), ImagePart(name, "")), name
        return source

    monkeypatch.setattr("segstudio.session.file_parts.open_image", opened)
    monkeypatch.setattr("segstudio.project.intake.open_image", opened)
    assert files_with_parts([path]) == []
    with pytest.raises(BadInput, match="does not lie in it"):
        Intake(tmp_path / "project", ()).look(path)

"""Nothing is exported or measured of an image that is no longer the one that was labelled."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.labels.edits import Stroke
from segstudio.project import image_sums
from segstudio.project.project import Project
from segstudio.session.export_items import export_items
from segstudio.session.measuring import measure_items


def test_a_large_image_with_another_middle_is_not_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_sums, "_AT_ONCE", 0)
    path, pixels = tmp_path / "a.tif", np.full((600, 800), 50, np.uint8)
    tifffile.imwrite(path, pixels)
    with Project.create(tmp_path / "project", path)[0] as project:
        project.document(project.images[0].id).apply(Stroke([(400.0, 300.0)], 9, 1))
    with Project.open(tmp_path / "project") as project:
        assert measure_items(export_items(project)).columns["mean_intensity"] == 50
        pixels[200:400] = 7
        tifffile.imwrite(path, pixels)
        left_out: dict[str, BadInput] = {}
        with pytest.raises(BadInput, match="content has changed"):
            measure_items(export_items(project, left_out=left_out))
        assert set(left_out) == {"a.tif"}

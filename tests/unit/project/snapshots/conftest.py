"""A project of one image."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from earlier_states import SHAPE

from segstudio.project.document import ImageDocument
from segstudio.project.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    made, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    yield made
    made.close()


@pytest.fixture
def document(project: Project) -> ImageDocument:
    return project.document(project.images[0].id)

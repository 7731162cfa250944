"""A folder with an image."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from one_document import SHAPE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    return tmp_path

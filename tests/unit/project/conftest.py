"""What several tests of projects need."""

from pathlib import Path

import pytest
from project_pictures import image


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number in range(4):
        image(tmp_path / "pictures" / f"cell_{number}.tif", number)
    return tmp_path / "pictures"

"""What tests of the window share."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from canvas_desk import Desk
from pytestqt.qtbot import QtBot
from studio import Studio


@pytest.fixture
def studio(tmp_path: Path, qtbot: QtBot) -> Iterator[Studio]:
    made = Studio(tmp_path, qtbot)
    yield made
    made.close()


@pytest.fixture
def desks(qtbot: QtBot, tmp_path: Path) -> Iterator[Any]:
    made: list[Desk] = []

    def make(image: Any) -> Desk:
        made.append(Desk(qtbot, tmp_path, image))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


@pytest.fixture
def desk(desks: Any) -> Desk:
    result: Desk = desks(np.full((96, 128), 100, np.uint8))
    return result

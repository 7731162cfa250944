"""A project whose disk can refuse, and a rescue store of its own."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from refused_work import Refusing

from segstudio.project import journal_writer
from segstudio.project.project import Project


@pytest.fixture
def disk() -> Refusing:
    return Refusing()


@pytest.fixture(autouse=True)
def _try_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_writer, "RETRY_SECONDS", 0.02)


@pytest.fixture
def rescue(tmp_path: Path) -> Path:
    return tmp_path / "local" / "rescue"


@pytest.fixture
def project(tmp_path: Path, disk: Refusing, rescue: Path) -> Iterator[Project]:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((120, 150), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", disk=disk, rescue=rescue)
    yield project
    disk.full = False
    disk.answers.set()
    project.close()

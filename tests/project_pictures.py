"""Small pictures, and a project of them."""

from pathlib import Path

import numpy as np
import tifffile

from segstudio.project.project import Project


def image(path: Path, value: int = 0, shape: tuple[int, int] = (64, 80)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape)
    tifffile.imwrite(path, ((pixels + value) % 251).astype(np.uint8))
    return path


def made(tmp_path: Path, pictures: Path) -> Project:
    return Project.create(tmp_path / "project", pictures)[0]

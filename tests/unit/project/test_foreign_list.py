"""A project.json in which another program has changed what an image is: refused in words, and nothing is lost."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.labels.edits import Stroke
from segstudio.project.manifest import BACKUP, MANIFEST
from segstudio.project.manifest_file import sums_of_manifest
from segstudio.project.project import Project

Content = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a closed project of two images with labels."""
    for number, name in enumerate("ab", 1):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.full((60, 70), number, np.uint8))
    with Project.create(tmp_path / "project", [tmp_path / "a.tif", tmp_path / "b.tif"])[0] as project:
        for number, entry in enumerate(project.images, 1):
            project.document(entry.id).apply(Stroke([(20.0, 20.0)], 5, number))
    return tmp_path / "project"


def drawn(project: Project, image_id: str) -> set[int]:
    return project.document(image_id).planes.labels.values()


def change(folder: Path, what: Callable[[Content], object]) -> bytes:
    """Change project.json as another program does; return it as it was."""
    before = (folder / MANIFEST).read_bytes()
    content = json.loads(before)
    what(content)
    (folder / MANIFEST).write_bytes(json.dumps(content).encode())
    return before


def put_back(folder: Path, manifest: bytes) -> Path:
    """Return a copy of the project in which our manifest stands in its place again."""
    copy = shutil.copytree(folder, folder.with_name("put back"))
    (copy / MANIFEST).write_bytes(manifest)
    for newer in (copy / BACKUP, sums_of_manifest(copy)):
        newer.unlink()
    return copy


def another_image(content: Content) -> None:
    mark = content["images"][0]["fingerprint"]
    content["images"][0]["fingerprint"] = mark[:-1] + ("0" if mark[-1] != "0" else "1")


def another_id(content: Content) -> None:
    content["images"][0]["id"] = "0123456789ab"


def test_an_image_that_is_said_to_be_another_one_gets_no_labels_laid_on_it(folder: Path) -> None:
    """Found by test_foreign_changes: seed 230859012, case 70."""
    with Project.open(folder, read_only=True) as project:
        first, second = (entry.id for entry in project.images)
    before = change(folder, another_image)
    with Project.open(folder) as project:
        assert any("was changed by another program" in words for words in project.warnings)
        with pytest.raises(BadInput) as caught:
            project.document(first)
        assert caught.value.code == "image-changed"
        assert drawn(project, second) == {2}
    assert (folder / "project.kept-1.json").read_bytes() == before
    with Project.open(put_back(folder, before)) as project:
        assert drawn(project, first) == {1}


def test_an_image_that_has_another_id_in_it_keeps_its_labels_under_the_old_one(folder: Path) -> None:
    """Found by test_foreign_changes: seed 5551, case 226."""
    with Project.open(folder, read_only=True) as project:
        first, second = (entry.id for entry in project.images)
        labels = project.label_path(first)
    before, pixels = change(folder, another_id), labels.read_bytes()
    with Project.open(folder) as project:
        assert any("was changed by another program" in words for words in project.warnings)
        assert [entry.id for entry in project.images] == ["0123456789ab", second]
        assert drawn(project, second) == {2}
    assert labels.read_bytes() == pixels
    with Project.open(put_back(folder, before)) as project:
        assert drawn(project, first) == {1}
        assert project.document(first).undo() is not None


def test_a_label_file_of_which_an_earlier_state_is_put_back_by_a_swap_is_our_own(folder: Path) -> None:
    """Found by test_foreign_changes: seed 230859012, case 134."""
    with Project.open(folder) as project:
        first = project.images[0].id
        document = project.document(first)
        earlier = project.label_path(first).read_bytes()
        document.apply(Stroke([(40.0, 40.0)], 5, 3))
        assert document.checkpoint(wait=True)
        path = project.label_path(first)
    path.write_bytes(earlier)
    with Project.open(folder) as project:
        assert drawn(project, first) == {1, 3}
        assert not any(re.search("changed", words) for words in project.document(first).notices)
    assert set(np.unique(tifffile.imread(path)).tolist()) == {0, 1, 3}
    assert list(path.parent.glob("*foreign*")) == []

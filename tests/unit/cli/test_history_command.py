"""``segstudio history``: lists what is kept, and goes back to it."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.cli.main import main
from segstudio.labels.edits import Delete, Stroke
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number, name in enumerate(("a.tif", "b.tif")):
        tifffile.imwrite(tmp_path / name, np.full((90, 200), number, np.uint8))
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif", tmp_path / "b.tif"])
    with project:
        document = project.document(project.images[0].id)
        for number in range(1, 13):
            document.apply(Stroke(np.array([[12.0 * number, 20], [12.0 * number, 70]]), 8, number))
        document.apply(Delete(tuple(range(1, 12))))
        document.close()
    return tmp_path / "project"


def test_it_lists_and_restores(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", str(folder)]) == 0
    assert [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()] == [
        "1 earlier state a.tif",
        "0 earlier states b.tif",
    ]
    assert main(["history", str(folder), "b"]) == 0
    assert capsys.readouterr().out == "No earlier state of b.tif is kept yet.\n"
    assert main(["history", str(folder), "a"]) == 0
    listed = capsys.readouterr().out
    assert "12 objects" in listed
    assert "before “Delete 11 objects”" in listed
    assert main(["history", str(folder), "a.tif", "--restore", "1"]) == 0
    assert "12 objects" in capsys.readouterr().out
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        assert set(document.planes.objects) == set(range(1, 13))
        assert project.images[0].objects == 12
        document.undo()
        assert set(document.planes.objects) == {12}
    assert main(["history", str(folder), "a.tif", "--restore", "2"]) == 0
    assert "already" in capsys.readouterr().out


def test_what_cannot_be_restored_is_a_sentence(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", str(folder), "a.tif", "--restore", "7"]) == 3
    assert "There is no earlier state 7 of this image" in capsys.readouterr().err
    assert main(["history", str(folder), "--restore", "7"]) == 2
    assert "needs the name of an image" in capsys.readouterr().err
    assert main(["history", str(folder), "c.tif"]) == 3
    assert "no image called 'c.tif'" in capsys.readouterr().err


def test_an_image_whose_labels_are_damaged_is_restored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Project.open(folder, read_only=True) as project:
        files = project.files(project.images[0].id)
    shutil.rmtree(files.journal)
    files.labels.write_bytes(files.labels.read_bytes()[:-40])
    assert main(["history", str(folder), "a.tif"]) == 0
    assert "12 objects" in capsys.readouterr().out
    assert main(["history", str(folder), "a.tif", "--restore", "1"]) == 0
    told = capsys.readouterr().out
    assert "a.foreign-1.tif" in told
    assert "The labels of a.tif are as in state 1: 12 objects." in told
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        assert set(document.planes.objects) == set(range(1, 13))
        assert document.notices == []

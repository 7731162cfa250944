"""A project of somebody else that names images outside of itself, on the command line."""

import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells

from segstudio.cli.main import main
from segstudio.cli.project_words import take_images_from
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.labels.edits import PasteLabels
from segstudio.labels.objects import ObjectInfo
from segstudio.project import linked_folders
from segstudio.project.project import Project

TRAIN = ["--dry-run", "--device", "cpu", "--quiet"]


@pytest.fixture
def far(tmp_path: Path) -> Path:
    folder = tmp_path / "far" / "images"
    folder.mkdir(parents=True)
    for seed, name in enumerate(("a", "b")):
        tifffile.imwrite(folder / f"{name}.tif", cells((64, 80), count=4, seed=seed).image)
    return folder


@pytest.fixture
def project(tmp_path: Path, far: Path) -> Path:
    """Return a project of two labelled images far away, which this user has never linked."""
    known = cells((64, 80), count=4)
    (tmp_path / "mine").mkdir()
    made, _ = Project.create(tmp_path / "mine" / "project", far, "cells")
    with made:
        for entry in made.images:
            infos = {object_id: ObjectInfo() for object_id in np.unique(known.labels).tolist() if object_id}
            made.document(entry.id).apply(PasteLabels(known.labels, Window.whole((64, 80)), infos))
    linked_folders.linked_folders_file().unlink()
    linked_folders._known.clear()
    return tmp_path / "mine" / "project"


def _opened(far: Path) -> list[str]:
    found: list[str] = []

    def hook(event: str, args: tuple[object, ...]) -> None:
        if event == "open" and str(args[0]).startswith(str(far)):
            found.append(str(args[0]))

    sys.addaudithook(hook)
    return found


def test_the_place_is_named_and_not_read(
    project: Path, far: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opened = _opened(far)
    assert main(["train", str(project), "--out", str(tmp_path / "run"), *TRAIN]) == 3
    told = capsys.readouterr().err
    assert f"Note: 2 images lie outside of this project, in {far}, and they are not read." in told
    assert "add --images-from FOLDER" in told
    assert f"a.tif lies outside of this project, in {far}, and is not read." in told
    assert f"with --images-from {far} in a terminal" in told
    assert main(["verify", str(project)]) == 3
    assert f"a.tif lies outside of this project, in {far}, and is not read." in capsys.readouterr().out
    assert opened == []


def test_it_is_read_when_the_user_says_so_and_from_then_on(
    project: Path, far: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["train", str(project), "--out", str(tmp_path / "run"), *TRAIN]
    assert main(["verify", str(project), "--images-from", str(far.parent)]) == 0, "also the folders below count"
    linked_folders._known.clear()
    assert main(words) == 0
    assert "Note" not in capsys.readouterr().err


def test_measurements_of_images_elsewhere(project: Path, far: Path, tmp_path: Path) -> None:
    words = ["export", str(project), "--format", "measurements", "--out", str(tmp_path / "m.csv"), "--quiet"]
    assert main([*words, "--images-from", str(far)]) == 0
    header, *rows = (tmp_path / "m.csv").read_text("utf-8-sig").splitlines()
    assert "mean_intensity" in header
    assert len(rows) == 8


def test_labels_of_images_elsewhere_need_no_image(project: Path, far: Path, tmp_path: Path) -> None:
    opened = _opened(far)
    words = ["export", str(project), "--format", "label-tiff", "--out", str(tmp_path / "out"), "--quiet"]
    assert main(words) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.tif", "b.tif"]
    assert opened == []


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no folder"):
        take_images_from([tmp_path / "nowhere"], tmp_path)


def test_a_folder_without_an_image_of_the_project_is_refused(project: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No image of the project cells lies in"):
        take_images_from([tmp_path / "mine"], project)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_a_name_from_a_stranger_does_not_command_the_terminal(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = project / "project.json"
    text = manifest.read_text("utf-8").replace("/far/images/", "/far/\\u001b[31mimages/")
    manifest.write_text(text, "utf-8")
    (project / "project.json.bak").unlink(missing_ok=True)
    main(["train", str(project), "--out", str(tmp_path / "run"), *TRAIN])
    told = capsys.readouterr().err
    assert "?[31mimages" in told
    assert "\x1b" not in told

"""Forty names that trip programs up, of folders, projects, images and classes: all that is done with them works."""

import os
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import seed as drawn_from
from hypothesis import strategies as st
from reliability.cases import Cases

from segstudio.cli.main import main
from segstudio.core.errors import UserError
from segstudio.labels.edits import Stroke
from segstudio.project.project import Project

NAMES = (
    "plain",
    "with space",
    " leading space",
    "trailing space ",
    "trailing dot.",
    "two..dots",
    "...",
    ".hidden",
    "-dash",
    "--option=1",
    "$HOME",
    "%TEMP%",
    "~user",
    "a&b;c|d",
    "quote'quote",
    'double"quote',
    "back\\slash",
    "new\nline",
    "tab\there",
    "bell\x07",
    "star*question?",
    "<angle>",
    "colon:colon",
    "con",
    "NUL.x",
    "com1",
    "Straße",
    "ÅNGSTRÖM",
    unicodedata.normalize("NFC", "café"),
    unicodedata.normalize("NFD", "café"),
    "日本語の画像",
    "صورة",
    "\u202eright to left",
    "zero\u200bwidth",
    "🔬🧫",
    "👩‍🔬 family",
    "x" * 251,
    "é" * 125,
    "🔬" * 62,
    "Case",
    "cASE",
    "file.foreign-1",
    "{braces} {0}",
    "<b>bold</b>",
)


def _fits(folder: Path, name: str) -> bool:
    """Whether this disk can have a file of this name."""
    try:
        (folder / name).write_bytes(b"")
        (folder / name).unlink()
    except (OSError, ValueError):
        return False
    return True


def _image(path: Path, number: int) -> None:
    with path.open("wb") as file:  # by the handle: the name is not the library's to read
        tifffile.imwrite(file, np.full((40, 50), number, np.uint8))


def test_there_are_forty() -> None:
    assert len(set(NAMES)) >= 40


def test_images_of_all_names_in_one_project(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = tmp_path / "images"
    images.mkdir()
    found = [name for name in NAMES if _fits(images, f"{name}.tif")]
    for number, name in enumerate(found):
        _image(images / f"{name}.tif", number)
    on_disk = len(list(images.iterdir()))
    project, problems = Project.create(tmp_path / "cells", images)
    visible = [path for path in images.iterdir() if not path.name.startswith(".")]
    assert problems == []
    with project:
        assert len(project.images) == len(visible) >= min(on_disk - 2, 30)
        assert len({entry.stem.casefold() for entry in project.images}) == len(project.images)
        for number, entry in enumerate(project.images, 1):
            document = project.document(entry.id)
            document.apply(Stroke(np.array([[20.0, 20.0]]), 5, number))
            assert document.close()
    with Project.open(tmp_path / "cells") as project:
        assert project.warnings == []
        for number, entry in enumerate(project.images, 1):
            document = project.document(entry.id)
            assert document.notices == []
            assert list(document.planes.objects) == [number]
            assert document.undo() is not None
            assert document.redo() is not None
            assert tifffile.imread(project.label_path(entry.id)).max() == number
        count = len(project.images)
    out = tmp_path / "out"
    assert main(["export", str(tmp_path / "cells"), "--format", "label-tiff", "--out", str(out), "--quiet"]) == 0
    assert len(list(out.rglob("*.tif"))) == count
    for name in ("coco", "measurements"):
        target = tmp_path / f"out.{ {'coco': 'json', 'measurements': 'csv'}[name] }"
        assert main(["export", str(tmp_path / "cells"), "--format", name, "--out", str(target), "--quiet"]) == 0
        assert target.stat().st_size > 100
    capsys.readouterr()


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_project_of_this_name_in_a_folder_of_this_name(tmp_path: Path, name: str) -> None:
    if not _fits(tmp_path, name):
        pytest.skip("this disk has no such names")
    folder = tmp_path / name
    folder.mkdir()
    _image(folder / "a.tif", 1)
    project, problems = Project.create(folder / name, folder / "a.tif", name=name, rescue=tmp_path / "rescue")
    assert problems == []
    with project:
        project.set_classes(project.classes.add(name[:100].strip() or "cell 2"))
        project.save()
        document = project.document(project.images[0].id)
        document.apply(Stroke(np.array([[20.0, 20.0]]), 5, 1))
        assert document.flush()
        # Who moves a project that is open finds all of it in the new place, and no other one in the old.
        (folder / name).rename(folder / "unplugged")
        document.apply(Stroke(np.array([[40.0, 20.0]]), 5, 2))
    assert not (folder / name).exists()
    (folder / "unplugged").rename(folder / name)
    with Project.open(folder / name, rescue=tmp_path / "rescue") as project:
        assert len(project.classes) == 2
        document = project.document(project.images[0].id)
        assert document.notices == []
        assert len(document.planes.objects) == 2
        assert document.checkpoint(wait=True)
    assert not list((tmp_path / "rescue").rglob("*.sj"))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows names are text")
def test_names_that_are_no_text(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    name = os.fsdecode(b"caf\xe9-\xff")
    if not _fits(images, f"{name}.tif"):
        pytest.skip("this disk has no such names")
    _image(images / f"{name}.tif", 1)
    with pytest.raises(UserError, match="not written in UTF-8"):
        Project.create(tmp_path / "cells", images)
    assert not (tmp_path / "cells").exists()


def test_any_text_is_a_name_of_a_project_and_of_classes(tmp_path: Path, cases: Cases, seed: int) -> None:
    _image(tmp_path / "a.tif", 1)
    project, _ = Project.create(tmp_path / "cells", tmp_path / "a.tif")
    project.close()

    @settings(max_examples=10, deadline=None, database=None)
    @given(st.text(min_size=1, max_size=100), st.text(min_size=1, max_size=100))
    def named(project_name: str, class_name: str) -> None:
        with Project.open(tmp_path / "cells") as project:
            project.set_name(project_name)
            first = project.classes.ids[0]
            project.set_classes(project.classes.rename(first, class_name))
        with Project.open(tmp_path / "cells") as again:
            kept = [again.name, again.classes.classes[0].name]
            assert kept == [text.encode("utf-8", "replace").decode() for text in (project_name, class_name)]

    for number in cases(merge=1, nightly=100, release=500, each=10):
        try:
            drawn_from(seed + number)(named)()
        except BaseException as problem:
            problem.add_note(f"seed {seed + number}")
            raise

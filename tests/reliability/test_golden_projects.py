"""Experiment 14: projects of every released version open, with their whole history, and can be worked on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from golden.make_project import digest

from segstudio.labels.edits import Stroke
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if (path / "expected.json").exists())


@pytest.fixture(params=VERSIONS)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    folder = Path(shutil.copytree(GOLDEN / request.param, tmp_path / "copy"))
    return folder / "project", json.loads((folder / "expected.json").read_text())


def image_of(project: Project, name: str) -> str:
    return next(entry.id for entry in project.images if entry.name == name)


def rows_of(document: ImageDocument) -> dict[str, list[Any]]:
    return {str(n): [info.class_id, info.source, info.state] for n, info in sorted(document.planes.objects.items())}


def check_history(document: ImageDocument, states: list[str], ahead: int) -> None:
    assert digest(document) == states[ahead]
    for state in reversed(states[:ahead]):
        assert document.redo() is not None
        assert digest(document) == state
    for state in states[1:]:
        assert document.undo() is not None
        assert digest(document) == state
    assert document.undo() is None
    assert not len(document.planes.objects), "not undone to the empty image"
    for state in reversed(states[:-1]):
        assert document.redo() is not None
        assert digest(document) == state
    assert document.redo() is None
    for _ in range(ahead):
        document.undo()


def test_there_is_a_golden_project() -> None:
    assert "v1" in VERSIONS


def test_a_golden_project_holds_what_its_version_has_written(golden: tuple[Path, dict[str, Any]]) -> None:
    folder, expected = golden
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with Project.open(folder, read_only=True) as project:
        assert project.warnings == []
        assert project.name == expected["name"]
        assert [[c.id, c.name, c.colour] for c in project.classes.classes] == expected["classes"]
        assert [[c.id, c.name, c.colour] for c in project.classes.removed] == expected["removed"]
        assert [entry.name for entry in project.images if entry.reviewed] == expected["reviewed"]
        assert {project.entry(key).name: split for key, split in project.splits().items()} == expected["splits"]
        for name, content in expected["images"].items():
            document = project.document(image_of(project, name))
            assert document.notices == []
            assert rows_of(document) == content["objects"]
            assert digest(document) == content["states"][content["ahead"]]
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_a_golden_project_is_undone_to_the_empty_image_and_back(golden: tuple[Path, dict[str, Any]]) -> None:
    folder, expected = golden
    with Project.open(folder) as project:
        for name, content in expected["images"].items():
            check_history(project.document(image_of(project, name)), content["states"], content["ahead"])


def test_a_golden_project_is_edited_saved_and_opened_again(golden: tuple[Path, dict[str, Any]]) -> None:
    folder, expected = golden
    after = {}
    with Project.open(folder) as project:
        project.set_classes(project.classes.add("vacuole"))
        for name in expected["images"]:
            document = project.document(image_of(project, name))
            document.apply(Stroke([(32.0, 60.0), (40.0, 60.0)], 5, document.planes.objects.next_id(), class_id=2))
            after[name] = digest(document)
        pictures = folder.parent / "pictures"
        assert project.add_images([pictures / "taken out.tif"]) == []
        assert project.entry(image_of(project, "taken out.tif")).objects == 1, "labels of an image that was taken out"
        assert project.close()
    with Project.open(folder) as again:
        assert again.warnings == []
        assert again.classes.names[-1] == "vacuole"
        assert max(again.classes.ids) == 4, "the id of a removed class is given again"
        for name, content in expected["images"].items():
            document = again.document(image_of(again, name))
            assert document.notices == []
            assert digest(document) == after[name]
            document.undo()
            assert digest(document) == content["states"][content["ahead"]]

"""A project.json that is damaged, made up, or of a newer program."""

import json
from pathlib import Path

import pytest
from project_pictures import made

from segstudio.core.errors import BadInput
from segstudio.project.layout import is_project
from segstudio.project.manifest_file import load_manifest
from segstudio.project.project import Project


def manifest(tmp_path: Path, **changes: object) -> Path:
    entry = {
        "id": "a1", "path": "a.tif", "name": "a.tif", "stem": "a", "height": 5, "width": 5, "channels": 1,
        "dtype": "uint8", "pixel_size_um": None, "fingerprint": "", "split": "auto", "reviewed": False, "objects": 0,
        "marked": False, "predicted": "",
    }  # fmt: skip
    content = {"schema_version": 1, "name": "p", "settings": {}, "images": [entry]}
    content["classes"] = [{"id": 1, "name": "cell", "colour": "#000000"}]
    for name, value in changes.items():
        (entry if name in entry else content)[name] = value
    (tmp_path / "project.json").write_text(json.dumps(content))
    return tmp_path


def test_a_damaged_manifest_opens_from_its_backup_with_a_notice(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    project.set_name("second version")
    project.close()
    path = tmp_path / "project" / "project.json"
    path.write_bytes(path.read_bytes()[:100])
    with Project.open(tmp_path / "project") as again:
        assert len(again.images) == 4
        assert "project.json is damaged: it ends too early" in again.warnings[0]


def test_without_manifest_and_backup_is_said_where_the_labels_are(tmp_path: Path, pictures: Path) -> None:
    made(tmp_path, pictures).close()
    for name in ("project.json", "project.json.bak"):
        (tmp_path / "project" / name).write_bytes(b'{"schema_version": 2,')
    with pytest.raises(BadInput, match=r"^project\.json is damaged: it ends too early") as told:
        Project.open(tmp_path / "project")
    assert "import the masks in the folder labels" in told.value.hint


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("stem", "../../evil", "stem"),
        ("stem", "/tmp/evil", "stem"),
        ("stem", "a\\b", "stem"),
        ("id", "../x", "id"),
        ("height", -1, "height"),
        ("height", "5", "height"),
        ("split", "nowhere", "split"),
        ("classes", [], "classes"),
        ("images", {}, "images"),
        ("surprise", 1, "surprise"),
    ],
)
def test_a_hostile_manifest_is_refused_naming_the_field(tmp_path: Path, name: str, value: object, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        load_manifest(manifest(tmp_path, **{name: value}))


def test_a_project_of_a_newer_program_is_refused_and_unchanged(tmp_path: Path) -> None:
    folder = manifest(tmp_path, schema_version=99)
    before = (folder / "project.json").read_bytes()
    with pytest.raises(BadInput, match="newer SegStudio"):
        Project.open(folder)
    assert (folder / "project.json").read_bytes() == before


def test_a_folder_that_is_no_project_says_so(tmp_path: Path) -> None:
    assert not is_project(tmp_path)
    with pytest.raises(BadInput, match="no SegStudio project"):
        Project.open(tmp_path)
    with pytest.raises(BadInput, match="nowhere was not found in"):
        Project.open(tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []

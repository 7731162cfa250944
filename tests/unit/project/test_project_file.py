"""What is done with a project.json that is damaged, older, newer, or of another program."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput, UserError, WrongUsage
from segstudio.io.disk import Disk, DiskError
from segstudio.project import manifest_saving
from segstudio.project.layout import keep_out
from segstudio.project.manifest import BACKUP, MANIFEST
from segstudio.project.project import Project

Content = dict[str, Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a closed project of two images that was saved more than once."""
    for name in "ab":
        tifffile.imwrite(tmp_path / f"{name}.tif", np.full((20, 30), ord(name), np.uint8))
    project, problems = Project.create(tmp_path / "project", [tmp_path / "a.tif", tmp_path / "b.tif"])
    assert problems == []
    project.set_classes(project.classes.add("debris"))
    project.set_name("ours")
    assert project.close()
    return tmp_path / "project"


def change(path: Path, what: Callable[[Content], object]) -> bytes:
    content = json.loads(path.read_bytes())
    what(content)
    data = json.dumps(content).encode()
    path.write_bytes(data)
    return data


def repeat_an_id(content: Content) -> None:
    content["images"][1]["id"] = content["images"][0]["id"]


def repeat_a_class(content: Content) -> None:
    content["classes"][1]["id"] = content["classes"][0]["id"]


def name_no_path(content: Content) -> None:
    content["images"][0]["path"] = "../a\0.tif"


def name_no_version(content: Content) -> None:
    content["schema_version"] = "2"


def be_old_without_settings(content: Content) -> None:
    content |= {"schema_version": 1, "settings": None}


@pytest.mark.parametrize(
    ("harm", "field"),
    [
        (repeat_an_id, "images.1.id"),
        (repeat_a_class, "classes repeats"),
        (name_no_path, "images.0.path"),
        (name_no_version, "schema_version"),
        (be_old_without_settings, "settings"),
    ],
)
def test_a_field_that_cannot_be_is_named(folder: Path, harm: Callable[[Content], None], field: str) -> None:
    change(folder / MANIFEST, harm)
    (folder / BACKUP).unlink()
    with pytest.raises(BadInput, match=field):
        Project.open(folder)


def test_what_a_newer_program_wrote_can_be_looked_at(folder: Path) -> None:
    def grow(content: Content) -> None:
        content |= {"schema_version": 99, "of_tomorrow": {"a": 1}}
        content["images"][0]["of_tomorrow"] = 2

    data = change(folder / MANIFEST, grow)
    with pytest.raises(BadInput, match="newer"):
        Project.open(folder)
    with Project.open(folder, read_only=True) as project:
        assert [entry.name for entry in project.images] == ["a.tif", "b.tif"]
        assert "written by a newer SegStudio" in project.warnings[0]
    assert (folder / MANIFEST).read_bytes() == data


def test_what_a_newer_program_changed_too_much_is_called_newer_and_not_damaged(folder: Path) -> None:
    change(folder / MANIFEST, lambda content: content.update(schema_version=99, images={"other": "form"}))
    with pytest.raises(BadInput, match="newer"):
        Project.open(folder, read_only=True)


def test_a_removed_class_that_cannot_be_read_costs_only_its_name(folder: Path) -> None:
    change(folder / MANIFEST, lambda content: content.update(removed_classes=["?", {"id": 9}]))
    with Project.open(folder) as project:
        assert project.classes.names == ("cell", "debris")


def test_a_flipped_bit_is_passed_by_for_the_copy(folder: Path) -> None:
    path = folder / MANIFEST
    stat, data = path.stat(), path.read_bytes()
    path.write_bytes(data.replace(b'"ours"', b'"nurs"'))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # nobody has written it
    with Project.open(folder) as project:
        assert project.name == "ours"
        assert "is damaged; its copy" in project.warnings[0]


def test_one_of_another_program_is_opened_and_ours_is_kept(folder: Path) -> None:
    ours = (folder / MANIFEST).read_bytes()
    for number in (1, 2):
        change(folder / MANIFEST, lambda content, number=number: content.update(name=f"theirs {number}"))
        with Project.open(folder) as project:
            assert project.name == f"theirs {number}"
            (words,) = project.warnings
            assert words.startswith("project.json was changed by another program")
            assert words.endswith(f"is kept as project.kept-{number}.json.")
    assert (folder / "project.kept-1.json").read_bytes() == ours


def test_an_older_one_that_was_put_back_is_passed_by_for_ours(folder: Path) -> None:
    older = change(folder / MANIFEST, lambda content: content.update(name="older", revision=0))
    with Project.open(folder) as project:
        assert project.name == "ours"
        assert project.warnings
        project.set_name("newer")
        project.save()
        assert project.save_error is None
    assert (folder / "project.foreign-1.json").read_bytes() == older


class Refusing(Disk):
    full = False

    def create(self, path: Path) -> int:
        if self.full:
            raise OSError(28, os.strerror(28))
        return super().create(path)


def test_a_class_whose_removal_the_disk_refuses_stays(folder: Path) -> None:
    disk = Refusing()
    with Project.open(folder, disk=disk) as project:
        disk.full = True
        with pytest.raises(DiskError):
            project.begin_removing(2, 1)
        assert project.removing is None
        disk.full = False
        project.begin_removing(2, 1)
        assert project.removing == (2, 1)
    with Project.open(folder) as project:
        assert project.removing == (2, 1), "what was begun is ended in the next session"
        project.end_removing(2)
        assert project.removing is None
        assert project.classes.names == ("cell",)
    with Project.open(folder) as project:
        assert project.classes.names == ("cell",)


@pytest.mark.parametrize("raised", [MemoryError(), ZeroDivisionError("a fault")])
def test_whatever_stops_the_thread_that_saves_is_told_and_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception
) -> None:
    monkeypatch.setattr(manifest_saving, "_RETRY_SECONDS", 0.01)
    real, calls = manifest_saving.save_manifest, []

    def save(*args: object) -> object:
        calls.append(args)
        if len(calls) == 1:
            raise raised
        return real(*args)

    with Project.open(folder) as project:
        kept = []
        project.rescue.on_change = lambda: kept.append((project.save_error, project.unsaved(0), project.rescued()))
        monkeypatch.setattr(manifest_saving, "save_manifest", save)
        project.set_name("named anew")
        deadline = time.monotonic() + 20
        while (len(calls) < 2 or project.save_error is not None) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert project.save_error is None
        error, unsaved, rescued = kept[0]
        assert error.code == ("no-memory" if isinstance(raised, MemoryError) else "internal")
        assert unsaved == {}
        assert "the list of images and classes" in rescued
        assert json.loads((folder / MANIFEST).read_text())["name"] == "named anew"
        assert project.rescued() == {}


def test_no_image_of_a_closed_project_is_opened(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((40, 50), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    project.close()
    with pytest.raises(UserError, match="The project project is closed") as told:
        project.document(project.images[0].id)
    assert told.value.code == "project-closed"
    with Project.open(tmp_path / "project", read_only=True) as looked_at:
        looked_at.document(looked_at.images[0].id)


def test_what_makes_no_sense_is_refused(folder: Path) -> None:
    with Project.open(folder) as project:
        image_id = project.images[0].id
        with pytest.raises(ValueError, match="split"):
            project.set_split(image_id, "nowhere")
        assert project.set_split(image_id, "test").split == "test"
        with pytest.raises(ValueError, match="at least one class"):
            project.set_classes(type(project.classes)(()))
        assert project.state(image_id, objects=3) != project.state(image_id, objects=0, marked=False)
    with Project.open(folder, read_only=True) as project, pytest.raises(UserError, match="reading only"):
        project.set_split(image_id, "train")


def test_nothing_is_exported_into_what_a_project_keeps(folder: Path) -> None:
    keep_out(folder / "exports" / "a.tif")
    with pytest.raises(WrongUsage, match="its own files"):
        keep_out(folder / "labels" / "a.tif")

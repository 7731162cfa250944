"""A list of images and classes that the disk of a project refuses is kept elsewhere, and goes back by itself."""

import errno
import os
from pathlib import Path

import pytest
from refused_work import Refusing, kept, until

from segstudio.core.errors import UserError
from segstudio.io.disk import DiskError
from segstudio.project.project import Project

LIST = "the list of images and classes"


def two_lists(project: Project, disk: Refusing, rescue: Path) -> Path:
    """Let a list be kept, and another one be saved elsewhere; return the one that is kept."""
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    project.close()
    disk.full = False
    with Project.open(project.folder, rescue=rescue.parent / "another computer") as elsewhere:
        elsewhere.set_classes(elsewhere.classes.add("debris"))
    (path,) = kept(rescue)
    return path


def test_a_list_of_images_is_kept_beside_the_other_one_under_a_free_name(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    path = two_lists(project, disk, rescue)
    with Project.open(project.folder, rescue=rescue, read_only=True) as looking:
        assert looking.classes.names == ("cell", "debris")
    assert path.exists()
    (project.folder / "project.kept-1.json").write_text("another one")
    with Project.open(project.folder, rescue=rescue) as again:
        assert any("project.kept-2.json" in words for words in again.warnings)
    assert not path.exists()


class FullForOthers(Refusing):
    """Takes no list that is to be kept beside the other one."""

    def replace(self, source: Path, target: Path) -> None:
        if ".kept-" in target.name:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().replace(source, target)


def test_a_list_of_images_that_the_disk_refuses_a_second_time_stays_where_it_is(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    path = two_lists(project, disk, rescue)
    before = path.read_bytes()
    full = FullForOthers()
    with Project.open(project.folder, rescue=rescue, disk=full) as again:
        assert any("that of this computer stays there" in words for words in again.warnings)
        again.set_name("later")
        again.save()
        assert path.read_bytes() == before
        full.full = True
        again.set_name("later still")
        with pytest.raises(DiskError):
            again.save()
        assert len(kept(rescue)) == 2
    assert path.read_bytes() == before
    with Project.open(project.folder, rescue=rescue) as third:
        assert third.name == "later still"
        assert '"mitotic"' in (project.folder / "project.kept-1.json").read_text()
        third.save()
    assert kept(rescue) == []


def test_a_list_that_a_hung_disk_does_not_take_is_kept_elsewhere_and_goes_back(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    heard: list[str] = []
    project.rescue.on_change = lambda: heard.append(str(project.rescued().get(LIST, "")))
    disk.answers.clear()
    project.set_classes(project.classes.add("mitotic"))
    until(lambda: LIST in project.rescued())
    assert project.unsaved(0) == {}
    assert "does not answer" in str(project.rescued()[LIST])
    assert '\\"mitotic\\"' in kept(rescue)[0].read_text()
    project.set_classes(project.classes.add("debris"))  # while it hangs
    until(lambda: kept(rescue) and '\\"debris\\"' in kept(rescue)[0].read_text())
    disk.answers.set()
    until(lambda: not project.rescued())
    until(lambda: kept(rescue) == [])
    assert heard[0]
    until(lambda: heard[-1] == "")
    until(lambda: '"debris"' in (project.folder / "project.json").read_text())


def test_a_project_on_a_hung_disk_closes_and_keeps_its_list_and_its_lock(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    project.save()
    disk.answers.clear()
    project.set_classes(project.classes.add("mitotic"))
    assert not project.close()
    assert '\\"mitotic\\"' in kept(rescue)[0].read_text()
    with pytest.raises(UserError, match="already open"):
        Project.open(project.folder, rescue=rescue)
    disk.answers.set()
    until(lambda: not was_locked(project.folder, rescue))
    with Project.open(project.folder, rescue=rescue) as again:
        assert again.classes.names == ("cell", "mitotic")
        assert again.warnings == []
    assert kept(rescue) == []


def was_locked(folder: Path, rescue: Path) -> bool:
    try:
        Project.open(folder, rescue=rescue).close()
    except UserError:
        return True
    return False


def test_a_list_that_is_refused_everywhere_is_named(project: Project, disk: Refusing, rescue: Path) -> None:
    project.rescue.disk = disk
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    until(lambda: LIST in project.unsaved(0))
    assert project.rescued() == {}
    disk.full = False
    project.retry()
    until(lambda: '"mitotic"' in (project.folder / "project.json").read_text())
    until(lambda: project.unsaved(0) == project.rescued() == {})


def test_a_list_in_the_rescue_store_that_cannot_be_read_is_passed_by(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    project.close()
    (path,) = kept(rescue)
    path.write_text(path.read_text().replace("schema_version", "no version"))
    with Project.open(project.folder, rescue=rescue) as again:
        assert again.classes.names == ("cell",)


def test_a_list_of_images_and_classes_that_is_refused_comes_back(
    project: Project, disk: Refusing, rescue: Path
) -> None:
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    with pytest.raises(DiskError):
        project.save()
    project.set_reviewed(project.images[0].id)
    assert not project.close()
    assert kept(rescue)
    with Project.open(project.folder, rescue=rescue) as again:
        assert again.classes.names == ("cell", "mitotic")
        assert again.images[0].reviewed
        assert len(again.warnings) == 1
        assert "comes back now" in again.warnings[0]
    assert kept(rescue) == []
    with Project.open(project.folder, rescue=rescue) as third:
        assert third.classes.names == ("cell", "mitotic")
        assert third.warnings == []


def test_two_lists_of_images_and_classes_are_both_kept(project: Project, disk: Refusing, rescue: Path) -> None:
    disk.full = True
    project.set_classes(project.classes.add("mitotic"))
    project.close()
    with Project.open(project.folder, rescue=rescue.parent / "another computer") as elsewhere:
        elsewhere.set_classes(elsewhere.classes.add("debris"))
    with Project.open(project.folder, rescue=rescue) as again:
        assert again.classes.names == ("cell", "debris")
        assert any("Both are kept" in sentence for sentence in again.warnings)
        assert '"mitotic"' in (project.folder / "project.kept-1.json").read_text()
    assert kept(rescue) == []

"""After a crash: what only journals hold gets into the label files before anybody reads those."""

import errno
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.cli.train import training_data
from segstudio.core.errors import UserError
from segstudio.io.disk import DISK, Disk, DiskError
from segstudio.labels.edits import Stroke
from segstudio.project.catching_up import hold_everything, naming_image
from segstudio.project.document import ImageDocument
from segstudio.project.manifest import ImageEntry
from segstudio.project.opening import take_hold
from segstudio.project.project import Project


def _project(folder: Path) -> Project:
    for name in ("a", "b", "c"):
        tifffile.imwrite(folder / f"{name}.tif", np.random.default_rng(ord(name)).integers(0, 99, (40, 50), np.uint8))
    project, problems = Project.create(folder / "project", sorted(folder.glob("*.tif")))
    assert not problems
    return project


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """Return a project of three images, two of them painted, as a kill leaves it."""
    project = _project(tmp_path)
    for entry in project.images[:2]:
        document = project.document(entry.id)
        document.apply(Stroke([(20.0, 20.0)], 8, 1))
        assert document.flush()
    shutil.copytree(tmp_path / "project", tmp_path / "crashed", ignore=shutil.ignore_patterns(".segstudio-tmp*"))
    project.close()
    return tmp_path / "crashed"


class Noting(Disk):
    """Notes what is synced, or refuses that."""

    def __init__(self) -> None:
        self.refuses = False
        self.synced: list[Path] = []

    def sync_file(self, path: Path) -> None:
        if self.refuses:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        super().sync_file(path)
        self.synced.append(path)

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        self.synced.append(folder)


def _files(folder: Path) -> set[str]:
    return {path.name for path in (folder / "labels").glob("*.tif")}


def test_after_a_crash_every_label_file_holds_what_its_journal_does(crashed: Path) -> None:
    assert not _files(crashed)
    with Project.open(crashed) as project:
        ids = [entry.id for entry in project.images]
        assert project.behind == tuple(ids[:2])
        in_front = project.document(ids[0])
        for image_id in project.behind:
            project.catch_up(image_id)
        assert project.behind == ()
        assert _files(crashed) == {"a.tif", "b.tif"}
        assert tifffile.imread(crashed / "labels" / "b.tif").max() == 1
        assert not in_front.closed
        in_front.apply(Stroke([(30.0, 30.0)], 4, 2))
        assert project.state(ids[1]) == "labelled"
    with Project.open(crashed) as project:
        assert project.behind == ()


def test_a_project_that_was_closed_has_nothing_to_catch_up(tmp_path: Path) -> None:
    project = _project(tmp_path)
    project.document(project.images[0].id).apply(Stroke([(20.0, 20.0)], 8, 1))
    assert project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.behind == ()


def test_an_interrupted_catching_up_goes_on_the_next_time(crashed: Path) -> None:
    with Project.open(crashed) as project:
        project.catch_up(project.behind[0])
    with Project.open(crashed) as project:
        assert len(project.behind) == 2


def test_a_missing_image_is_told_and_caught_up_with_when_it_is_there_again(crashed: Path) -> None:
    image, away = crashed.parent / "a.tif", crashed.parent / "away"
    image.rename(away)
    with Project.open(crashed) as project:
        missing, there = project.behind
        with pytest.raises(UserError, match=r"a\.tif.*is kept but not in its label file") as told:
            project.catch_up(missing)
        assert told.value.hint
        project.catch_up(there)
        assert project.behind == ()
    assert _files(crashed) == {"b.tif"}
    away.rename(image)
    with Project.open(crashed) as project:
        for image_id in project.behind:
            project.catch_up(image_id)
    assert _files(crashed) == {"a.tif", "b.tif"}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_missing_image_that_is_taken_out_while_its_journal_is_read_is_passed_over(
    crashed: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    (crashed.parent / "a.tif").unlink()
    with Project.open(crashed) as project:
        missing, there = project.behind

        def opened(image_id: str) -> ImageDocument:
            try:
                return real(image_id)
            finally:
                if when == "before":
                    project.remove_images([image_id])

        def read(*given: object, **options: object) -> bool:
            project.remove_images([missing])
            return hold_everything(*given, **options)

        real = project.document
        monkeypatch.setattr(project, "document", opened)
        monkeypatch.setattr("segstudio.project.project.hold_everything", read)
        project.catch_up(missing)
        assert project.behind == (there,)
        assert [entry.name for entry in project.images] == ["b.tif", "c.tif"]


def test_a_missing_image_whose_label_file_holds_everything_is_no_alarm(tmp_path: Path) -> None:
    with _project(tmp_path) as project:
        document = project.document(project.images[0].id)
        document.apply(Stroke([(20.0, 20.0)], 8, 1))
        assert document.checkpoint(wait=True)
        shutil.copytree(tmp_path / "project", tmp_path / "crashed", ignore=shutil.ignore_patterns(".segstudio-tmp*"))
    (tmp_path / "a.tif").unlink()
    with Project.open(tmp_path / "crashed") as project:
        project.catch_up(*project.behind)
        assert project.images[0].objects == 1
    with Project.open(tmp_path / "crashed") as project:
        assert project.behind == (), "it was closed as it should be"


def test_who_reads_label_files_waits_for_it(crashed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.project.project._CATCH_UP_S", 0.05)
    with Project.open(crashed) as project:
        wait = project.publish()
        with pytest.raises(UserError, match="2 images are still being recovered"):
            wait()
        for image_id in project.behind:
            project.catch_up(image_id)
        wait()


def test_the_command_line_trains_on_what_the_journals_hold(crashed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    samples, _ = training_data(crashed)
    assert sorted(Path(sample.labels).name for sample in samples if sample.labels) == ["a.tif", "b.tif"]
    assert capsys.readouterr().err == ""
    with Project.open(crashed):
        training_data(crashed)
    assert "is already open" in capsys.readouterr().err


def test_the_command_line_names_the_image_whose_labels_stay_behind(
    crashed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (crashed.parent / "a.tif").unlink()
    with pytest.raises(UserError, match="one labelled image only"):
        training_data(crashed)
    said = capsys.readouterr().err
    assert "a.tif" in said
    assert "is kept but not in its label file" in said
    assert _files(crashed) == {"b.tif"}, "the others catch up"


def test_an_image_taken_out_meanwhile_does_not_stop_the_others(crashed: Path) -> None:
    with Project.open(crashed) as project:
        first, second = project.behind
        project.remove_images([first])
        project.catch_up(first)
        project.catch_up(second)
        assert project.behind == ()
    assert _files(crashed) == {"b.tif"}


def test_an_image_that_the_disk_refused_is_tried_again_the_next_time(
    crashed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_options: object) -> None:
        raise DiskError("The disk is full.", code="disk-full")

    with Project.open(crashed) as project, monkeypatch.context() as patch:
        patch.setattr("segstudio.project.document.recover", refuse)
        for image_id in project.behind:
            with pytest.raises(DiskError):
                project.catch_up(image_id)
    with Project.open(crashed) as project:
        assert len(project.behind) == 2


def test_an_image_whose_files_could_not_be_written_is_closed_again(
    crashed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", code="disk-full")

    with Project.open(crashed) as project:
        first = project.behind[0]
        opened: list[ImageDocument] = []
        real = project.document
        monkeypatch.setattr(project, "document", lambda image_id: opened.append(real(image_id)) or opened[0])
        with monkeypatch.context() as patch:
            patch.setattr("segstudio.project.publisher.write_tiles", refuse)
            with pytest.raises(DiskError):
                project.catch_up(first)
        assert opened[0].closed


@pytest.mark.parametrize("note", [b'{"pid": 1', b"\0\0\0\0"])
def test_a_note_that_a_power_cut_has_garbled_still_means_a_crash(crashed: Path, note: bytes) -> None:
    (crashed / ".segstudio" / "lock").write_bytes(note)
    with Project.open(crashed) as project:
        assert len(project.behind) == 2


def test_a_failed_opening_does_not_hide_the_crash_before_it(crashed: Path) -> None:
    manifest = crashed / "project.json"
    good = manifest.read_bytes()
    manifest.write_bytes(b"{")
    backup = crashed / "project.json.bak"
    backup.unlink(missing_ok=True)
    with pytest.raises(UserError):
        take_hold(crashed, DISK)
    manifest.write_bytes(good)
    with Project.open(crashed) as project:
        assert len(project.behind) == 2


def _flip(crashed: Path, stem: str) -> None:
    """Flip bits in the only action of the journal of an image."""
    with Project.open(crashed, read_only=True) as project:
        folder = next(project.files(entry.id).journal for entry in project.images if entry.stem == stem)
    (path,) = folder.glob("*.sj")
    data = bytearray(path.read_bytes())
    data[data.index(b"SJR1") + 30] ^= 255
    path.write_bytes(data)


def test_what_is_found_in_an_image_that_is_not_in_front_is_told(crashed: Path) -> None:
    _flip(crashed, "a")
    _flip(crashed, "b")
    told: list[str] = []
    with Project.open(crashed) as project:
        in_front = project.document(project.images[0].id)
        assert in_front.notices, "told by who opened it"
        for image_id in project.behind:
            project.catch_up(image_id, told.append)
        (says,) = told
        assert says.startswith("The journal of b is damaged")
        assert project.document(project.images[1].id).notices == [], "so nobody would tell it later"


def test_what_was_found_is_told_although_the_disk_refuses_the_label_file(
    crashed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _flip(crashed, "a")
    told: list[str] = []

    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", code="disk-full")

    with Project.open(crashed) as project, monkeypatch.context() as patch:
        patch.setattr("segstudio.project.document.ImageDocument.tell_published", refuse)
        with pytest.raises(DiskError):
            project.catch_up(project.behind[0], told.append)
    assert len(told) == 1


def test_the_command_line_tells_what_was_lost_in_a_crash(crashed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _flip(crashed, "a")
    with pytest.raises(UserError, match="one labelled image only"):
        training_data(crashed)
    assert "Note: The journal of a is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("sentence", "has_name"),
    [
        ("The journal of a is damaged.", True),
        ("a.tif was changed by another program.", True),
        ("a was worked on in two places.", True),
        ("What was done here is in a.foreign-1.tif.", True),
        ("It was kept on a stick.", False),
        ("b.a.tif was changed.", False),
        ("000000000001-70bdc998397e-0.sj is damaged.", False),
    ],
)
def test_a_sentence_without_the_name_of_its_image_gets_it(sentence: str, has_name: bool) -> None:
    entry = ImageEntry("id", "a.png", "a.png", "a", 40, 50)
    assert naming_image(sentence, entry) == (sentence if has_name else f"a.png: {sentence}")


def test_what_a_killed_session_had_not_synced_is_on_the_medium_before_its_image_is_called_saved(crashed: Path) -> None:
    disk = Noting()
    with Project.open(crashed, disk=disk) as project:
        entry = project.images[0]
        journal = project.files(entry.id).journal
        disk.synced.clear()
        assert project.document(entry.id).notices == []
        assert disk.synced[:4] == [*journal.glob("*.sj"), journal, *journal.parents[:2]]
    with Project.open(crashed, disk=disk) as project:
        disk.synced.clear()
        project.document(entry.id)
        assert disk.synced == [], "its label files have all of it"


def test_a_disk_that_refuses_to_confirm_what_a_killed_session_wrote_is_told(crashed: Path) -> None:
    disk = Noting()
    disk.refuses = True
    with Project.open(crashed, disk=disk) as project:
        (notice,) = project.document(project.images[0].id).notices
    assert notice == (
        "Whether the last actions on a would survive a power cut is not known, since the disk reports "
        "“Input/output error”; they do once its label files are written."
    )

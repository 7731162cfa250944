"""A damaged journal of which other files are lost as well: what they do not tell is worked out, or told to be lost."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from damaged_work import EDITS, SHAPE, Work, state

from segstudio.labels.edits import Delete, RegionFill, Stroke
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.project import Project


def test_a_mended_journal_is_read_as_a_whole_one(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    work.damage(6)
    project, document = work.open()
    image_id = document.entry.id
    assert project.close()
    journal = read_journal(JournalPlace(work.journal, image_id, SHAPE))
    assert [record.seq for record in journal.records] == [1, 2, 3, 4, 5, 6]
    assert all(file.whole for file in journal.files)


@pytest.mark.parametrize(
    ("has_sums", "says", "where"), [(True, "can no longer", "damaged-1"), (False, "does not fit", "conflict-1")]
)
def test_a_journal_of_which_nothing_fits_is_put_aside_whole_and_the_labels_stay(
    tmp_path: Path, has_sums: bool, says: str, where: str
) -> None:
    work = Work(tmp_path, published=6)
    labels = tifffile.imread(work.folder / "labels" / "img.tif")
    path = min(work.journal.glob("*.sj"))
    work.damage(1)
    work.damage(6)
    if not has_sums:  # as of a project of an earlier version
        shutil.rmtree(work.folder / ".segstudio" / "sums")
    project, document = work.open()
    assert any(says in notice for notice in document.notices)
    assert np.array_equal(document.planes.labels.to_array(), labels)
    assert not document.can_undo
    assert project.close()
    assert (work.journal / where / path.name).exists()
    project, document = work.open()
    assert document.notices == []
    assert np.array_equal(document.planes.labels.to_array(), labels)
    assert project.close()


def test_a_damaged_base_costs_nothing_that_journal_and_label_file_tell(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    (work.journal / "base-labels.tif").write_bytes(b"II*\0 nothing")
    work.damage(6)
    project, document = work.open()
    assert "Nothing you drew is lost" in document.notices[0]
    assert work.undone(document) == [6, 5, 4, 3, 2, 1, 0]
    while document.redo() is not None:
        pass
    document.apply(Delete((7,)))
    assert project.close()
    project, document = work.open()
    assert document.notices == []
    assert document.undo() is not None
    assert work.number(document) == 6
    assert project.close()


def test_a_label_file_taken_away_with_a_damaged_journal_is_told_to_be_lost(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    work.damage(6)
    (work.folder / "labels" / "img.tif").unlink()
    project, document = work.open()
    assert any("for img.tif is lost as well" in notice for notice in document.notices)
    assert work.undone(document)[-5:] == [4, 3, 2, 1, 0]
    assert project.close()


def test_a_redo_that_the_journal_lost_and_the_label_file_holds_stays_done(tmp_path: Path) -> None:
    work = Work(tmp_path, published=4)
    project, document = work.open()
    document.undo()
    document.redo()  # the files hold these, and are as after the fourth
    assert project.close()
    path = max(work.journal.glob("*.sj"))
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"SJR1")])
    project, document = work.open()
    assert work.number(document) == 6
    assert work.undone(document)[-5:] == [4, 3, 2, 1, 0]
    assert project.close()


@pytest.mark.parametrize("published", [0, 3, 6])
@pytest.mark.parametrize(("first", "left"), [(False, 6), (True, 5)], ids=["header", "header and first action"])
def test_what_follows_a_header_that_is_gone_is_not_lost(tmp_path: Path, published: int, first: bool, left: int) -> None:
    work = Work(tmp_path, published=published)
    path = min(work.journal.glob("*.sj"))
    data = path.read_bytes()
    header = data.index(b"\n") + 1
    damaged = data.index(b"SJR1", header + 1) - 9 if first else header - 9
    path.write_bytes(bytes(damaged) + data[damaged:])
    project, document = work.open()
    (notice,) = document.notices
    assert ("no longer be undone" if first else "every action in it can be read and undone") in notice
    if published or not first:
        assert work.undone(document) == list(range(6, 5 - left, -1))
    else:
        # The first stroke was nowhere else; the others are there, each where it was drawn.
        assert {2, 7} <= document.planes.labels.values()
    assert project.close()


def test_of_a_changed_file_that_no_journal_brings_back_it_is_not_said_that_it_does(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    work.damage(1)
    path = work.folder / "labels" / "img.tif"
    labels = tifffile.imread(path)
    labels[10:20, 10:20] = 99
    tifffile.imwrite(path, labels)
    project, document = work.open()
    assert np.array_equal(document.planes.labels.to_array(), labels)
    assert not any("your own labels were restored" in notice for notice in document.notices)
    assert any("shown as they are in the file" in notice for notice in document.notices)
    assert project.close()


def test_a_plane_that_became_blank_again_stays_blank_when_the_journal_lacks_that_action(tmp_path: Path) -> None:
    """Found by experiment 9, seed 22112197: blank was taken for the state before the first action."""
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    document = project.document(project.images[0].id)
    for edit in (RegionFill(None, 1), EDITS[0](), RegionFill(None, 0), EDITS[1](), Delete((1, 2))):
        document.apply(edit)
    drawn, (journal,) = state(document), document.files.journal.glob("*.sj")
    assert project.close()
    data = journal.read_bytes()
    third, fourth, fifth = (
        [place for place in range(len(data)) if data[place : place + 4] == b"SJR1"][number] for number in (2, 3, 4)
    )
    for start, end in ((third, fourth), (fourth, fifth)):
        journal.write_bytes(data[:start] + bytes(end - start) + data[end:])
        with Project.open(tmp_path / "project", read_only=True) as project:
            document = project.document(project.images[0].id)
            assert state(document) == drawn
            assert any("damaged" in notice for notice in document.notices)


@pytest.mark.parametrize("published", [0, 3, 6])
@pytest.mark.parametrize("part", ["base-labels.tif", "base-regions.tif", "base-objects.json"])
def test_what_another_program_changed_is_put_back_without_the_base(tmp_path: Path, published: int, part: str) -> None:
    work = Work(tmp_path, published=published)
    (work.journal / part).write_bytes(b"nothing")
    if published:
        path = work.folder / "labels" / "img.tif"
        labels = tifffile.imread(path)
        labels[10:20, 10:20] = 99
        tifffile.imwrite(path, labels)
    project, document = work.open()
    assert work.undone(document) == [6, 5, 4, 3, 2, 1, 0]
    assert project.close()


def test_what_lay_there_before_the_first_action_is_worked_out_without_the_base(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    project, document = work.open()
    assert project.close()
    shutil.rmtree(work.journal)  # what is there now is what the next journal begins with
    project, document = work.open()
    first = state(document)
    document.apply(Stroke([(60.0, 60.0)], 9, 30))
    document.apply(Stroke([(600.0, 60.0)], 9, 31))
    then = state(document)
    assert project.close()
    (work.journal / "base-labels.tif").write_bytes(b"nothing")
    path = work.folder / "labels" / "img.json"
    path.write_text(path.read_text().replace('"class": 2', '"class": 1'))  # as another program does
    project, document = work.open()
    assert any("img.json was changed" in notice for notice in document.notices)
    assert state(document)[:2] == then[:2]
    while document.undo() is not None:
        pass
    assert state(document)[:2] == first[:2]
    assert project.close()


def garble(path: Path) -> None:
    path.write_bytes(b"garbage" * 40)


@pytest.mark.parametrize("ruin", [garble, Path.unlink])
@pytest.mark.parametrize("number", [1, 6])
@pytest.mark.parametrize("name", ["img.json", "img.tif"])
def test_of_what_a_damaged_journal_does_not_tell_it_is_not_said_that_it_was_restored(
    tmp_path: Path, name: str, number: int, ruin: Callable[[Path], None]
) -> None:
    work = Work(tmp_path, published=6)
    work.damage(number)
    ruin(work.folder / "labels" / name)
    project, document = work.open()
    assert work.number(document) != 6
    told = " ".join(document.notices)
    assert "as far as its journal can be read" in told
    assert ("Look at the classes" in told) is (name == "img.json")
    untrue = ["own labels were restored", "anew from the journal"]
    untrue += ["shown as they are in the file", "All before that is there"] if name == "img.tif" else []
    assert not [words for words in untrue if words in told]
    assert project.close()

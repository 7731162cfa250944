"""A damaged journal: what lies before the damage goes on, and the user is told what is lost and what is not."""

import shutil
from pathlib import Path

import pytest
from damaged_work import EDITS, Work, state, told_nothing
from dying_disk import DyingDisk

from segstudio.core.errors import UserError
from segstudio.labels.edits import Delete, Stroke
from segstudio.project.document import ImageDocument
from segstudio.project.mending import NAME
from segstudio.project.project import Project

_STEPS = ("create", "write", "replace", "unlink", "make_folder")


@pytest.mark.parametrize("at", [2, 4, 14, 18, 40], ids=["magic", "length", "number", "sum", "content"])
def test_a_damaged_last_record_costs_nothing_that_the_label_file_holds(tmp_path: Path, at: int) -> None:
    work = Work(tmp_path, published=6)
    damaged = work.damage(6, at=at)
    project, document = work.open()
    (notice,) = document.notices
    assert "Nothing you drew is lost" in notice
    assert document.history.undo_name == NAME
    assert work.undone(document) == [6, 5, 4, 3, 2, 1, 0]
    while document.redo() is not None:
        pass
    assert work.number(document) == 6
    assert project.close()
    assert [path.read_bytes() for path in work.journal.glob("damaged-1/*.sj")] == [damaged]
    assert told_nothing(work)


def test_damage_in_the_middle_keeps_what_was_done_before_it(tmp_path: Path) -> None:
    work = Work(tmp_path, published=2)
    work.damage(5)
    project, document = work.open()
    (notice,) = document.notices
    assert "may be lost" in notice
    # The stroke after the damage fits to what is there; only the deletion has gone.
    assert document.planes.labels.values() == {1, 2, 7}
    assert work.undone(document)[1:] == [4, 3, 2, 1, 0]
    assert project.close()
    assert told_nothing(work)


def test_several_damaged_records_become_one_step(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    work.damage(5)
    work.damage(6)
    project, document = work.open()
    assert "Nothing you drew is lost" in document.notices[0]
    assert work.undone(document) == [6, 4, 3, 2, 1, 0]
    assert project.close()


@pytest.mark.parametrize(("published", "lost"), [(0, 1), (3, 1), (5, 1)])
def test_a_damaged_last_record_that_is_nowhere_else_is_told_to_be_lost(
    tmp_path: Path, published: int, lost: int
) -> None:
    work = Work(tmp_path, published=published)
    work.damage(6)
    project, document = work.open()
    (notice,) = document.notices
    assert "the last action is lost" in notice
    assert work.undone(document) == [5, 4, 3, 2, 1, 0]
    assert project.close()
    assert told_nothing(work)


def test_two_lost_actions_are_counted(tmp_path: Path) -> None:
    work = Work(tmp_path, published=4)
    work.damage(5)
    work.damage(6)
    project, document = work.open()
    assert "the last 2 actions are lost" in document.notices[0]
    assert work.undone(document) == [4, 3, 2, 1, 0]
    assert project.close()


def test_the_only_record_damaged_costs_its_undo_and_no_pixel(tmp_path: Path) -> None:
    work = Work(tmp_path, published=1, count=1)
    work.damage(1)
    project, document = work.open()
    (notice,) = document.notices
    assert "It can no longer be undone" in notice
    assert work.undone(document) == [1]
    document.apply(Delete((1,)))
    document.undo()
    assert work.number(document) == 1
    assert project.close()
    assert told_nothing(work)


def test_a_lost_end_of_the_journal_is_noticed_by_what_the_label_file_holds(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    path = min(work.journal.glob("*.sj"))
    data = path.read_bytes()
    path.write_bytes(data[: data.rindex(b"SJR1")])
    project, document = work.open()
    assert "Nothing you drew is lost" in document.notices[0]
    assert work.undone(document) == [6, 5, 4, 3, 2, 1, 0]
    assert project.close()
    assert told_nothing(work)


@pytest.mark.parametrize("left", [0, 2], ids=["deleted", "shortened"])
def test_what_is_drawn_on_a_journal_that_goes_on_with_lower_numbers_is_there_after_a_kill(
    tmp_path: Path, left: int
) -> None:
    work = Work(tmp_path, published=6)
    if left:
        path = min(work.journal.glob("*.sj"))
        data = path.read_bytes()
        path.write_bytes(data[: [place for place in range(len(data)) if data[place : place + 4] == b"SJR1"][left]])
    else:
        shutil.rmtree(work.journal)
    project, document = work.open()
    assert work.number(document) == 6
    assert ("is damaged" if left else "was taken away") in document.notices[0]
    document.apply(Stroke([(300.0, 300.0)], 20, 9))
    drawn = state(document)
    assert document.flush()
    killed = tmp_path / "killed again"
    shutil.copytree(work.folder, killed)
    assert project.close()
    work.folder = killed
    project, document = work.open()
    assert (state(document), document.notices) == (drawn, [])
    assert document.undo() is not None
    assert work.number(document) == 6
    assert project.close()
    assert told_nothing(work)


def test_the_end_of_an_earlier_session_damaged_is_told_and_costs_no_pixel(tmp_path: Path) -> None:
    work = Work(tmp_path, count=5)
    project, document = work.open()
    document.apply(EDITS[5]())
    work.states.append(state(document))
    assert project.close()
    work.damage(5)
    project, document = work.open()
    (notice,) = document.notices
    assert "Nothing you drew is lost" in notice
    assert work.undone(document) == [6, 4, 3, 2, 1, 0]
    assert project.close()
    assert told_nothing(work)


def test_a_damaged_end_on_which_more_was_drawn_costs_only_undo(tmp_path: Path) -> None:
    work = Work(tmp_path, count=2)
    project, document = work.open()
    document.apply(Stroke([(45.0, 45.0), (495.0, 510.0)], 9, 3))  # in all tiles of the one before
    work.states.append(state(document))
    assert project.close()
    work.damage(2)
    project, document = work.open()
    (notice,) = document.notices
    assert "can no longer be undone" in notice
    assert "Nothing you drew is lost" in notice
    assert work.undone(document) == [3, 2]
    assert project.close()
    project, document = work.open()
    assert document.notices == []
    assert project.close()


def test_looking_only_writes_nothing_and_shows_the_same(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    work.damage(6)
    before = {path: path.read_bytes() for path in work.folder.rglob("*") if path.is_file()}
    project, document = work.open(read_only=True)
    assert work.number(document) == 6
    assert "Nothing you drew is lost" in document.notices[0]
    project.close()
    assert {path: path.read_bytes() for path in work.folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("damaged", [(6,), (5, 6), (5,)])
def test_a_kill_while_the_damage_is_put_aside_costs_nothing(tmp_path: Path, damaged: tuple[int, ...]) -> None:
    work = Work(tmp_path, published=6)
    project, document = work.open()  # a second file of the journal, of which nothing is damaged
    document.apply(Stroke([(300.0, 300.0)], 20, 9))
    work.states.append(state(document))
    assert project.close()
    for number in damaged:
        work.damage(number)
    kept = tmp_path / "kept"
    shutil.copytree(work.folder, kept)
    last = len(work.states) - 1
    for number in range(60):
        shutil.rmtree(work.folder)
        shutil.copytree(kept, work.folder)
        project = Project.open(work.folder)
        entry, files = project.images[0], project.files(project.images[0].id)
        try:
            document = ImageDocument.open(entry, project.image_path(entry.id), files, disk=DyingDisk(number, _STEPS))
        except UserError:
            survived = False
        else:
            survived = True
            document.close(timeout=0.1)
        project.close()
        project, document = work.open()
        assert work.number(document) == last, number
        assert project.close()
        if survived:
            return
    raise AssertionError("it never got through")

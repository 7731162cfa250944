"""A damaged journal: what lies before the damage goes on, and the user is told what is lost and what is not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from dying_disk import DyingDisk

from segstudio.core.errors import UserError
from segstudio.io.disk import Disk
from segstudio.labels.edits import Delete, RegionFill, Relabel, Stroke
from segstudio.project.document import ImageDocument
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.mending import NAME
from segstudio.project.project import Project
from segstudio.project.verify import verify_project

SHAPE = (600, 700)
_STEPS = ("create", "write", "replace", "unlink", "make_folder")
State = tuple[bytes, bytes, tuple[object, ...]]
EDITS: tuple[Callable[[], object], ...] = (
    lambda: Stroke([(40.0, 40.0), (90.0, 60.0)], 12, 1),
    lambda: Stroke([(50.0, 50.0), (500.0, 520.0)], 9, 2, class_id=2),
    lambda: RegionFill(None, 1),
    lambda: Relabel((1,), 2),
    lambda: Delete((1,)),
    lambda: Stroke([(650.0, 550.0)], 15, 7),
)


def state(document: ImageDocument) -> State:
    planes = document.planes
    table = tuple(sorted((key, info.class_id, info.source) for key, info in planes.objects.items()))
    return planes.labels.to_array().tobytes(), planes.regions.to_array().tobytes(), table


class Work:
    """A project in which `EDITS` were done, each state on the way, and a copy as a kill after the last one leaves it.

    `published` of the edits are in the label files of that copy.
    """

    def __init__(self, folder: Path, published: int = 0, count: int = len(EDITS)) -> None:
        tifffile.imwrite(folder / "img.tif", np.zeros(SHAPE, np.uint8))
        project, _ = Project.create(folder / "project", folder / "img.tif")
        document = project.document(project.images[0].id)
        self.states = [state(document)]
        for number, edit in enumerate(EDITS[:count], 1):
            document.apply(edit())
            self.states.append(state(document))
            if number == published:
                assert document.checkpoint(wait=True)
        assert document.flush()
        self.folder = folder / "killed"
        shutil.copytree(folder / "project", self.folder)
        manifest = self.folder / "project.json"
        assert "../img.tif" in manifest.read_text()
        project.close()

    @property
    def journal(self) -> Path:
        (folder,) = (self.folder / ".segstudio" / "journal").iterdir()
        return folder

    def damage(self, number: int, *, at: int = 30) -> bytes:
        """Flip bits in the record `number`; return the file as it is then."""
        path = min(self.journal.glob("*.sj"))
        data = bytearray(path.read_bytes())
        start = [place for place in range(len(data)) if data[place : place + 4] == b"SJR1"][number - 1]
        data[start + at] ^= 255
        path.write_bytes(data)
        return bytes(data)

    def open(self, disk: Disk | None = None, *, read_only: bool = False) -> tuple[Project, ImageDocument]:
        project = Project.open(self.folder, disk=disk or Disk(), read_only=read_only)
        return project, project.document(project.images[0].id)

    def undone(self, document: ImageDocument) -> list[int | None]:
        """Undo all; return which of `states` was there after each, the state of now first."""
        found = [self.number(document)]
        while document.undo() is not None:
            found.append(self.number(document))
        return found

    def number(self, document: ImageDocument) -> int | None:
        now = state(document)
        return self.states.index(now) if now in self.states else None


def told_nothing(work: Work) -> bool:
    """Open again: nothing is said any more, and nothing is found by verifying."""
    project, document = work.open()
    notices = document.notices
    assert project.close()
    return notices == [] and verify_project(work.folder).findings == ()


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
    assert any("may be lost" in notice for notice in document.notices)
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
    assert any("no longer be undone" in notice or "cannot be undone" in notice for notice in document.notices)
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

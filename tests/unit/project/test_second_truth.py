"""A journal in which a sync program has put what was drawn on another computer: both are kept, and the user is told."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from dying_disk import DyingDisk

from segstudio.core.errors import UserError
from segstudio.labels.edits import Delete, Stroke
from segstudio.project import journal
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.project.verify import verify_project

SHAPE = (300, 1100)
_STEPS = ("create", "write", "replace", "unlink", "make_folder")


class TwoPlaces:
    """A project in which 1 was drawn, copied to two computers, and there 10 to 12 and 20 to 22.

    Attributes
    ----------
    here, there
        Each as a kill leaves it.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, *, published: bool, marks: tuple[str, str]) -> None:
        tifffile.imwrite(folder / "img.tif", np.zeros(SHAPE, np.uint8))
        patch.setattr(journal, "computer_mark", lambda: marks[0])
        project, _ = Project.create(folder / "first", folder / "img.tif")
        project.document(project.images[0].id).apply(Stroke([(10.0, 20.0)], 3, 1))
        assert project.close()
        self.here, self.there = folder / "here", folder / "there"
        for place, mark, first in ((self.there, marks[1], 20), (self.here, marks[0], 10)):
            patch.setattr(journal, "computer_mark", lambda mark=mark: mark)
            self._draw(folder, place, first, published=published)

    @staticmethod
    def _draw(folder: Path, place: Path, first: int, *, published: bool) -> None:
        work = folder / f"work {first}"
        shutil.copytree(folder / "first", work)
        for session in ([first, first + 1], [first + 2]):  # the second one begins in a file of its own
            project = Project.open(work)
            document = project.document(project.images[0].id)
            for number in session:
                # The last one in another tile, which what was done here before it has not touched.
                document.apply(Stroke([(10.0 * number + 250 * (number % 10), 5.0 * first)], 3, number))
            for step in (document.undo, document.undo, document.redo, document.redo):
                step()  # the second session also of what another file has
            assert document.flush()
            if published:
                assert document.checkpoint(wait=True)
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(work, place)
            # As it was when it was killed: nothing was published on closing.
            assert project.close()
            if not published:
                for name in ("labels", "regions", ".segstudio/sums"):
                    shutil.rmtree(work / name, ignore_errors=True)
                    if (place / name).exists():
                        shutil.copytree(place / name, work / name)

    def sync(self) -> None:
        """Bring the journal files of the other computer."""
        shutil.copytree(self._journal(self.there), self._journal(self.here), dirs_exist_ok=True)

    @staticmethod
    def _journal(place: Path) -> Path:
        (folder,) = (place / ".segstudio" / "journal").iterdir()
        return folder

    def open(self, *, read_only: bool = False) -> tuple[Project, ImageDocument]:
        project = Project.open(self.here, read_only=read_only)
        return project, project.document(project.images[0].id)


HERE, THERE = {1, 10, 11, 12}, {1, 20, 21, 22}


@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("marks", [("aaaa", "bbbb"), ("bbbb", "aaaa")], ids=["sorts first", "sorts last"])
def test_what_was_drawn_here_is_shown_and_what_was_drawn_elsewhere_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: bool, marks: tuple[str, str]
) -> None:
    places = TwoPlaces(tmp_path, monkeypatch, published=published, marks=marks)
    places.sync()
    project, document = places.open()
    assert document.planes.labels.values() == HERE
    (notice,) = document.notices
    assert "in two places" in notice
    assert "img.foreign-1.tif" in notice
    assert set(np.unique(tifffile.imread(places.here / "labels" / "img.foreign-1.tif"))) == THERE | {0}
    while document.undo() is not None:
        pass
    assert document.planes.labels.values() == set()
    while document.redo() is not None:
        pass
    assert project.close()
    kept = list((places.here / ".segstudio" / "journal").glob("*/second-1/*.sj"))
    assert {path.name for path in kept} <= {path.name for path in places.there.rglob("*.sj")}
    assert len(kept) == 2
    project, document = places.open()
    assert document.planes.labels.values() == HERE
    assert document.notices == []
    assert project.close()
    assert verify_project(places.here).findings == ()


def test_the_label_file_decides_also_against_this_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = TwoPlaces(tmp_path, monkeypatch, published=True, marks=("aaaa", "bbbb"))
    places.sync()
    for name in ("labels", "regions", ".segstudio/sums"):
        if (places.there / name).exists():
            shutil.copytree(places.there / name, places.here / name, dirs_exist_ok=True)
    project, document = places.open()
    assert document.planes.labels.values() == THERE
    assert set(np.unique(tifffile.imread(places.here / "labels" / "img.foreign-1.tif"))) == HERE | {0}
    assert project.close()


def test_looking_only_writes_nothing_and_tells_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = TwoPlaces(tmp_path, monkeypatch, published=False, marks=("bbbb", "aaaa"))
    places.sync()
    before = {path: path.read_bytes() for path in places.here.rglob("*") if path.is_file()}
    project, document = places.open(read_only=True)
    assert document.planes.labels.values() == HERE
    assert "in two places" in document.notices[0]
    project.close()
    assert {path: path.read_bytes() for path in places.here.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("here_is_shorter", [False, True])
def test_a_kill_while_the_other_truth_is_put_aside_costs_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here_is_shorter: bool
) -> None:
    places = TwoPlaces(tmp_path, monkeypatch, published=False, marks=("aaaa", "bbbb"))
    shown = HERE
    if here_is_shorter:
        max(places.here.rglob("*-aaaa*.sj")).unlink()
        shown = {1, 10, 11}
    places.sync()
    kept = tmp_path / "kept"
    shutil.copytree(places.here, kept)
    for number in range(120):
        shutil.rmtree(places.here)
        shutil.copytree(kept, places.here)
        project = Project.open(places.here)
        entry = project.images[0]
        try:
            document = ImageDocument.open(
                entry, project.image_path(entry.id), project.files(entry.id), disk=DyingDisk(number, _STEPS)
            )
        except UserError:
            survived = False
        else:
            survived = True
            document.close(timeout=0.1)
        project.close()
        project, document = places.open()
        assert document.planes.labels.values() == shown, number
        assert project.close()
        files = (places.here / "labels").glob("img.foreign-*.tif")
        assert any(set(np.unique(tifffile.imread(path))) == THERE | {0} for path in files), number
        if survived:
            return
    raise AssertionError("it never got through")


def test_a_file_of_this_computer_with_the_common_actions_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    monkeypatch.setattr(journal, "computer_mark", lambda: "aaaa")
    project, _ = Project.create(tmp_path / "there", tmp_path / "img.tif")
    document = project.document(project.images[0].id)
    for number in (1, 2):
        document.apply(Stroke([(20.0 * number, 20.0)], 3, number))
    assert document.flush()
    shutil.copytree(tmp_path / "there", tmp_path / "here")
    document.apply(Stroke([(60.0, 60.0)], 3, 3))  # goes on in the file that was copied
    assert project.close()
    monkeypatch.setattr(journal, "computer_mark", lambda: "bbbb")
    project = Project.open(tmp_path / "here")
    project.document(project.images[0].id).apply(Stroke([(90.0, 90.0)], 3, 4))
    assert project.close()
    shutil.copytree(tmp_path / "there/.segstudio/journal", tmp_path / "here/.segstudio/journal", dirs_exist_ok=True)
    for _ in range(2):
        project = Project.open(tmp_path / "here")
        document = project.document(project.images[0].id)
        assert document.planes.labels.values() == {1, 2, 4}
        assert project.close()
    assert set(np.unique(tifffile.imread(tmp_path / "here/labels/img.foreign-1.tif"))) == {0, 1, 2, 3}
    assert not (tmp_path / "here/labels/img.foreign-2.tif").exists()


def _some_of_theirs(folder: Path, patch: pytest.MonkeyPatch, marks: tuple[str, str]) -> tuple[Path, Path]:
    """Draw 1 in a project, then 10 and 11 in one place, 20 to 22 in another; bring the journal file of 22 here.

    Returns
    -------
    Both places.
    """
    tifffile.imwrite(folder / "img.tif", np.zeros(SHAPE, np.uint8))
    drawn = {"here": ([1], [10, 11]), "there": ([1], [20, 21], [22])}
    for place, mark in zip(drawn, marks, strict=True):
        for number, session in enumerate(drawn[place]):
            patch.setattr(journal, "computer_mark", lambda mark=mark if number else "cccc": mark)
            if number == 0 and place == "there":
                shutil.copytree(folder / "first", folder / "there")
                continue
            project = (
                Project.open(folder / place) if number else Project.create(folder / "first", folder / "img.tif")[0]
            )
            document = project.document(project.images[0].id)
            for item in session:
                document.apply(Stroke([(10.0 * item, 5.0 * item)], 3, item))
            assert project.close()
            if number == 0:
                shutil.copytree(folder / "first", folder / "here")
    patch.setattr(journal, "computer_mark", lambda: marks[0])
    here, there = folder / "here", folder / "there"
    shutil.copy(max(there.rglob("*.sj")), next(here.rglob("*.sj")).parent)
    return here, there


@pytest.mark.parametrize("marks", [("aaaa", "bbbb"), ("bbbb", "aaaa")], ids=["sorts first", "sorts last"])
def test_a_file_of_another_computer_that_does_not_go_on_from_here_is_a_second_truth(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marks: tuple[str, str]
) -> None:
    here, there = _some_of_theirs(tmp_path, monkeypatch, marks)
    with Project.open(here, read_only=True) as project:
        document = project.document(project.images[0].id)
        assert document.planes.labels.values() == {1, 10, 11}
        assert "in two places" in document.notices[0]
    with Project.open(here) as project:
        document = project.document(project.images[0].id)
        assert document.planes.labels.values() == {1, 10, 11}
        (notice,) = document.notices
        assert "the last action of the other one is kept in" in notice
        assert "second-1" in notice
        while document.undo() is not None:
            pass
        assert document.planes.blank
    (kept,) = here.rglob("second-1/*.sj")
    assert kept.read_bytes() == max(there.rglob("*.sj")).read_bytes()
    with Project.open(here) as project:
        assert project.document(project.images[0].id).notices == []
    assert verify_project(here).findings == ()


def test_it_goes_on_where_the_label_files_are_of_that_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = _some_of_theirs(tmp_path, monkeypatch, ("aaaa", "bbbb"))
    for name in ("labels", ".segstudio/sums"):
        shutil.copytree(there / name, here / name, dirs_exist_ok=True)
    with Project.open(here) as project:
        document = project.document(project.images[0].id)
        assert document.planes.labels.values() == {1, 20, 21, 22}
        assert set(np.unique(tifffile.imread(here / "labels" / "img.foreign-1.tif"))) == {0, 1, 10, 11}
        assert document.undo() is not None
        assert document.undo() is None
        assert document.planes.labels.values() == {1, 20, 21}
    assert len(list(here.rglob("second-1/*.sj"))) == 2
    with Project.open(here) as project:
        document = project.document(project.images[0].id)
        assert document.notices == []
        assert document.planes.labels.values() == {1, 20, 21}


def test_so_it_is_when_this_computer_has_written_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = _some_of_theirs(tmp_path, monkeypatch, ("aaaa", "bbbb"))
    monkeypatch.setattr(journal, "computer_mark", lambda: "dddd")
    with Project.open(here) as project:
        document = project.document(project.images[0].id)
        assert document.planes.labels.values() == {1, 10, 11}
        assert "in two places" in document.notices[0]


def test_a_missing_file_of_this_computer_is_no_second_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _ = _some_of_theirs(tmp_path, monkeypatch, ("cccc", "cccc"))
    with Project.open(here) as project:
        assert not any("in two places" in notice for notice in project.document(project.images[0].id).notices)


@pytest.mark.parametrize("marks", [("aaaa", "bbbb"), ("bbbb", "aaaa")], ids=["sorts first", "sorts last"])
def test_labels_that_have_returned_to_what_both_began_with_are_those_that_were_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marks: tuple[str, str]
) -> None:
    """Found by experiment 10, seed 22112038: what was drawn and deleted here was taken for that of the other place."""
    monkeypatch.setattr(journal, "computer_mark", lambda: marks[0])
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    project, _ = Project.create(tmp_path / "here", tmp_path / "img.tif")
    project.document(project.images[0].id).apply(Stroke([(10.0, 20.0)], 3, 1))
    assert project.close()
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    ours, theirs = (Stroke([(place, place)], 9, 2) for place in (90.0, 60.0))
    for place, mark, edits in (("here", marks[0], (ours, Delete((2,)))), ("there", marks[1], (theirs,))):
        monkeypatch.setattr(journal, "computer_mark", lambda mark=mark: mark)
        with Project.open(tmp_path / place) as project:
            document = project.document(project.images[0].id)
            for edit in edits:
                document.apply(edit)
    shutil.copytree(tmp_path / "there" / ".segstudio" / "journal", tmp_path / "here" / ".segstudio" / "journal",
                    dirs_exist_ok=True)  # fmt: skip
    with Project.open(tmp_path / "here") as project:  # on the other computer: its own mark decides nothing
        document = project.document(project.images[0].id)
        (notice,) = document.notices
        assert "the last action of the other one is kept in img.foreign-1.tif" in notice
        assert document.planes.labels.values() == {1}
        assert document.history.undo_name == "Delete object"
    assert set(np.unique(tifffile.imread(tmp_path / "here" / "labels" / "img.foreign-1.tif"))) == {0, 1, 2}

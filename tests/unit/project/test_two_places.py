"""Two computers draw on copies of a project, and a sync program mixes the files: whose is what is known exactly."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.labels.edits import Stroke
from segstudio.project import checkpoint, journal
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project

Point = tuple[float, float]
UNDO = None
_OF_THERE = ("labels", "regions", ".segstudio/sums", ".segstudio/journal")


def stroke(document: ImageDocument, point: Point) -> None:
    # Each computer gives the next number, so that the tables of both are the same.
    document.apply(Stroke(np.array([point]), 8, document.planes.objects.next_id()))
    assert document.flush()


class Places:
    """A project in which one object was drawn, and what two computers made of copies of it, as a kill leaves them."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, patch
        patch.setattr(checkpoint, "IDLE_SECONDS", 600.0)
        patch.setattr(checkpoint, "LATEST_SECONDS", 600.0)
        tifffile.imwrite(folder / "img.tif", np.zeros((300, 1100), np.uint8))
        project, _ = Project.create(folder / "first", folder / "img.tif")
        stroke(project.document(project.images[0].id), (600, 30))
        assert project.close()
        self.here, self.there = folder / "here", folder / "there"

    def work(self, place: Path, sessions: Sequence[Sequence[Point | None]], *, published: bool = False) -> None:
        self._be(place)
        shutil.copytree(self._folder / "first", place)
        for session in sessions:
            work = place.with_name("work")
            place.rename(work)
            project = Project.open(work)
            document = project.document(project.images[0].id)
            for what in session:
                if what is UNDO:
                    assert document.undo() is not None
                    assert document.flush()
                else:
                    stroke(document, what)
            if published:
                assert document.checkpoint(wait=True)
            shutil.copytree(work, place)
            assert project.close()
            shutil.rmtree(work)

    def _be(self, place: Path) -> None:
        mark = "aaaa" if place == self.here else "bbbb"
        self._patch.setattr(journal, "computer_mark", lambda: mark)

    def sync(self, names: Sequence[str] = (".segstudio/journal",)) -> None:
        self._be(self.here)
        for name in names:
            if (self.there / name).exists():
                shutil.copytree(self.there / name, self.here / name, dirs_exist_ok=True)

    def opened(self, points: Sequence[Point]) -> tuple[list[int], tuple[str, ...]]:
        """Return what lies at points when it is opened here, and what is said."""
        with Project.open(self.here) as project:
            document = project.document(project.images[0].id)
            return [document.planes.labels.value(int(y), int(x)) for x, y in points], tuple(document.notices)

    def kept(self, points: Sequence[Point]) -> list[int]:
        pixels = tifffile.imread(self.here / "labels" / "img.foreign-1.tif")
        return [int(pixels[int(y), int(x)]) for x, y in points]


COMMON, OURS, THEIRS = (600, 30), (700, 200), (100, 100)
ALL = (COMMON, OURS, THEIRS)


@pytest.mark.parametrize(
    ("here", "there", "kept"),
    [
        ([[OURS]], [[THEIRS], [UNDO]], [1, 0, 0]),
        ([[OURS], [(900, 200)]], [[THEIRS]], [1, 0, 2]),
        ([[OURS], [UNDO, (900, 250)]], [[THEIRS], [UNDO, (50, 250)]], [1, 0, 0]),
    ],
    ids=["undone there", "two sessions here", "undone in both"],
)
@pytest.mark.parametrize("published", [False, True])
def test_files_of_the_other_computer_are_never_taken_for_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: object, there: object, kept: list[int], published: bool
) -> None:
    places = Places(tmp_path, monkeypatch)
    places.work(places.here, here, published=published)  # type: ignore[arg-type]
    places.work(places.there, there, published=published)  # type: ignore[arg-type]
    before, _ = places.opened(ALL)
    shutil.rmtree(places.here)
    places.work(places.here, here, published=published)  # type: ignore[arg-type]
    places.sync()
    shown, told = places.opened(ALL)
    assert shown == before
    assert len(told) == 1
    assert "in two places" in told[0]
    assert places.kept(ALL) == kept
    assert places.opened(ALL) == (before, ()), "nothing changes when it is opened again"


@pytest.mark.parametrize("published", [False, True])
def test_newer_label_files_of_the_other_computer_are_not_mixed_with_our_own_strokes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: bool
) -> None:
    places = Places(tmp_path, monkeypatch)
    places.work(places.here, [[OURS]], published=published)
    places.work(places.there, [[THEIRS]], published=True)
    places.sync(_OF_THERE)
    shown, told = places.opened(ALL)
    assert shown == [1, 0, 2], "and not two objects with one number"
    assert "in two places" in told[0]
    assert places.kept(ALL) == [1, 2, 0]
    assert places.opened(ALL) == ([1, 0, 2], ())


def test_a_file_that_is_missing_in_the_middle_of_a_journal_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # More of one object, in another tile each time: nothing that is left shows that an action lacks.
    places = Places(tmp_path, monkeypatch)
    monkeypatch.setattr(f"{__name__}.stroke", _more_of_one)
    places.work(places.here, [[(20, 30)], [OURS], [THEIRS]])
    paths = sorted(places.here.rglob("*.sj"))
    assert len(paths) == 4
    paths[2].unlink()
    shown, (told,) = places.opened(ALL)
    assert shown == [1, 0, 1]
    assert told.startswith("An action is missing in the journal of img")
    assert places.opened(ALL) == (shown, ()), "once it is in the label file"


def _more_of_one(document: ImageDocument, point: Point) -> None:
    document.apply(Stroke(np.array([point]), 8, 1))
    assert document.flush()

"""Snapshots that are torn, damaged, foreign or many: what is passed over, and what goes."""

import json
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from earlier_states import NOON, SHAPE, paint, whole
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.errors import BadInput, UserError
from segstudio.labels.edits import Delete
from segstudio.labels.history import Planes
from segstudio.labels.restoring import restoration
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.snapshot_file import Contents, Snapshot
from segstudio.project.snapshots import DAYS, NEWEST, Snapshots, kept


@pytest.mark.parametrize(
    "harm",
    [
        lambda folder: (folder / "snapshot.json").unlink(),
        lambda folder: (folder / "snapshot.json").write_bytes(b""),
        lambda folder: (folder / "snapshot.json").write_bytes((folder / "snapshot.json").read_bytes()[:-9]),
        lambda folder: (folder / "snapshot.json").write_text("[]"),
        lambda folder: (folder / "snapshot.json").write_text('{"schema_version": 1, "files": 5}'),
        lambda folder: (folder / "labels.tif").unlink(),
        lambda folder: os.truncate(folder / "labels.tif", 100),
        lambda folder: (folder / "regions.tif").write_bytes(b"more than there was"),
        lambda folder: shutil.move(folder / "labels.tif", folder / "x") and (folder / "labels.tif").symlink_to("x"),
    ],
)
def test_a_torn_snapshot_is_passed_over_and_removed(document: ImageDocument, harm: Callable[[Path], object]) -> None:
    for number in (1, 2):
        paint(document, *range(20 * number, 20 * number + 11))
        document.apply(Delete(tuple(range(20 * number, 20 * number + 11))))
        assert document.checkpoint(wait=True)
    harm(document.files.snapshots / "2")
    assert [item.number for item in document.snapshots.all()] == [1]
    with pytest.raises(BadInput, match="There is no earlier state"):
        document.snapshots.read(2)
    document.snapshots.prune()
    left = document.files.snapshots / "2"
    assert not left.exists() or [path.name for path in left.iterdir()] == ["x"], "only what is not ours stays"
    assert document.snapshots.read(1)


def test_a_flipped_bit_is_found_on_reading_and_the_snapshot_goes(document: ImageDocument) -> None:
    paint(document, *range(1, 12))
    document.apply(Delete(tuple(range(1, 12))))
    assert document.checkpoint(wait=True)
    path = document.files.snapshots / "1" / "labels.tif"
    raw = bytearray(path.read_bytes())
    raw[-3] ^= 4
    path.write_bytes(raw)
    assert len(document.snapshots.all()) == 1
    with pytest.raises(BadInput, match="damaged"):
        document.snapshots.read(1)
    assert document.snapshots.all() == []
    document.snapshots.prune()
    assert not path.parent.exists()


def test_a_snapshot_of_a_newer_program_is_neither_offered_nor_removed(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "s", "a", SHAPE)
    about = whole(snapshots).files.journal / "snapshot.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), "schema_version": 2}))
    assert snapshots.all() == []
    snapshots.prune()
    assert about.exists()
    assert whole(snapshots).number == 2


def test_a_snapshot_of_another_image_is_refused_with_a_sentence(tmp_path: Path) -> None:
    whole(Snapshots(tmp_path / "s", "a", SHAPE))
    with pytest.raises(BadInput, match="600 × 700 pixels, this one has 20 × 30"):
        Snapshots(tmp_path / "s", "a", (20, 30)).read(1)
    with pytest.raises(BadInput, match="belongs to another image"):
        Snapshots(tmp_path / "s", "b", SHAPE).read(1)
    with pytest.raises(ValueError, match="for an image of"):
        restoration(Planes.empty((20, 30)), Planes.empty(SHAPE))


def test_the_clock_decides_no_order(tmp_path: Path) -> None:
    snapshots = Snapshots(tmp_path / "s", "a", SHAPE)
    for days in (0, 4000, -4000, 1, -20000):
        whole(snapshots, Contents("generation", "", 7, NOON + timedelta(days=days), 0))
    assert [item.number for item in snapshots.all()] == [5, 4, 3, 2, 1]
    snapshots.prune()
    assert len(snapshots.all()) == 5


def test_an_unwritable_folder_is_no_error_on_reading(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("a file where the folder should be")
    snapshots = Snapshots(tmp_path / "s", "a", SHAPE)
    assert snapshots.all() == []
    assert snapshots.newest() is None
    snapshots.prune()
    with pytest.raises(UserError):
        whole(snapshots)


def _of_days(days: list[int]) -> list[Snapshot]:
    return [
        Snapshot("generation", "", n, NOON + timedelta(days=day), 0, n, "a", SHAPE, AnnotationFiles(*[Path()] * 4), {})
        for n, day in enumerate(days, 1)
    ]


@given(st.lists(st.integers(-40, 40), max_size=120), st.randoms())
def test_ten_newest_and_the_last_of_thirty_days_are_kept(days: list[int], chance: object) -> None:
    snapshots = _of_days(days)
    shuffled = list(snapshots)
    chance.shuffle(shuffled)
    keep = kept(shuffled)
    numbers = range(1, len(days) + 1)
    assert set(list(numbers)[-NEWEST:]) <= keep, "the newest stay, whatever the clock said"
    last_of = {day: number for number, day in zip(numbers, days, strict=True)}
    newest_days = sorted(last_of.values())[-DAYS:]
    assert keep == set(list(numbers)[-NEWEST:]) | set(newest_days)
    assert len(keep) <= NEWEST + DAYS
    left = [item for item in snapshots if item.number in keep]
    assert kept(left) == keep, "nothing goes without something new"


@given(st.lists(st.integers(0, 3), min_size=1, max_size=60))
def test_pruned_after_each_one_a_day_never_loses_its_last(days: list[int]) -> None:
    left: list[Snapshot] = []
    for item in _of_days(sorted(days)):
        left.append(item)
        keep = kept(left)
        left = [other for other in left if other.number in keep]
    assert {item.day for item in left} == {item.day for item in _of_days(sorted(days))}

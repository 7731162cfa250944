"""Earlier states of an image: what is kept, what is passed over, and that nothing of it is in the way."""

import errno
import itertools
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.errors import BadInput, UserError
from segstudio.io.disk import DISK, Disk
from segstudio.io.objects_file import write_objects
from segstudio.labels.edits import Delete, RegionFill, Relabel, Stroke
from segstudio.labels.history import Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.regions import COMPLETE
from segstudio.labels.restoring import restoration
from segstudio.project import snapshot_keeper
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.going_back import changes
from segstudio.project.project import Project
from segstudio.project.snapshot_file import Contents, Snapshot
from segstudio.project.snapshots import DAYS, NEWEST, Snapshots, kept

SHAPE = (600, 700)
_UNLIKE = itertools.count(1)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    made, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    yield made
    made.close()


@pytest.fixture
def document(project: Project) -> ImageDocument:
    return project.document(project.images[0].id)


def paint(document: ImageDocument, *ids: int, y: float = 40.0) -> None:
    for number in ids:
        x = 20.0 + 12 * number
        document.apply(Stroke(np.array([[x, y], [x, y + 40]]), 8, number, class_id=1 + number % 3))


def state(document: ImageDocument) -> tuple[list[list[int]], list[list[int]], dict[int, ObjectInfo]]:
    planes = document.planes
    return planes.labels.to_array().tolist(), planes.regions.to_array().tolist(), dict(planes.objects)


def restore(document: ImageDocument, number: int) -> None:
    now = Planes(document.planes.labels.snapshot(), document.planes.regions.snapshot(), document.planes.objects)
    to = restoration(now, document.snapshots.read(number, now))
    assert to is not None
    assert document.restore(to, document.seq) is to.record


def whole(snapshots: Snapshots, contents: Contents | None = None) -> Snapshot:
    def fill(files: AnnotationFiles) -> None:
        write_objects(files.objects, {}, next(_UNLIKE))

    return snapshots.take(contents or Contents("generation", "", 1, NOON, 0), fill)


def test_a_large_change_is_preceded_by_a_snapshot_of_the_state_before(document: ImageDocument) -> None:
    paint(document, *range(1, 16))
    document.apply(RegionFill(None, COMPLETE))
    before = state(document)
    document.apply(Delete(tuple(range(1, 13))))
    assert document.checkpoint(wait=True)
    (found,) = document.snapshots.all()
    assert (found.kind, found.name, found.objects) == ("restore point", "Delete 12 objects", 15)
    planes = document.snapshots.read(found.number)
    assert (planes.labels.to_array().tolist(), planes.regions.to_array().tolist(), dict(planes.objects)) == before


def test_small_edits_keep_nothing(document: ImageDocument) -> None:
    paint(document, 1, 2, 3)
    document.apply(Delete((1,)))
    document.apply(Relabel((2,), 2))
    assert document.checkpoint(wait=True)
    assert document.snapshots.all() == []


def test_a_restore_point_is_there_soon_and_not_only_when_the_hand_rests(document: ImageDocument) -> None:
    import time

    paint(document, *range(1, 12))
    document.apply(Delete(tuple(range(1, 11))))
    end = time.monotonic() + 8  # a checkpoint alone would come after ten seconds
    while not document.snapshots.all():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_restore_is_exact_undoable_and_itself_preceded_by_a_snapshot(
    document: ImageDocument, project: Project
) -> None:
    paint(document, *range(1, 13))
    document.apply(Relabel((3,), 2))
    first = state(document)
    document.apply(Delete(tuple(range(1, 12))))
    paint(document, 20, 21, y=300.0)
    document.apply(RegionFill(None, COMPLETE))
    second = state(document)
    assert document.checkpoint(wait=True)
    restore(document, document.snapshots.all()[0].number)
    assert state(document) == first
    document.undo()
    assert state(document) == second
    document.redo()
    assert state(document) == first
    assert document.checkpoint(wait=True)
    assert [item.name for item in document.snapshots.all()] == ["Restore earlier labels", "Delete 11 objects"]
    restore(document, document.snapshots.all()[0].number)
    assert state(document) == second
    document.close()
    again = project.document(project.images[0].id)
    assert state(again) == second
    again.undo()
    assert state(again) == first
    assert again.planes.objects.next_id() > 21


def test_what_the_screen_has_to_repaint_after_a_restore_is_told(document: ImageDocument) -> None:
    paint(document, *range(1, 13))
    document.apply(Delete(tuple(range(1, 13))))
    assert document.checkpoint(wait=True)
    told = []
    document.changed.connect(told.append)
    restore(document, 1)
    (change,) = told
    assert not change.announced
    assert not change.live
    assert change.object_ids == set(range(1, 13))
    assert change.window.clip(SHAPE) == change.window
    assert not change.window.empty


def test_a_restore_made_for_another_state_is_refused(document: ImageDocument) -> None:
    paint(document, *range(1, 12))
    document.apply(Delete(tuple(range(1, 12))))
    assert document.checkpoint(wait=True)
    now = Planes(document.planes.labels.snapshot(), document.planes.regions.snapshot(), ObjectTable())
    to, seq = restoration(now, document.snapshots.read(1)), document.seq
    paint(document, 30)
    before = state(document)
    assert document.restore(to, seq) is None
    assert state(document) == before


def test_what_would_change_is_counted(document: ImageDocument) -> None:
    paint(document, *range(1, 13))
    document.apply(Relabel((12,), 3, "A reason"))
    document.apply(Delete(tuple(range(1, 11))))
    paint(document, 11, y=45.0)
    paint(document, 40, y=300.0)
    assert document.checkpoint(wait=True)
    oldest = document.snapshots.all()[-1]
    found = changes(document.planes, document.snapshots.read(oldest.number, document.planes))
    assert found.back == set(range(1, 11))
    assert found.gone == {40}
    assert found.other == {11, 12}
    assert not found.regions
    assert found
    assert not changes(document.planes, document.planes)


def test_a_generation_of_what_is_replaced_is_kept_when_an_image_is_worked_on_again(project: Project) -> None:
    image_id = project.images[0].id
    document = project.document(image_id)
    paint(document, 1, 2)
    first = state(document)
    document.close()
    document = project.document(image_id)
    paint(document, 3)
    document.close()
    (found,) = document.snapshots.all()
    assert (found.kind, found.objects) == ("generation", 2)
    planes = document.snapshots.read(found.number)
    assert planes.labels.to_array().tolist() == first[0]
    document = project.document(image_id)
    paint(document, 4)
    document.close()
    assert len(document.snapshots.all()) == 1, "not ten minutes later"


def test_a_generation_is_kept_after_ten_minutes_of_work(
    document: ImageDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(document, 1)
    assert document.checkpoint(wait=True)
    paint(document, 2)
    assert document.checkpoint(wait=True)
    assert document.snapshots.all() == []
    monkeypatch.setattr(snapshot_keeper, "GENERATION_SECONDS", 0.0)
    paint(document, 3)
    assert document.checkpoint(wait=True)
    (found,) = document.snapshots.all()
    assert found.objects == 2


def test_snapshots_share_the_files_that_are_replaced_and_no_others(document: ImageDocument) -> None:
    document.apply(RegionFill(None, COMPLETE))
    paint(document, *range(1, 12))
    assert document.checkpoint(wait=True)
    inode = document.files.labels.stat().st_ino
    document.apply(Delete(tuple(range(1, 12))))
    assert document.checkpoint(wait=True)
    (found,) = document.snapshots.all()
    assert found.files.labels.stat().st_ino == inode, "a second name costs nothing"
    assert found.files.labels.stat().st_nlink == 1, "the published file is another one now"
    assert found.files.regions.stat().st_ino != document.files.regions.stat().st_ino
    # Another program that changes the published file in place leaves the snapshot alone.
    document.files.regions.write_bytes(b"")
    document.snapshots.read(found.number)


def test_restoring_and_undoing_by_turns_fills_the_history_with_nothing(document: ImageDocument) -> None:
    paint(document, *range(1, 12))
    document.apply(Delete(tuple(range(1, 12))))
    assert document.checkpoint(wait=True)
    for _ in range(4):
        restore(document, 1)
        assert document.checkpoint(wait=True)
        document.undo()
        assert document.checkpoint(wait=True)
    assert [item.name for item in document.snapshots.all()] == ["Restore earlier labels", "Delete 11 objects"]
    assert len(list(document.files.snapshots.iterdir())) == 2


def test_a_generation_that_the_disk_refused_is_kept_with_the_next_checkpoint(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    disk = Full(1000)
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", disk=disk)
    with project:
        document = project.document(project.images[0].id)
        paint(document, 1)
        document.close()
        document = project.document(project.images[0].id)
        for room in (0, 1000):
            disk.room(room)
            paint(document, 3 if room else 2)
            assert document.checkpoint(wait=True)
            assert document.save_state == "saved"
            assert len(document.snapshots.all()) == (1 if room else 0)


class NoLinks(Disk):
    def link(self, source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, "no links here")


def test_where_the_disk_has_no_links_files_are_copied(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif", disk=NoLinks())
    with project:
        document = project.document(project.images[0].id)
        paint(document, *range(1, 12))
        before = state(document)
        assert document.checkpoint(wait=True)
        document.apply(Delete(tuple(range(1, 12))))
        assert document.checkpoint(wait=True)
        restore(document, 1)
        assert state(document) == before


class Full(Disk):
    """Refuses everything that belongs to snapshots, from the `n`-th call on."""

    def __init__(self, n: int) -> None:
        self.calls, self.refused, self.inside = 0, 0, set[int]()
        self._n = n
        for name in ("link", "make_folder", "create", "replace", "sync_folder"):
            setattr(self, name, self._guard(getattr(DISK, name)))

    def room(self, n: int) -> None:
        self.calls, self._n = 0, n

    def _guard(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(*paths: Path) -> object:
            inside = any("snapshots" in path.parts for path in paths)
            self.calls += inside
            if inside and self.calls > self._n:
                self.refused += 1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            made = real(*paths)
            if inside and isinstance(made, int):
                self.inside.add(made)
            return made

        return call

    def write(self, descriptor: int, data: bytes | memoryview) -> None:
        if descriptor in self.inside:
            self.calls += 1
            if self.calls > self._n:
                self.refused += 1
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        super().write(descriptor, data)

    def close(self, descriptor: int) -> None:
        self.inside.discard(descriptor)
        super().close(descriptor)


def test_a_disk_that_is_full_for_snapshots_stops_neither_painting_nor_publishing(tmp_path: Path) -> None:
    for n in range(40):
        folder = tmp_path / str(n)
        folder.mkdir()
        tifffile.imwrite(folder / "img.tif", np.zeros(SHAPE, np.uint8))
        disk = Full(n)
        project, _ = Project.create(folder / "project", folder / "img.tif", disk=disk)
        with project:
            document = project.document(project.images[0].id)
            told: list[str] = []
            document.noticed.connect(told.append)
            paint(document, *range(1, 14))
            assert document.checkpoint(wait=True)
            document.apply(Delete(tuple(range(1, 12))))
            paint(document, 20)
            assert document.checkpoint(wait=True)
            expected = document.planes.labels.to_array()
            assert document.save_state == "saved"
            assert np.array_equal(tifffile.imread(document.files.labels), expected)
            if not disk.refused:
                assert len(document.snapshots.all()) == 1
                assert n > 5
                return
            assert document.snapshots.all() == []
            assert not list(document.files.snapshots.glob("*/*")), f"something is left at {n}"
            assert len(told) == 1
            assert "Delete 11 objects" in told[0]
            assert "disk is full" in told[0]
    pytest.fail("the disk was always full")


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


def test_snapshots_come_back_with_an_image_that_was_taken_out(project: Project, document: ImageDocument) -> None:
    paint(document, *range(1, 12))
    document.apply(Delete(tuple(range(1, 12))))
    document.close()
    image_id = project.images[0].id
    path = project.image_path(image_id)
    project.remove_images([image_id])
    assert not project.images
    project.add_images([path])
    again = project.document(project.images[0].id)
    assert [item.objects for item in again.snapshots.all()] == [11]


def test_pixels_without_a_row_get_one_and_rows_without_pixels_go() -> None:
    labels = LabelMap.from_array(np.kron(np.array([[1, 2], [0, 3]], np.int32), np.ones((9, 9), np.int32)))
    then = Planes(labels, LabelMap(labels.shape, np.uint8), ObjectTable({1: ObjectInfo(2), 9: ObjectInfo()}))
    to = restoration(Planes.empty(labels.shape), then)
    assert {change.id: change.after.source for change in to.record.objects} == {1: "hand", 2: "import", 3: "import"}


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


def test_emptying_an_image_of_few_objects_is_preceded_by_a_restore_point(document: ImageDocument) -> None:
    paint(document, 1, 2, 3)
    document.apply(Delete((1,)))
    assert document.checkpoint(wait=True)
    assert document.snapshots is not None
    assert document.snapshots.all() == [], "one of three is a small change"
    before = state(document)
    document.apply(Delete((2, 3)))
    assert document.checkpoint(wait=True)
    (kept_state,) = document.snapshots.all()
    assert (kept_state.name, kept_state.objects) == ("Delete all 2 objects", 2)
    to = restoration(document.planes, document.snapshots.read(kept_state.number))
    assert to is not None
    document.restore(to, document.seq)
    assert state(document) == before

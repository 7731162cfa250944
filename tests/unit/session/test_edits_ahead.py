"""Large edits are worked out on a thread: nothing that is drawn meanwhile is lost, and the edit itself neither."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells
from later_background import LaterBackground

from segstudio.core.tiles import Window
from segstudio.labels.clean_up import CleanUp
from segstudio.labels.delete_in import DeleteIn
from segstudio.labels.edits import Delete, Edit, Merge, PasteLabels, RegionFill, Relabel, Stroke
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.transaction import Transaction
from segstudio.project.document import ImageDocument
from segstudio.project.journal import JournalPlace, read_journal
from segstudio.project.project import Project
from segstudio.session import edits_ahead
from segstudio.session.edits_ahead import EditsAhead, Wish, worked_out
from segstudio.session.session import Session

SHAPE = (600, 700)
STROKE = Stroke(np.array([[5.0, 5.0], [60.0, 5.0]]), 7, 900)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    made = cells(SHAPE, 40)
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / f"{name}.tif", made.image if name == "a" else made.image + 1)
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif", tmp_path / "b.tif"])
    infos = {number: ObjectInfo() for number in range(1, made.count + 1)}
    with project:
        document = project.document(project.images[0].id)
        document.apply(PasteLabels(made.labels, Window.whole(made.labels.shape), infos))
        document.close()
    opened = Session()
    opened.open_project(tmp_path / "project")
    yield opened
    opened.close()


@pytest.fixture
def background() -> LaterBackground:
    return LaterBackground()


class Told:
    """Wishes for an edit, and hears what becomes of it."""

    def __init__(self, edit: Edit) -> None:
        self.edit = edit
        self.records: list[EditRecord | None] = []
        self.given_up = 0
        self.made_of: object = None
        self.wish = Wish(lambda: self.edit, self._done, lambda: self.made_of, self._given_up)

    def _done(self, _edit: Edit, record: EditRecord | None) -> None:
        self.records.append(record)

    def _given_up(self) -> None:
        self.given_up += 1


def _front(session: Session) -> ImageDocument:
    assert session.document is not None
    return session.document


def _delete(document: ImageDocument) -> Delete:
    return Delete(tuple(sorted(document.planes.objects)[:20]))


EDITS: list[Callable[[Planes], Edit]] = [
    lambda planes: Delete(tuple(sorted(planes.objects)[:20])),
    lambda planes: Delete(tuple(planes.objects)),
    lambda planes: Merge(tuple(sorted(planes.objects)[3:30])),
    lambda planes: Relabel(tuple(planes.objects), 2),
    lambda _planes: RegionFill(None, 1),
    lambda planes: PasteLabels(
        np.roll(planes.labels.to_array(), 7, 0), Window.whole(SHAPE), {i: ObjectInfo(2, "model") for i in range(99)}
    ),
    lambda _planes: Delete(()),
]


@pytest.mark.parametrize("make", EDITS)
def test_what_was_worked_out_is_what_is_done_in_place(session: Session, make: Callable[[Planes], Edit]) -> None:
    planes = _front(session).planes
    planes.objects.set(500, ObjectInfo())
    planes.objects.set(500, None)  # an id that was used
    edit, ahead, here = make(planes), planes.snapshot(), planes.snapshot()
    found = worked_out(ahead, edit)
    transaction = Transaction(here, edit.name)
    edit.apply(transaction)
    record = transaction.commit()
    assert (found.record if found is not None else None) == record
    if found is not None:
        found.apply(planes)
    assert np.array_equal(planes.labels.to_array(), here.labels.to_array())
    assert np.array_equal(planes.regions.to_array(), here.regions.to_array())
    assert (dict(planes.objects), planes.objects.next_id()) == (dict(here.objects), here.objects.next_id())
    assert planes.labels.values() == set(planes.objects)


def test_whoever_does_it_goes_through_no_rows(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    planes = _front(session).planes
    found = worked_out(planes.snapshot(), _delete(_front(session)))
    assert found is not None
    monkeypatch.setattr(ObjectTable, "set", lambda *_: pytest.fail("a row by itself"))
    found.apply(planes)
    assert dict(planes.objects) == dict(found.then.objects)


def test_it_is_one_action_with_a_restore_point(session: Session, background: LaterBackground) -> None:
    document, ahead = _front(session), EditsAhead(session.front, background)
    before, objects = document.planes.labels.to_array(), dict(document.planes.objects)
    told = Told(_delete(document))
    assert ahead.apply(document, told.wish)
    assert ahead.busy
    assert np.array_equal(document.planes.labels.to_array(), before), "nothing is done yet"
    background.work()
    assert not ahead.busy
    assert len(told.records) == 1
    assert document.planes.objects.keys() == objects.keys() - set(told.edit.ids)
    document.undo()
    assert np.array_equal(document.planes.labels.to_array(), before)
    assert dict(document.planes.objects) == objects
    assert document.checkpoint(wait=True)
    assert document.snapshots is not None
    assert document.snapshots.all()[0].name == "Delete 20 objects"


def test_a_stroke_that_comes_in_between_is_kept(session: Session, background: LaterBackground) -> None:
    document, ahead = _front(session), EditsAhead(session.front, background)
    told = Told(_delete(document))
    ahead.apply(document, told.wish)
    document.apply(STROKE)
    background.work()
    assert (told.records, ahead.busy) == ([], True)
    background.work()
    assert len(told.records) == 1
    assert 900 in document.planes.labels.values()
    assert not document.planes.labels.values() & set(told.edit.ids)
    assert document.history.undo_name == "Delete object"


def test_it_waits_for_a_gesture_that_is_going_on(
    session: Session, background: LaterBackground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits_ahead, "_REST_S", 0.0)
    document, ahead = _front(session), EditsAhead(session.front, background)
    told = Told(_delete(document))
    ahead.apply(document, told.wish)
    gesture = document.begin("Brush stroke")
    assert not EditsAhead(session.front, background).apply(document, told.wish)
    STROKE.apply(gesture)
    background.work()
    background.work()
    background.work()
    assert told.records == []
    gesture.abort()
    background.work()
    background.work()
    assert len(told.records) == 1
    assert 900 not in document.planes.labels.values()


def test_what_it_is_made_of_may_change_meanwhile(session: Session, background: LaterBackground) -> None:
    document, ahead = _front(session), EditsAhead(session.front, background)
    told = Told(_delete(document))
    ahead.apply(document, told.wish)
    told.edit, told.made_of = Delete((1,)), object()
    background.work()
    assert told.records == []
    background.work()
    assert set(range(2, 40)) <= document.planes.objects.keys()
    assert 1 not in document.planes.objects


def test_an_image_is_not_left_before_it_is_done(session: Session, background: LaterBackground) -> None:
    document, ahead = _front(session), EditsAhead(session.front, background)
    told = Told(_delete(document))
    ahead.apply(document, told.wish)
    first, second = (entry.id for entry in session.project.images)
    session.select(second)
    assert len(told.records) == 1
    assert not ahead.busy
    background.work()  # comes too late
    session.select(first)
    assert not _front(session).planes.objects.keys() & set(told.edit.ids)
    assert len(told.records) == 1


def test_what_is_given_up_is_not_done(session: Session, background: LaterBackground) -> None:
    document, ahead = _front(session), EditsAhead(session.front, background)
    told, changes = Told(_delete(document)), []
    ahead.changed.connect(lambda: changes.append(ahead.busy))
    ahead.apply(document, told.wish)
    assert not ahead.apply(document, told.wish), "only one at a time"
    assert ahead.cancel()
    assert not ahead.cancel()
    background.work()
    assert (told.records, told.given_up, changes) == ([], 1, [True, False])
    assert set(told.edit.ids) <= document.planes.objects.keys()


@pytest.mark.parametrize(("many", "at_once"), [(19, False), (20, True)])
def test_only_edits_of_many_objects_are_not_done_at_once(
    session: Session, background: LaterBackground, monkeypatch: pytest.MonkeyPatch, many: int, at_once: bool
) -> None:
    monkeypatch.setattr(edits_ahead, "MANY", many)
    document, ahead = _front(session), EditsAhead(session.front, background)
    edit = _delete(document)
    ahead.do(document, edit)
    assert (not document.planes.objects.keys() & set(edit.ids)) == at_once
    ahead.do(document, Delete((39,)))
    assert 39 not in document.planes.objects, "few are always done at once"
    while background.waiting:
        background.work()
    assert not document.planes.objects.keys() & set(edit.ids)
    assert document.history.undo_name == "Delete object"


def test_an_error_is_told_and_the_next_edit_is_not_kept_waiting(session: Session) -> None:
    class Broken:
        name = "Broken"

        def apply(self, tx: Transaction) -> None:
            tx.write("labels", Window(0, 0, 9, 9), np.ones((9, 9), np.int32))
            raise MemoryError

    document = _front(session)
    before, told = document.planes.labels.to_array(), Told(Broken())
    with pytest.raises(MemoryError):
        session.ahead.apply(document, told.wish)
    assert (session.ahead.busy, told.given_up) == (False, 1)
    assert np.array_equal(document.planes.labels.to_array(), before)
    assert session.ahead.apply(document, Told(_delete(document)).wish)


def test_ids_that_were_used_are_not_handed_out_again() -> None:
    planes = Planes.empty((9, 9))
    planes.objects = ObjectTable({}, 70)
    assert planes.snapshot().objects.next_id() == 70


def test_it_is_journalled_as_one_in_place(session: Session, background: LaterBackground) -> None:
    document, ahead = _front(session), EditsAhead(session.front, background)
    edit = _delete(document)
    document.apply(edit)
    document.undo()
    ahead.apply(document, Told(edit).wish)
    background.work()
    assert document.flush()
    place = JournalPlace(document.files.journal, document.entry.id, SHAPE)
    in_place, _undo, worked_out_ahead = read_journal(place).records[-3:]
    assert worked_out_ahead.seq == in_place.seq + 2
    assert worked_out_ahead.edit == in_place.edit
    tables = [(made.table_before, made.table_after) for made in (worked_out_ahead, in_place)]
    assert tables[0] == tables[1]
    assert tables[0][0] != tables[0][1]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Session]:
    pixels = np.random.default_rng(0).integers(0, 200, (3, 96, 96), dtype=np.uint8)
    tifffile.imwrite(tmp_path / "film.tif", pixels, imagej=True, metadata={"axes": "TYX"})
    project, problems = Project.create(tmp_path / "film", [tmp_path / "film.tif"])
    assert not problems
    project.close()
    opened = Session()
    opened.open_project(tmp_path / "film")
    yield opened
    opened.close()


def _drawn(document: ImageDocument) -> list[int]:
    return [int((document.stack.page(plane).labels.to_array() > 0).sum()) for plane in range(document.entry.planes)]


def _square() -> PasteLabels:
    return PasteLabels(np.full((10, 10), 1, np.int32), Window(20, 20, 30, 30), {1: ObjectInfo()})


@pytest.mark.parametrize("between", ["nothing", "a stroke", "leaving"])
def test_it_is_done_on_the_plane_for_which_it_was_asked(
    stack: Session, background: LaterBackground, between: str
) -> None:
    document, ahead = _front(stack), EditsAhead(stack.front, background)
    told = Told(_square())
    ahead.apply(document, told.wish)
    document.turn_to(2)
    if between == "a stroke":
        document.apply(Stroke(np.array([[50.0, 50.0]]), 3, 900))
    if between == "leaving":
        stack.front.leaving.emit(document)
    background.work()
    if between == "a stroke":
        background.work()  # anew
    assert len(told.records) == 1
    assert _drawn(document)[:2] == [100, 0]
    assert (_drawn(document)[2] > 0) == (between == "a stroke")
    assert document.plane == 2


def test_what_is_made_of_the_plane_in_front_is_done_before_another_comes(
    stack: Session, background: LaterBackground
) -> None:
    document, ahead = _front(stack), EditsAhead(stack.front, background)
    told = Told(_square())
    planes: list[int] = []
    ahead.apply(document, Wish(lambda: planes.append(document.plane) or told.edit, told.wish.done, seen=True))
    document.turn_to(1)
    assert _drawn(document) == [100, 0, 0]
    assert set(planes) == {0}
    background.work()
    assert _drawn(document) == [100, 0, 0]
    document.turn_to(2)
    assert len(told.records) == 1


def test_slow_edits_are_done_one_after_the_other(session: Session, background: LaterBackground) -> None:
    document, ahead = _front(session), EditsAhead(session.front, background)
    records: list[EditRecord | None] = []
    before = len(document.planes.objects)
    for edit in (CleanUp(smallest=10**6), DeleteIn([(0, 0), (50, 0), (50, 50)])):
        ahead.do(document, edit, lambda _edit, record: records.append(record))
    assert len(document.planes.objects) == before, "neither is done here and now"
    background.work()
    background.work()
    assert len(document.planes.objects) == 0
    assert len(records) == 2
    assert not ahead.busy


@pytest.mark.parametrize("in_place", [False, True])
def test_an_edit_that_finds_out_what_it_removes_has_its_restore_point(
    session: Session, background: LaterBackground, in_place: bool
) -> None:
    document, ahead = _front(session), EditsAhead(session.front, background)
    ahead.do(document, CleanUp(smallest=10**6))
    if in_place:
        session.front.leaving.emit(document)
    background.work()
    assert document.checkpoint(wait=True)
    assert document.snapshots is not None
    assert document.snapshots.all()[0].name.startswith("Clean up: ")

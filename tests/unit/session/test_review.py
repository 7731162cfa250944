import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from factories import discs
from numpy.typing import NDArray
from psygnal import Signal

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.io.labels_file import write_label_tiff
from segstudio.labels.edits import Delete, EraseStroke, Merge, Stroke
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.paste import PasteLabels
from segstudio.labels.restoring import restoration
from segstudio.labels.transaction import Transaction
from segstudio.labels.undo import History
from segstudio.project.changes import DocumentChange
from segstudio.session.acceptance import Accepted
from segstudio.session.background import Background
from segstudio.session.predictions import Prediction
from segstudio.session.proposal_walk import ProposalWalk
from segstudio.session.review import Review

SHAPE = (60, 60)
CENTRES: list[tuple[float, float]] = [(12, 12), (12, 40), (40, 12), (40, 40)]


class MemoryDocument:
    """The planes and history of an image, without files: what the review needs of an `ImageDocument`."""

    changed = Signal(DocumentChange)
    turned = Signal(int)

    def __init__(self) -> None:
        self.entry = SimpleNamespace(id="image")
        self.plane = 0
        self.planes = Planes.empty(SHAPE)
        self.history = History()
        self.editing = False

    def begin(self, name: str, *, restore_point: str = "") -> Transaction:
        return Transaction(self.planes, name, on_commit=self._on_commit)

    def apply(self, edit: Any) -> None:
        tx = self.begin(edit.name)
        edit.apply(tx)
        tx.commit()

    def undo(self) -> None:
        self.history.undo(self.planes)
        self._tell()

    def redo(self) -> None:
        self.history.redo(self.planes)
        self._tell()

    def restore(self, then: Planes) -> None:
        found = restoration(self.planes, then)
        assert found is not None
        found.apply(self.planes)
        self._on_commit(found.record)

    def state(self) -> Planes:
        planes = self.planes
        rows = ObjectTable(dict(planes.objects), planes.objects.next_id())
        return Planes(planes.labels.snapshot(), planes.regions.snapshot(), rows)

    def labels(self) -> NDArray[np.int32]:
        return self.planes.labels.to_array()

    def _on_commit(self, record: EditRecord) -> None:
        self.history.push(record)
        self._tell()

    def _tell(self) -> None:
        self.changed.emit(DocumentChange(Window.whole(SHAPE), frozenset({"labels"})))


class Desk:
    """A document with a prediction of four discs on the disk, and the review of it."""

    def __init__(self, folder: Path) -> None:
        self.document = MemoryDocument()
        self.folder = folder
        self.prediction = Prediction("image", "run", folder / "model", folder / "image.tif", folder / "image.maps.npy")
        self.write(discs(SHAPE, CENTRES, 8), {1: 0.9, 2: 0.3, 3: 0.6, 4: 0.95})
        self.review = self.reopen()
        self.walk = ProposalWalk(self.review)

    def write(self, labels: NDArray[np.int32], scores: dict[int, float]) -> None:
        write_label_tiff(self.prediction.labels, LabelMap.from_array(labels))
        objects = {str(key): {"class_id": 2, "score": value} for key, value in scores.items()}
        self.prediction.table.write_text(json.dumps({"schema_version": 1, "objects": objects}))

    def reopen(self) -> Review:
        document = cast("Any", self.document)
        review = Review(lambda: None, lambda: document, Background())
        review.load(self.prediction)
        return review

    def draw(self, labels: NDArray[np.int32]) -> None:
        infos = {int(i): ObjectInfo() for i in np.unique(labels) if i}
        self.document.apply(PasteLabels(labels, Window.whole(SHAPE), infos))


def _all(review: Review) -> Accepted:
    accepted: list[Accepted] = []
    review.accept_all(accepted.append)
    return accepted[0]


def _where_empty(review: Review) -> Accepted:
    accepted: list[Accepted] = []
    review.accept_only_where_empty(accepted.append)
    return accepted[0]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_most_doubtful_proposal_comes_first(desk: Desk) -> None:
    assert desk.review.pending() == [2, 3, 1, 4]
    desk.walk.next_pending()
    assert desk.review.current == 2


def test_accepting_makes_one_object_of_the_proposal_in_one_edit(desk: Desk) -> None:
    made = desk.review.accept([3])
    (object_id,) = made.objects.values()
    assert desk.document.planes.objects[object_id] == ObjectInfo(2, "model", "accepted")
    np.testing.assert_array_equal(desk.document.labels() == object_id, discs(SHAPE, CENTRES, 8) == 3)
    assert desk.review.pending() == [2, 1, 4]
    assert len(desk.document.history.entries()) == 1


def test_accepting_all_is_one_edit_and_undo_brings_all_proposals_back(desk: Desk) -> None:
    desk.review.accept_all()
    assert desk.review.pending_count == 0
    assert len(desk.document.planes.objects) == 4
    desk.document.undo()
    assert desk.review.pending_count == 4
    assert not desk.document.labels().any()
    desk.document.redo()
    assert desk.review.pending_count == 0


def test_pixels_drawn_by_hand_are_never_touched(desk: Desk) -> None:
    hand = discs(SHAPE, [(12, 16), (40, 29)], 7)  # mostly over proposal 1, and at the edge of proposal 4
    desk.draw(hand)
    before = desk.document.labels()
    free: list[int] = []
    desk.review.count_free(free.append)
    made = _all(desk.review)
    assert free == [len(made.objects)]
    after = desk.document.labels()
    np.testing.assert_array_equal(after[before > 0], before[before > 0])
    assert made.left == (1,)
    assert set(made.objects) == {2, 3, 4}
    assert desk.review.pending() == [1]


def test_what_an_object_cuts_off_a_proposal_leaves_no_crumbs(desk: Desk) -> None:
    line = np.zeros(SHAPE, np.int32)
    line[:, 7] = 1  # cuts three columns off the disc around column 12
    desk.draw(line)
    (object_id,) = desk.review.accept([1]).objects.values()
    disc = discs(SHAPE, CENTRES, 8) == 1
    assert disc[:, :7].any()
    np.testing.assert_array_equal(desk.document.labels() == object_id, disc & (np.arange(SHAPE[1]) > 7))


def test_a_proposal_cut_in_halves_keeps_both(desk: Desk) -> None:
    line = np.zeros(SHAPE, np.int32)
    line[:, 12] = 1
    desk.draw(line)
    (object_id,) = desk.review.accept([1]).objects.values()
    disc = discs(SHAPE, CENTRES, 8) == 1
    np.testing.assert_array_equal(desk.document.labels() == object_id, disc & (line == 0))


def test_a_proposal_around_a_drawn_object_waits(desk: Desk) -> None:
    desk.draw(discs(SHAPE, [CENTRES[0]], 3))
    free: list[int] = []
    desk.review.count_free(free.append)
    made = _all(desk.review)
    assert made.left == (1,)
    assert free == [len(made.objects)] == [3]
    assert desk.review.pending() == [1]


def test_accept_where_empty_leaves_every_proposal_that_touches_an_object(desk: Desk) -> None:
    desk.draw(discs(SHAPE, [(40, 29)], 7))
    made = _where_empty(desk.review)
    assert set(made.objects) == {1, 2, 3}
    assert made.left == (4,)


def test_stepping_accepts_and_rejects_one_after_the_other(desk: Desk) -> None:
    desk.walk.accept_current()  # only brings the first into focus: nothing is accepted unseen
    assert desk.review.pending_count == 4
    desk.walk.accept_current()
    assert desk.review.current == 3
    desk.walk.reject_current()
    assert desk.review.current == 1
    desk.walk.previous_pending()
    assert desk.review.current == 4
    assert desk.review.pending() == [1, 4]
    assert desk.review.rejected_count == 1


def test_editing_accepts_without_going_on(desk: Desk) -> None:
    desk.review.focus(4)
    (object_id,) = desk.walk.edit_current().objects.values()
    assert object_id in desk.document.planes.objects
    assert desk.review.current == 0


def test_decisions_survive_a_restart(desk: Desk) -> None:
    desk.review.reject([1])
    desk.review.accept([2])
    assert desk.reopen().pending() == [3, 4]


def test_rejected_proposals_can_be_brought_back(desk: Desk) -> None:
    desk.review.reject_all()
    assert desk.review.pending_count == 0
    desk.review.restore_rejected()
    assert desk.review.pending_count == 4


def test_deleting_an_accepted_object_does_not_propose_it_again(desk: Desk) -> None:
    (object_id,) = desk.review.accept([3]).objects.values()
    desk.document.apply(Delete((object_id,)))
    assert 3 not in desk.review.pending()


def test_undoing_something_later_brings_no_decided_proposal_back(desk: Desk) -> None:
    made = _all(desk.review).objects
    desk.document.apply(Merge((made[1], made[2])))
    desk.document.apply(Delete((made[3],)))
    desk.document.apply(EraseStroke([(12.0, 12.0)], 4))
    for _ in range(2):  # the stroke, then the deletion
        desk.document.undo()
        assert desk.review.pending() == []
    desk.document.undo()  # the merging
    desk.document.undo()  # the acceptance itself
    assert sorted(desk.review.pending()) == [1, 2, 3, 4]
    desk.document.redo()
    assert desk.review.pending() == []


def test_an_undone_acceptance_is_not_given_up_when_there_is_no_memory_for_it(desk: Desk) -> None:
    document = desk.document
    history = document.history = History(limit=1)
    desk.draw(discs(SHAPE, [(55, 55)], 3))
    drawn = history.next("undo")
    desk.review.accept_all()
    accepted = history.next("undo")
    assert drawn is not None
    assert accepted is not None
    document.undo()
    history.recall("undo", [drawn])
    document.undo()
    assert history.let_go["redo"] == 1, "the acceptance"
    assert desk.review.pending_count == desk.reopen().pending_count == 4
    document.redo()
    history.recall("redo", [accepted])
    document.redo()
    assert desk.review.pending_count == 0


def test_a_restore_is_told_from_a_deletion_after_a_restart_when_there_is_no_memory_for_it(desk: Desk) -> None:
    document = desk.document
    before = document.state()
    document.history = History(limit=1)
    _all(desk.review)
    document.restore(before)
    document.apply(Stroke([(26.0, 26.0)], 3, 90))
    assert document.history.let_go["undo"] == 2
    assert sorted(desk.reopen().pending()) == [1, 2, 3, 4]


def test_an_acceptance_given_up_stays_so_after_a_restart(desk: Desk) -> None:
    desk.review.accept([3])
    desk.document.undo()
    desk.document.apply(Stroke([(80.0, 60.0)], 4, 90))
    assert 3 in desk.reopen().pending()


def test_restoring_the_state_before_an_acceptance_opens_its_proposals_again(desk: Desk) -> None:
    before = desk.document.state()
    _all(desk.review)
    after = desk.document.state()
    desk.document.restore(before)
    assert sorted(desk.review.pending()) == [1, 2, 3, 4]
    desk.document.apply(Stroke([(26.0, 26.0)], 3, 90))
    assert sorted(desk.reopen().pending()) == [1, 2, 3, 4], "whatever is done then, also after a restart"
    desk.document.undo()
    desk.document.undo()  # the restore
    assert desk.review.pending() == []
    desk.document.redo()
    assert desk.review.pending_count == 4
    desk.document.restore(after)
    assert desk.review.pending() == []
    desk.document.apply(Delete((desk.review._proposals.decisions.accepted[2],)))
    assert desk.review.pending() == [], "who deletes an object has decided"
    made = desk.review.accept([2]).objects
    assert made == {}


def test_a_proposal_opened_again_by_a_restore_can_be_accepted_again(desk: Desk) -> None:
    before = desk.document.state()
    _all(desk.review)
    desk.document.restore(before)
    made = _all(desk.review).objects
    assert set(made) == {1, 2, 3, 4}
    assert desk.review.pending() == desk.reopen().pending() == []
    desk.document.undo()
    assert desk.review.pending_count == 4


def test_correcting_an_accepted_object_makes_it_hand_made_and_leaves_it_accepted(desk: Desk) -> None:
    (object_id,) = desk.review.accept([3]).objects.values()
    desk.document.apply(EraseStroke([(12.0, 40.0)], 6))
    assert desk.document.planes.objects[object_id] == ObjectInfo(2, "hand", "accepted")
    assert desk.review.outcome(3) == "accepted"
    # Accepting a neighbour is nobody's correction.
    other = desk.review.accept([1, 2, 4])
    assert {desk.document.planes.objects[item].source for item in other.objects.values()} == {"model"}
    desk.document.undo()
    desk.document.undo()
    assert desk.document.planes.objects[object_id] == ObjectInfo(2, "model", "accepted")
    assert desk.review.pending() == [2, 1, 4]


def test_an_undone_acceptance_stays_pending_when_the_user_goes_on_otherwise(desk: Desk) -> None:
    desk.review.accept_all()
    desk.document.undo()
    desk.draw(discs(SHAPE, [(55, 55)], 3))
    assert desk.review.pending_count == 4
    desk.review.accept([2])
    assert desk.review.pending() == [3, 1, 4]


def test_decoding_again_keeps_the_decisions_about_the_same_objects(desk: Desk) -> None:
    desk.review.accept([1])
    desk.review.reject([2])
    desk.write(discs(SHAPE, CENTRES[::-1], 7), {1: 0.5, 2: 0.5, 3: 0.5, 4: 0.5})  # smaller, other ids
    desk.review.load(desk.prediction)
    assert desk.review.pending() == [1, 2]
    assert desk.review.rejected_count == 1


def test_the_map_that_is_shown_holds_pending_proposals_only(desk: Desk) -> None:
    windows: list[Window] = []
    desk.review.changed.connect(windows.append)
    desk.review.reject([4])
    shown = desk.review.shown
    assert shown is not None
    assert shown.values() == {1, 2, 3}
    assert desk.review.at(40, 40) == 0
    assert desk.review.at(12, 12) == 1
    assert windows == [Window(32, 32, 49, 49)]


def test_focus_tells_where_to_look(desk: Desk) -> None:
    windows: list[Window] = []
    desk.review.focused.connect(windows.append)
    desk.review.focus(1)
    assert windows == [Window(4, 4, 21, 21)]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.table.write_text("{"),
        lambda p: p.labels.write_bytes(b"no tiff"),
        lambda p: write_label_tiff(p.labels, LabelMap((9, 9))),
        lambda p: p.review_file.write_text('{"rejected": "x"}'),
    ],
)
def test_damaged_files_say_which_and_what_to_do(desk: Desk, spoil: Callable[[Prediction], object]) -> None:
    spoil(desk.prediction)
    with pytest.raises(UserError) as error:
        desk.reopen()
    assert desk.folder.joinpath("image").name in error.value.message
    assert error.value.hint


def test_thousands_of_proposals_are_accepted_at_once(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    labels = np.arange(1, 901, dtype=np.int32).reshape(30, 30).repeat(2, 0).repeat(2, 1)
    desk.write(labels, {})
    review = desk.reopen()
    assert len(_all(review).objects) == 900


class LaterBackground(Background):
    """Does the work it was given when `work` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[Callable[[], None]] = []

    def run(self, *args: Any, **options: Any) -> None:
        self.waiting.append(lambda: Background.run(self, *args, **options))

    def work(self) -> None:
        while self.waiting:
            self.waiting.pop(0)()


def test_another_image_never_gets_the_proposals_of_the_one_before(desk: Desk) -> None:
    background = LaterBackground()
    review = Review(lambda: None, lambda: cast("Any", desk.document), background)
    review.load(desk.prediction)
    background.work()
    assert review.pending_count == 4
    desk.document = MemoryDocument()
    review.load(dataclasses.replace(desk.prediction, image_id="other"))
    assert _all(review).objects == {}
    assert not desk.document.labels().any()
    background.work()
    assert review.pending_count == 4


def test_a_prediction_whose_file_is_gone_is_looked_for_in_the_background(desk: Desk) -> None:
    background = LaterBackground()
    review = Review(lambda: None, lambda: cast("Any", desk.document), background)
    review.load(desk.prediction, if_there=True)
    desk.prediction.labels.unlink()
    background.work()
    assert (review.prediction, review.total) == (None, 0)


def test_nothing_is_accepted_in_the_middle_of_a_stroke(desk: Desk) -> None:
    desk.document.editing = True
    assert _all(desk.review).objects == {}
    assert desk.review.pending_count == 4
    desk.document.editing = False
    assert len(_all(desk.review).objects) == 4


def test_an_error_while_accepting_leaves_everything_as_it_was(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.draw(discs(SHAPE, [(55, 55)], 3))
    before = desk.document.labels()
    write = Transaction.write

    def write_and_fail(self: Transaction, *args: Any) -> None:
        write(self, *args)
        raise MemoryError

    monkeypatch.setattr(Transaction, "write", write_and_fail)
    with pytest.raises(MemoryError):
        desk.review.accept_all()
    monkeypatch.undo()
    np.testing.assert_array_equal(desk.document.labels(), before)
    assert set(desk.document.planes.objects) == {1}
    assert desk.review.pending_count == 4
    assert len(_all(desk.review).objects) == 4

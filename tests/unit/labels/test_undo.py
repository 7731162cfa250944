"""The steps that can be undone take no more memory than they may, and none is lost."""

from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.tiles import Window
from segstudio.labels.history import EditRecord, ObjectChange, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.undo import History, Step

_LIMIT = 3000


def _added(number: int, rows: int) -> EditRecord:
    """Return an action of about ``200 + 200 * rows`` bytes, with a name of its own."""
    changes = tuple(ObjectChange(1000 * number + row, None, ObjectInfo()) for row in range(1, rows + 1))
    return EditRecord(f"step {number}", (), changes, Window(0, 0, 0, 0))


def _recall(history: History, step: Step, known: list[EditRecord], count: int) -> None:
    end = history.let_go[step]
    history.recall(step, known[max(0, end - count) : end])


@given(
    st.integers(0, 12),
    st.lists(st.tuples(st.sampled_from(["do", "undo", "redo"]), st.integers(0, 20), st.integers(1, 4)), max_size=60),
)
def test_what_is_let_go_comes_back_in_its_order(before: int, wishes: list[tuple[str, int, int]]) -> None:
    done, undone = [_added(number, number) for number in range(before)], list[EditRecord]()
    planes = Planes.empty((9, 9))
    for record in done:
        planes.apply(record)
    history = History(done, limit=_LIMIT)
    for number, (wish, rows, count) in enumerate(wishes, before):
        if wish == "do":
            record = _added(number, rows)
            planes.apply(record)
            history.push(record)
            done.append(record)
            undone.clear()
        elif wish in ("undo", "redo"):
            step: Step = "undo" if wish == "undo" else "redo"
            source, target = (done, undone) if step == "undo" else (undone, done)
            assert history.can(step) == bool(source)
            if history.lacks(step):
                assert history.undo(planes) is None if step == "undo" else history.redo(planes) is None
                _recall(history, step, source, count)
            expected = source.pop() if source else None
            assert (history.name(step) or None) == (expected.name if expected is not None else None)
            assert (history.undo(planes) if step == "undo" else history.redo(planes)) is expected
            if expected is not None:
                target.append(expected)
        for kept, held, steps in ((done, history.entries(), "undo"), (undone, history.undone(), "redo")):
            assert list(held) == kept[history.let_go[steps] :]
        assert history.nbytes == sum(record.nbytes for record in (*history.entries(), *history.undone()))
        assert history.nbytes <= _LIMIT or max(len(history.entries()), len(history.undone())) <= 1
        assert set(planes.objects) == {change.id for record in done for change in record.objects}

"""The steps that can be undone take no more memory than they may, and none is lost or forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from segstudio.core.tiles import Window
from segstudio.labels.history import EditRecord, ObjectChange, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.restoring import NAME as RESTORE
from segstudio.labels.undo import History, Step

_LIMIT = 3000


def _done(planes: Planes, number: int, rows: int, *, restores: bool) -> EditRecord:
    """Add objects, or take them away where they are; an action of about ``200 + 200 * rows`` bytes."""
    objects, changes = planes.objects, []
    for item in range(number % 5 + 1, number % 5 + 1 + rows):
        before = objects.get(item)
        changes.append(ObjectChange(item, before, ObjectInfo() if before is None else None))
    name = RESTORE if restores else f"step {number}"
    record = EditRecord(name, (), tuple(changes), Window(0, 0, 0, 0))
    planes.apply(record)
    return record


def _taken_away(done: list[EditRecord]) -> dict[int, str]:
    """Return the name of the last action that took each object away."""
    return {change.id: record.name for record in done for change in record.objects if change.after is None}


def _recall(history: History, step: Step, known: list[EditRecord], count: int) -> None:
    end = history.let_go[step]
    history.recall(step, known[max(0, end - count) : end])


@given(
    st.integers(0, 12),
    st.lists(
        st.tuples(st.sampled_from(["do", "restore", "undo", "redo"]), st.integers(0, 20), st.integers(1, 4)),
        max_size=60,
    ),
)
def test_what_is_let_go_comes_back_in_its_order(before: int, wishes: list[tuple[str, int, int]]) -> None:
    planes, undone = Planes.empty((9, 9)), list[EditRecord]()
    done = [_done(planes, number, number, restores=number % 2 > 0) for number in range(before)]
    history = History(done, limit=_LIMIT)
    for number, (wish, rows, count) in enumerate(wishes, before):
        if wish in ("do", "restore"):
            done.append(_done(planes, number, rows, restores=wish == "restore"))
            history.push(done[-1])
            undone.clear()
        else:
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
        gone = {change.id for record in done for change in record.objects} - planes.objects.keys()
        assert history.restored_away(gone) == {item for item in gone if _taken_away(done)[item] == RESTORE}
        made = {change.id for record in undone for change in record.objects if change.before is None}
        assert history.to_come_back() == made

"""Marking objects: what a hand draws is accepted, other objects are what somebody says; undo brings it back."""

from pathlib import Path

import numpy as np

from segstudio.core.stack_shape import StackShape
from segstudio.core.tiles import Window
from segstudio.io.objects_file import read_objects, write_objects
from segstudio.labels.edits import Edit, Stroke
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectInfo, ReviewState
from segstudio.labels.paste import PasteLabels
from segstudio.labels.state_edit import SetState
from segstudio.labels.transaction import Transaction
from segstudio.labels.undo import History


def apply(planes: Planes, history: History, edit: Edit) -> None:
    transaction = Transaction(planes, edit.name, on_commit=history.push)
    edit.apply(transaction)
    transaction.commit()


def states(planes: Planes) -> dict[int, ReviewState]:
    return {object_id: info.state for object_id, info in sorted(planes.objects.items())}


def test_states_are_set_in_one_step_kept_by_corrections_and_undone(tmp_path: Path) -> None:
    planes, history = Planes.empty((40, 40)), History()
    array = np.zeros((40, 40), np.int32)
    array[2:9, 2:9], array[12:19, 2:9] = 1, 2
    found = ObjectInfo(source="model", state="unreviewed")
    apply(planes, history, PasteLabels(array, Window.whole((40, 40)), {1: found, 2: found}))
    apply(planes, history, Stroke([(30, 30)], 6, 3))
    assert states(planes) == {1: "unreviewed", 2: "unreviewed", 3: "accepted"}
    apply(planes, history, SetState((1, 3, 99), "suspicious"))
    apply(planes, history, Stroke([(9, 5)], 4, 1))  # a correction says nothing about the whole object
    assert states(planes) == {1: "suspicious", 2: "unreviewed", 3: "suspicious"}
    write_objects(tmp_path / "a.json", planes.objects, planes.objects.next_id())
    assert read_objects(tmp_path / "a.json")[0] == dict(planes.objects)
    for _ in range(2):
        history.undo(planes)
    assert states(planes) == {1: "unreviewed", 2: "unreviewed", 3: "accepted"}
    history.redo(planes)
    assert states(planes) == {1: "suspicious", 2: "unreviewed", 3: "suspicious"}


def test_objects_of_other_planes_of_a_stack_are_marked_too_and_nothing_said_is_no_step() -> None:
    stack, history = Planes.empty(StackShape(20, 20, 3)), History()
    transaction = Transaction(stack, "draw", on_commit=history.push, plane=2)
    Stroke([(5, 5)], 4, 1).apply(transaction)
    transaction.commit()
    marking = Transaction(stack, "mark", plane=None)
    SetState((1,), "suspicious").apply(marking)
    assert marking.commit() is not None
    again = Transaction(stack, "mark", plane=None)
    SetState((1,), "suspicious").apply(again)
    assert again.commit() is None

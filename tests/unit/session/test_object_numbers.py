"""Numbers of colours by what objects are and by a measurement, kept up edit by edit."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.tiles import Window
from segstudio.labels.edits import Delete, Stroke
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.paste import PasteLabels
from segstudio.labels.state_edit import SetState
from segstudio.project.document import ImageDocument
from segstudio.session.object_numbers import STEPS, ObjectNumbers
from segstudio.session.session import Session

Parts = tuple[ImageDocument, ObjectNumbers, Session]


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    """Yield an image of three squares, larger and larger, and their numbers."""
    path = tmp_path / "cells.tif"
    tifffile.imwrite(path, np.zeros((100, 120), np.uint8))
    session = Session()
    session.create_project(tmp_path / "project", [path])
    document = session.document
    assert document is not None
    labels = np.zeros((100, 120), np.int32)
    for number, side in ((1, 10), (2, 20), (3, 30)):
        labels[5 : 5 + side, 35 * number - 30 : 35 * number - 30 + side] = number
    infos = {number: ObjectInfo() for number in (1, 2, 3)}
    document.apply(PasteLabels(labels, Window.whole(labels.shape), infos))
    numbers = ObjectNumbers(session.view, session.objects, lambda: (1, 2), session.background)
    numbers.load(document)
    yield document, numbers, session
    numbers.close()
    session.close()


def test_a_changed_state_has_another_number_in_the_same_table(parts: Parts) -> None:
    document, numbers, session = parts
    view = session.view
    assert numbers.table is None
    view.colour_by = "state"
    assert numbers.table is not None
    assert numbers.table.tolist() == [0, 1, 1, 1]
    table, touched = numbers.table, list[frozenset[int]]()
    numbers.touched.connect(touched.append)
    document.apply(SetState((2,), "suspicious"))
    assert numbers.table is table
    assert table.tolist() == [0, 1, 3, 1]
    assert touched == [{2}]
    document.apply(Stroke([(5.0, 90.0)], 4, 9))  # beyond the table
    assert numbers.table[9] == 1


def test_measurements_go_from_the_first_to_the_last_colour_and_their_ends_stay(parts: Parts) -> None:
    document, numbers, session = parts
    view = session.view
    view.colour_by = "area"
    assert numbers.table is not None
    assert numbers.scale is not None
    first, middle, last = (int(number) for number in numbers.table[1:4])
    assert (first, last) == (1, STEPS)
    assert 1 < middle < STEPS
    scale = numbers.scale
    document.apply(Delete((3,)))
    document.apply(Stroke([(100.0, 90.0)], 3, 4))
    assert numbers.scale == scale
    assert numbers.table[4] == 1
    view.colour_by = "object"
    assert numbers.table is None

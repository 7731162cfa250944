"""Objects of a model that a hand corrects: what the journal, the files and older journals make of it."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.tiles import Window
from segstudio.io.objects_file import read_objects
from segstudio.labels.edits import EraseStroke, PasteLabels, Stroke
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.transaction import Transaction
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.manifest import ImageEntry

SHAPE = (80, 90)
ENTRY = ImageEntry("img", "img.tif", "img.tif", "img", *SHAPE)
MODEL = ObjectInfo(2, "model", "accepted")
CORRECTED = ObjectInfo(2, "hand", "accepted")
STROKE = Stroke([(18.0, 25.0)], 12, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of an image with one published object of a model."""
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    labels = np.zeros(SHAPE, np.int32)
    labels[20:30, 20:40] = 1
    document = opened(tmp_path)
    document.apply(PasteLabels(labels, Window.whole(SHAPE), {1: MODEL}))
    assert document.close()
    return tmp_path


def files_in(folder: Path) -> AnnotationFiles:
    return AnnotationFiles(folder / "img.labels.tif", folder / "regions.tif", folder / "img.json", folder / "journal")


def opened(folder: Path, *, read_only: bool = False) -> ImageDocument:
    return ImageDocument.open(ENTRY, folder / "img.tif", files_in(folder), read_only=read_only)


def test_a_correction_is_durable_with_its_row_and_undo_after_a_restart_takes_both_back(folder: Path) -> None:
    document = opened(folder)
    before = document.planes.labels.to_array()
    document.apply(STROKE)
    assert document.flush()
    crashed = opened(folder, read_only=True)  # sees the files of before and the journal
    assert dict(crashed.planes.objects) == {1: CORRECTED}
    crashed.close()
    assert document.close()
    assert read_objects(files_in(folder).objects)[0] == {1: CORRECTED}

    document = opened(folder)
    assert document.undo() is not None
    assert dict(document.planes.objects) == {1: MODEL}
    assert np.array_equal(document.planes.labels.to_array(), before)
    assert document.close()
    assert read_objects(files_in(folder).objects)[0] == {1: MODEL}

    document = opened(folder)
    assert document.redo() is not None
    assert dict(document.planes.objects) == {1: CORRECTED}
    assert not document.notices
    document.close()


def test_the_lists_hear_of_the_corrected_neighbour(folder: Path) -> None:
    document = opened(folder)
    told: set[int] = set()
    document.changed.connect(lambda change: told.update(change.object_ids))
    document.apply(Stroke([(45.0, 25.0)], 14, 2, protect=False))
    assert told == {1, 2}
    assert document.planes.objects[1] == CORRECTED
    document.close()


def test_a_journal_from_before_corrections_were_noted_opens_and_goes_on(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = opened(folder)
    with monkeypatch.context() as patch:
        patch.setattr(Transaction, "_correct", lambda *_: None)
        record = document.apply(STROKE)
    assert record is not None
    assert record.objects == ()
    assert document.flush()
    crashed = opened(folder, read_only=True)
    assert dict(crashed.planes.objects) == {1: MODEL}
    crashed.close()
    assert document.close()

    document = opened(folder)
    assert not document.notices
    assert dict(document.planes.objects) == {1: MODEL}
    document.apply(EraseStroke([(38.0, 25.0)], 4))
    assert dict(document.planes.objects) == {1: CORRECTED}
    document.undo()
    document.undo()
    assert dict(document.planes.objects) == {1: MODEL}
    assert document.planes.labels.value(25, 14) == 0
    document.close()

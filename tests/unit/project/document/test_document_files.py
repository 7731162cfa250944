"""An image whose files are lost, damaged or of another program: nothing of them is overwritten."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from one_document import SHAPE, files_in, opened, stroke

from segstudio.core.errors import BadInput
from segstudio.labels.edits import Delete, Stroke


def test_a_file_changed_by_another_program_between_sessions_is_kept_beside_ours(folder: Path) -> None:
    document = opened(folder)
    document.apply(stroke(1))
    ours = document.planes.labels.to_array()
    document.close()
    path = files_in(folder).labels
    theirs = ours.astype(np.uint16)
    theirs[40:60, 20:30] = 99
    tifffile.imwrite(path, theirs)
    document = opened(folder)
    assert "changed" in document.notices[0]
    assert "img.foreign-1.tif" in document.notices[0]
    assert np.array_equal(document.planes.labels.to_array(), ours)
    assert document.history.can_undo
    assert document.close()
    assert np.array_equal(tifffile.imread(path.with_name("img.foreign-1.tif")), theirs)
    assert np.array_equal(tifffile.imread(path), ours)


def test_a_file_changed_while_it_is_open_is_kept_beside_ours(folder: Path) -> None:
    document = opened(folder)
    heard: list[str] = []
    document.noticed.connect(heard.append)
    document.apply(stroke(1))
    document.checkpoint(wait=True)
    path = files_in(folder).labels
    theirs = np.full(SHAPE, 5, np.uint16)
    tifffile.imwrite(path, theirs)
    document.apply(stroke(2))
    assert document.checkpoint(wait=True)
    assert "img.foreign-1.tif" in heard[0]
    assert np.array_equal(tifffile.imread(path), document.planes.labels.to_array())
    assert np.array_equal(tifffile.imread(path.with_name("img.foreign-1.tif")), theirs)
    document.close()


@pytest.mark.parametrize("damage", ["deleted", "cut", "emptied"])
def test_a_lost_label_file_comes_back_from_the_journal(folder: Path, damage: str) -> None:
    tx_base = opened(folder)
    tx_base.apply(stroke(1))
    tx_base.close()
    files = files_in(folder)
    # As after an import: labels from before the journal.
    for path in files.journal.iterdir():
        path.unlink()
    document = opened(folder)
    document.apply(stroke(12, 2))
    expected = document.planes.labels.to_array()
    assert document.close()
    if damage == "deleted":
        files.labels.unlink()
    elif damage == "cut":
        files.labels.write_bytes(files.labels.read_bytes()[:-50])
    else:
        files.labels.write_bytes(b"")
    document = opened(folder)
    assert np.array_equal(document.planes.labels.to_array(), expected)
    document.apply(stroke(13, 3))
    expected = document.planes.labels.to_array()
    assert document.close()
    assert np.array_equal(tifffile.imread(files.labels), expected)


def test_a_damaged_label_file_without_a_journal_is_refused_and_kept(folder: Path) -> None:
    files = files_in(folder)
    files.labels.parent.mkdir()
    files.labels.write_bytes(b"II*\0 nothing")
    with pytest.raises(BadInput, match=r"img\.tif"):
        opened(folder)
    assert files.labels.read_bytes() == b"II*\0 nothing"


def test_of_a_damaged_tile_is_said_which_file_it_is_and_what_to_do(folder: Path) -> None:
    document = opened(folder)
    document.apply(stroke(30, 1))
    document.close()
    files = files_in(folder)
    shutil.rmtree(files.journal)
    raw = bytearray(files.labels.read_bytes())
    raw[-20] ^= 0xFF
    files.labels.write_bytes(raw)
    with pytest.raises(
        BadInput, match=r"^The labels of this image cannot be opened: labels/img\.tif is damaged"
    ) as told:
        opened(folder)
    assert "restore that file from a backup" in told.value.hint


def test_a_deleted_object_table_comes_back(folder: Path) -> None:
    document = opened(folder)
    document.apply(Stroke(np.array([[30.0, 30], [60, 60]]), 10, 1, class_id=3))
    document.close()
    files_in(folder).objects.unlink()
    document = opened(folder)
    assert document.planes.objects[1].class_id == 3
    document.close()
    assert files_in(folder).objects.exists()


def test_pixels_without_a_row_get_one(folder: Path) -> None:
    files = files_in(folder)
    files.labels.parent.mkdir()
    labels = np.zeros(SHAPE, np.uint16)
    labels[5:20, 5:20] = 42
    tifffile.imwrite(files.labels, labels)
    document = opened(folder)
    assert document.planes.objects[42].source == "import"
    assert not document.history.can_undo
    document.apply(Delete((42,)))
    document.undo()
    assert document.close()
    document = opened(folder)
    assert document.notices == []
    assert set(document.planes.objects) == {42}
    assert document.history.can_redo
    document.close()


def test_labels_are_never_laid_on_an_image_of_another_size(folder: Path) -> None:
    tifffile.imwrite(folder / "img.tif", np.zeros((10, 10), np.uint8))
    with pytest.raises(BadInput, match="10 × 10"):
        opened(folder)


def test_a_label_file_of_a_newer_program_is_not_opened(folder: Path) -> None:
    document = opened(folder)
    document.apply(stroke(1))
    assert document.close()
    path = files_in(folder).objects
    path.write_text(path.read_text().replace('"schema_version": 1', '"schema_version": 99'))
    with pytest.raises(BadInput, match="newer"):
        opened(folder)

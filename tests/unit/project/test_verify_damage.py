"""Verifying tells each kind of damage from the others, in the words of what is wrong and what is lost."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.io.labels_file import write_label_tiff
from segstudio.labels.edits import Delete, RegionFill, Stroke
from segstudio.labels.label_map import LabelMap
from segstudio.project.findings import Finding
from segstudio.project.journal import SCHEMA_VERSION, JournalPlace, encode_header, file_name, read_journal
from segstudio.project.journal_records import encode_record
from segstudio.project.manifest import LEFT_LABELS
from segstudio.project.project import Project
from segstudio.project.verify import verify_project

SHAPE = (60, 80)
RECORD = b"SJR1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project of one image with a journal of two files, a base, and an earlier state."""
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    place = tmp_path / "project"
    project, _ = Project.create(place, tmp_path / "img.tif")
    document = project.document(project.images[0].id)
    for number in range(1, 13):
        document.apply(Stroke([(5.0 * number, 20.0)], 2, number))
    document.apply(RegionFill(None, 1))
    assert project.close()
    for path in journals(place):  # as after an import: labels from before the journal
        path.unlink()
    with Project.open(place) as project:
        document = project.document(project.images[0].id)
        document.apply(Delete(tuple(range(1, 12))))
    with Project.open(place) as project:
        project.document(project.images[0].id).apply(Stroke([(30.0, 50.0)], 4, 30))
        project.document(project.images[0].id).apply(Stroke([(50.0, 50.0)], 4, 31))
    assert verify_project(place).findings == ()
    return place


def journals(folder: Path) -> list[Path]:
    return sorted(folder.glob(".segstudio/journal/*/*.sj"))


def flipped(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 8
    path.write_bytes(data)


def only(folder: Path) -> Finding:
    (found,) = verify_project(folder).findings
    return found


def damage_header(folder: Path) -> None:
    flipped(journals(folder)[0], 3)


def damage_a_record(folder: Path) -> None:
    path = journals(folder)[1]
    flipped(path, path.read_bytes().index(RECORD) + 40)


def write_twice(folder: Path) -> None:
    """Another computer has gone on from the same state, and a sync program has brought its file."""
    place = JournalPlace(journals(folder)[1].parent, journals(folder)[1].parent.name, SHAPE)
    ours = read_journal(place).records[1]
    theirs = replace(ours, edit=replace(ours.edit, name="Drawn elsewhere"))
    path = place.folder / file_name(2, "f" * 12, 0)
    path.write_bytes(encode_header(place, "f" * 12, 2) + encode_record(theirs))


def exchange_order(folder: Path) -> None:
    """The first file is one of another history."""
    first = journals(folder)[0]
    kept = folder.parent / "other"
    project, _ = Project.create(kept, folder.parent / "img.tif")
    project.document(project.images[0].id).apply(Stroke([(9.0, 9.0)], 3, 5))
    assert project.close()
    (theirs,) = journals(kept)
    data = theirs.read_bytes().replace(theirs.name[13:25].encode(), first.name[13:25].encode())
    first.write_bytes(data)


def newer_journal(folder: Path) -> None:
    path = journals(folder)[1]
    line, _, rest = path.read_bytes().partition(b"\n")
    header = json.loads(line) | {"segstudio_journal": SCHEMA_VERSION + 9}
    path.write_bytes(json.dumps(header).encode() + b"\n" + rest)


def a_folder_for_a_journal(folder: Path) -> None:
    path = journals(folder)[1]
    path.unlink()
    path.mkdir()


def damage_sums(folder: Path) -> None:
    flipped(next(path for path in folder.glob(".segstudio/sums/*.json") if path.name[0] != "_"), 30)


def damage_sums_of_manifest(folder: Path) -> None:
    flipped(folder / ".segstudio" / "sums" / "_project.json", 30)


def damage_base(folder: Path) -> None:
    path = next(folder.glob(".segstudio/journal/*/base-labels.tif"))
    path.write_bytes(path.read_bytes()[:-90])


def exchange_base(folder: Path) -> None:
    shutil.copy(folder / "labels" / "img.json", next(folder.glob(".segstudio/journal/*/base-objects.json")))


def damage_snapshot(folder: Path) -> None:
    flipped(next(folder.glob(".segstudio/snapshots/*/*/labels.tif")), -40)


def draw_elsewhere(folder: Path) -> None:
    """In a project without sums another program has drawn."""
    forget_sums(folder)
    path = folder / "labels" / "img.tif"
    labels = tifffile.imread(path)
    labels[0, 0] = 30
    write_label_tiff(path, LabelMap.from_array(labels.astype(np.int32)))


def write_elsewhere(folder: Path) -> None:
    """In a project without sums another program has given an object another class."""
    forget_sums(folder)
    path = folder / "labels" / "img.json"
    text = path.read_text()
    assert '"class": 1' in text
    path.write_text(text.replace('"class": 1', '"class": 2'))


def forget_sums(folder: Path) -> None:
    next(path for path in folder.glob(".segstudio/sums/*.json") if path.name[0] != "_").unlink()


def overlapping_weights(folder: Path) -> None:
    header = {name: {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} for name in "ab"}
    _weights(folder, json.dumps(header).encode(), 16)


def unreadable_weights(folder: Path) -> None:
    _weights(folder, b"{ no json", 16)


def a_folder_for_weights(folder: Path) -> None:
    (folder / "runs" / "one" / "weights.safetensors").mkdir(parents=True)


def _weights(folder: Path, header: bytes, size: int) -> None:
    path = folder / "runs" / "one" / "weights.safetensors"
    path.parent.mkdir(parents=True)
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(size))


@pytest.mark.parametrize(
    ("harm", "wrong", "lost"),
    [
        (damage_header, "first line", "Nothing"),
        (damage_a_record, "A place in it is damaged", "not touched"),
        (write_twice, "twice, with another content", "both are kept"),
        (exchange_order, "does not follow", "not touched"),
        (newer_journal, "newer SegStudio", "not touched"),
        (a_folder_for_a_journal, "cannot be read", "not touched"),
        (damage_sums, "sums", "Nothing"),
        (damage_sums_of_manifest, "sums", "Nothing"),
        (damage_base, "base-labels.tif", "Nothing now"),
        (exchange_base, "not what the journal begins with", "Nothing now"),
        (damage_snapshot, "", "This earlier state cannot be restored"),
        (draw_elsewhere, "never drawn", "Nothing"),
        (write_elsewhere, "never done", "Nothing"),
        (overlapping_weights, "do not follow each other", "This model"),
        (unreadable_weights, "header cannot be read", "This model"),
        (a_folder_for_weights, "cannot be read", "This model"),
    ],
)
def test_each_damage_is_named(folder: Path, harm: Callable[[Path], None], wrong: str, lost: str) -> None:
    harm(folder)
    found = only(folder)
    assert wrong in found.wrong
    assert lost in found.lost
    assert found.do
    assert found.level == "damage"


def test_actions_that_the_label_file_has_and_the_journal_not_are_missed(folder: Path) -> None:
    journals(folder)[1].unlink()
    found = only(folder)
    assert found.wrong == "Actions 2 to 3 are missing in the journal."
    assert "not touched" in found.lost


def test_a_copy_of_a_journal_by_a_sync_program_is_a_note(folder: Path) -> None:
    path = journals(folder)[1]
    shutil.copy(path, path.with_name(f"{path.stem} (conflicted copy).sj"))
    found = only(folder)
    assert found.level == "note"
    assert "was not named by SegStudio" in found.wrong


def test_labels_that_an_image_left_are_looked_at_as_far_as_they_are_there(folder: Path) -> None:
    with Project.open(folder) as project:
        project.remove_images([project.images[0].id])
    report = verify_project(folder)
    assert report.whole
    assert report.images == 1
    files = report.files
    (folder / "labels" / "img.tif").unlink()  # nothing tells how large it was
    report = verify_project(folder)
    assert report.findings == ()
    assert report.files < files
    content = json.loads((folder / "project.json").read_bytes())
    assert content["settings"][LEFT_LABELS]


def test_a_project_that_nothing_was_ever_changed_in_needs_no_backup(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros(SHAPE, np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    project.close()
    (tmp_path / "project" / "project.json.bak").unlink(missing_ok=True)
    shutil.rmtree(tmp_path / "project" / ".segstudio" / "sums", ignore_errors=True)
    assert verify_project(tmp_path / "project").findings == ()


def test_a_lost_journal_leaves_only_the_history_to_go_back_to(folder: Path) -> None:
    for path in journals(folder):
        flipped(path, path.read_bytes().index(RECORD) + 40)
    flipped(folder / "labels" / "img.tif", -40)
    labels = next(item for item in verify_project(folder).findings if item.file == "labels/img.tif")
    assert "as far as it can be read; the rest is lost" in labels.lost
    assert "history" in labels.do


@pytest.mark.parametrize(("states_are_whole", "do"), [(True, "Go back to an earlier"), (False, "Restore the file")])
def test_of_labels_that_do_not_open_nothing_is_called_untouched(folder: Path, states_are_whole: bool, do: str) -> None:
    for path in journals(folder):
        shutil.rmtree(path.parent, ignore_errors=True)
    labels = folder / "labels" / "img.tif"
    labels.write_bytes(labels.read_bytes()[: labels.stat().st_size // 2])
    if not states_are_whole:
        damage_snapshot(folder)
    first, journal, *states = verify_project(folder).findings
    assert "the image does not open" in first.lost
    assert "cannot be made anew" in journal.lost
    assert first.do.startswith(do)
    assert journal.do == first.do
    assert len(states) == (not states_are_whole)
    assert not any("not touched" in item.lost or "Nothing" in item.do for item in (first, journal, *states))


def test_of_a_label_file_that_is_missing_nothing_is_said_to_be_read(folder: Path) -> None:
    for path in journals(folder):
        shutil.rmtree(path.parent, ignore_errors=True)
    (folder / "labels" / "img.tif").unlink()
    assert verify_project(folder).findings[0].lost == "What only this file held."


def test_the_history_is_advised_only_where_it_has_a_state(folder: Path) -> None:
    damage_a_record(folder)
    assert "history" in only(folder).do
    shutil.rmtree(folder / ".segstudio" / "snapshots")
    assert only(folder).do == "Nothing; work on."
    for path in journals(folder):
        flipped(path, path.read_bytes().index(RECORD) + 40)
    flipped(folder / "labels" / "img.tif", -40)
    labels = next(item for item in verify_project(folder).findings if item.file == "labels/img.tif")
    assert labels.do == "Restore the file from a backup."


def test_a_flipped_bit_in_the_description_of_an_earlier_state_is_found(folder: Path) -> None:
    (path,) = folder.glob(".segstudio/snapshots/*/*/snapshot.json")
    whole = path.read_bytes()
    missed = []
    for bit in range(0, 8 * len(whole), 37):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        path.write_bytes(data)
        if not any(".segstudio/snapshots" in item.file for item in verify_project(folder).damage):
            missed.append(bit)
    assert missed == []


def test_the_description_of_an_earlier_state_of_an_earlier_version_has_no_sum(folder: Path) -> None:
    (path,) = folder.glob(".segstudio/snapshots/*/*/snapshot.json")
    about = json.loads(path.read_bytes())
    del about["sum"]
    path.write_text(json.dumps(about))
    assert verify_project(folder).findings == ()

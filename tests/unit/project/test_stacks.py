"""A stack is labelled plane by plane: one journal, one table of objects, and label files with a page for each plane."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.core.stack_shape import StackShape
from segstudio.core.tiles import Window
from segstudio.engine.data.channels import ChannelPlan
from segstudio.engine.data.dataset import Reading, read_sample
from segstudio.io.labels_import import read_label_stack
from segstudio.jobs.spec import SampleRecord
from segstudio.labels.edits import Delete, Polygon, RegionFill, Stroke
from segstudio.labels.restoring import restoration
from segstudio.project.changes import DocumentChange
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.project.samples import labelled_samples
from segstudio.project.verify import verify_project

HEIGHT, WIDTH = 530, 300
SIZES = (3, 4)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pixels = np.arange(np.prod((*SIZES, HEIGHT, WIDTH)), dtype=np.uint16).reshape(*SIZES, HEIGHT, WIDTH)
    tifffile.imwrite(tmp_path / "s.ome.tif", pixels, metadata={"axes": "TZYX"}, photometric="minisblack")
    project, problems = Project.create(tmp_path / "project", tmp_path / "s.ome.tif")
    assert not problems
    project.close()
    return tmp_path / "project"


def opened(project: Project) -> ImageDocument:
    return project.document(project.images[0].id)


def disc(x: float, y: float, radius: float = 30) -> Polygon:
    turn = np.linspace(0, 2 * np.pi, 60)
    return Polygon(np.stack([x + radius * np.cos(turn), y + radius * np.sin(turn)], axis=1))


def drawn(document: ImageDocument) -> dict[int, set[int]]:
    planes = range(document.entry.planes)
    return {n: found for n in planes if (found := document.stack.page(n).labels.values())}


def test_what_was_drawn_on_planes_is_there_after_a_kill_and_in_the_label_file(folder: Path) -> None:
    with Project.open(folder) as project:
        entry = project.images[0]
        assert (entry.axes, entry.sizes, entry.planes) == ("TZ", SIZES, 12)
        document = opened(project)
        for plane in (0, 5, 11):
            document.turn_to(plane)
            document.apply(disc(150, HEIGHT - 10))  # beyond the lower edge: the plane below stays as it is
            document.apply(RegionFill(Window(0, 0, 50, 50), 1))
        assert document.flush()
        killed = folder.with_name("killed")
        shutil.copytree(folder, killed)
        assert document.checkpoint(wait=True)
        pages = tifffile.imread(project.files(entry.id).labels)
        assert pages.shape == (12, HEIGHT, WIDTH)
        assert [int(page.max()) for page in pages] == [1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 3]
        np.testing.assert_array_equal(pages[0] > 0, pages[5] > 0)
    for place in (killed, folder):
        with Project.open(place) as again:
            document = opened(again)
            assert document.notices == []
            assert drawn(document) == {0: {1}, 5: {2}, 11: {3}}
        assert verify_project(place).whole


def test_undo_turns_to_the_plane_where_it_happens(folder: Path) -> None:
    with Project.open(folder) as project:
        document = opened(project)
        told: list[DocumentChange] = []
        turned: list[int] = []
        document.changed.connect(told.append)
        document.turned.connect(turned.append)
        for plane in (2, 7):
            document.turn_to(plane)
            document.apply(disc(150, 100))
        assert not told[-1].window.clip((HEIGHT, WIDTH)).empty
        assert told[-1].window == told[-1].window.clip((HEIGHT, WIDTH)), "in pixels of the plane"
        document.turn_to(0)
        assert document.undo() is not None
        assert document.plane == 7
        assert document.undo() is not None
        assert (document.plane, drawn(document)) == (2, {})
        assert document.redo() is not None
        assert drawn(document) == {2: {1}}
        assert turned == [2, 7, 0, 7, 2]


def test_undo_goes_on_over_a_restart(folder: Path) -> None:
    with Project.open(folder) as project:
        document = opened(project)
        document.turn_to(9)
        document.apply(disc(100, 100))
        document.turn_to(3)
        document.apply(Stroke(np.array([[10.0, 500.0], [200.0, 529.0]]), 20, 1))
    with Project.open(folder) as project:
        document = opened(project)
        assert drawn(document) == {3: {1}, 9: {1}}
        document.undo()
        document.undo()
        assert (drawn(document), len(document.stack.objects)) == ({}, 0)
        document.redo()
        document.redo()
        assert drawn(document) == {3: {1}, 9: {1}}


def test_a_training_learns_from_the_planes_that_are_labelled(folder: Path) -> None:
    with Project.open(folder) as project:
        document = opened(project)
        document.turn_to(4)
        document.apply(disc(100, 100))
        document.turn_to(10)
        document.apply(RegionFill(None, 1))
        assert document.checkpoint(wait=True)
        entry = project.images[0]
        samples = labelled_samples(project)
    assert [(sample.image_id, sample.plane) for sample in samples] == [(f"{entry.id}.4", 4), (f"{entry.id}.10", 10)]


def test_labels_and_pixels_of_a_plane_are_read_together(folder: Path) -> None:
    with Project.open(folder) as project:
        document = opened(project)
        document.turn_to(6)
        document.apply(disc(100, 100))
        assert document.checkpoint(wait=True)
        (sample,) = labelled_samples(project)
        wanted = document.planes.labels.to_array()
    (part,) = read_sample(sample, Reading(ChannelPlan("gray", 1)))
    np.testing.assert_array_equal(np.maximum(part.known, 0) > 0, wanted > 0)
    flat = SampleRecord(image_id="a", image=sample.image, complete=True)
    notes: list[str] = []
    read_sample(flat, Reading(ChannelPlan("gray", 1)), lambda _path, sentence: notes.append(sentence))
    assert notes == ["Of its 12 planes only the first one is used."]


def test_masks_of_all_planes_are_taken_from_one_file(folder: Path, tmp_path: Path) -> None:
    masks = np.zeros((*SIZES, HEIGHT, WIDTH), np.uint16)
    masks[0, 1, 100:150, 20:60] = 7
    masks[2, 3, 500:530, 200:300] = 7
    masks[1, 0, 10:20, 10:20] = 300
    tifffile.imwrite(tmp_path / "m.tif", masks, imagej=True, metadata={"axes": "TZYX"})
    with Project.open(folder) as project:
        image_id = project.images[0].id
        assert project.import_masks(masks={image_id: tmp_path / "m.tif"}) == []
        document = opened(project)
        assert drawn(document) == {1: {7}, 4: {300}, 11: {7}}
        assert document.stack.page(11).labels.value(529, 299) == 7
        assert all(document.stack.page(plane).regions.is_full() for plane in range(12))
        document.turn_to(4)
        document.apply(Delete((300,)))
        assert document.flush()
        assert document.undo() is not None
        assert document.undo() is not None
        assert document.stack.blank
    assert verify_project(folder).whole


def test_an_earlier_state_of_all_planes_comes_back(folder: Path) -> None:
    with Project.open(folder) as project:
        document = opened(project)
        for plane in (0, 7):
            document.turn_to(plane)
            document.apply(disc(100, 100))
        gesture = document.begin("Delete", restore_point="Delete")
        Delete((2,)).apply(gesture)
        gesture.commit()
        document.turn_to(0)
        document.apply(Delete((1,)))
        assert document.checkpoint(wait=True)
        (state,) = document.snapshots.all()
        to = restoration(document.stack.snapshot(), document.snapshots.read(state.number))
        assert document.restore(to, document.seq) is not None
        assert drawn(document) == {0: {1}, 7: {2}}
        assert document.planes.labels.value(100, 100) == 1, "what is in front is the plane as it is now"
        document.undo()
        assert drawn(document) == {}


def test_all_planes_are_kept_whole_when_the_folder_is_gone(folder: Path) -> None:
    with Project.open(folder) as project:
        document = opened(project)
        document.turn_to(7)
        document.apply(disc(100, 100))
        document.turn_to(0)
        (whole,) = project.whole_labels.take()
        assert whole.labels.shape == document.stack.shape
        assert whole.labels.values() == {1}


def test_black_and_white_masks_are_cut_into_parts_plane_by_plane(tmp_path: Path) -> None:
    masks = np.zeros((3, 40, 50), np.uint8)
    masks[0, 5:10, 5:10] = masks[2, 5:10, 5:10] = masks[2, 20:30, 20:30] = 255
    tifffile.imwrite(tmp_path / "m.tif", masks, photometric="minisblack")
    labels, (said,) = read_label_stack(tmp_path / "m.tif", StackShape(40, 50, 3))
    assert labels.values() == {1, 2, 3}
    assert said.startswith("A black and white stack: its 3 connected parts")
    with pytest.raises(BadInput, match="3 planes of 40 × 50 pixels, its image 2 planes of 40 × 50"):
        read_label_stack(tmp_path / "m.tif", StackShape(40, 50, 2))


def test_a_file_with_other_planes_does_not_take_its_place(folder: Path, tmp_path: Path) -> None:
    pixels = np.zeros((5, HEIGHT, WIDTH), np.uint16)
    tifffile.imwrite(tmp_path / "s.ome.tif", pixels, metadata={"axes": "ZYX"}, photometric="minisblack")
    with Project.open(folder) as project, pytest.raises(BadInput, match="changed"):
        opened(project)

"""Folders of images and masks as training data: which are for validation, which are left out, what is refused."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from segstudio.core.errors import BadInput
from segstudio.labels.edits import Stroke
from segstudio.project.folder_samples import folder_samples
from segstudio.project.left_out import left_out_words
from segstudio.project.project import Project
from segstudio.project.samples import labelled_samples, refuse_changed_images, training_samples, usable_samples


def pair(folder: Path, stem: str, ending: str = ".tif") -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 50), len(stem), np.uint8)).save(folder / "images" / f"{stem}{ending}")
    labels = np.zeros((40, 50), np.uint16)
    labels[2:9, 2:9] = 1
    tifffile.imwrite(folder / "masks" / f"{stem}.tif", labels)


def test_without_a_folder_for_validation_one_image_in_five_is_taken_for_it_and_test_images_stay(tmp_path: Path) -> None:
    for number in range(10):
        pair(tmp_path / "train", f"c{number}")
    pair(tmp_path / "test", "t")
    splits = {sample.image_id: sample.split for sample in folder_samples(tmp_path)}
    assert splits.pop("t") == "test"
    assert sorted(splits.values()) == ["train"] * 8 + ["val"] * 2


def test_images_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for ending in (".bmp", ".png", ".tif"):
        pair(tmp_path / "train", "a", ending)
    for ending in (".png", ".tif"):
        pair(tmp_path / "val", "a", ending)
    samples = folder_samples(tmp_path)
    assert len({sample.image_id for sample in samples}) == len(samples) == 5
    assert [sample.image_id for sample in samples] == ["a", "train-a", "train-a-2", "val-a", "val-a-2"]
    assert [sample.split for sample in samples] == ["train"] * 3 + ["val"] * 2


def test_masks_without_images_are_told(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    (tmp_path / "images" / "a.tif").unlink()
    with pytest.raises(BadInput, match=r"images in .* holds no images"):
        folder_samples(tmp_path)


def test_the_masks_of_cellpose_are_compared_when_they_are_read(tmp_path: Path) -> None:
    for name in "ab":
        pair(tmp_path, name)
        (tmp_path / "masks" / f"{name}.tif").unlink()
        (tmp_path / "images" / f"{name}_seg.npy").write_bytes(b"\x93NUMPY")
    assert [sample.labels.name for sample in folder_samples(tmp_path) if sample.labels] == ["a_seg.npy", "b_seg.npy"]


def test_a_project_in_which_every_image_is_for_validation_is_refused(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / "p").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "p" / f"c{number}.tif", np.full((60, 70), number, np.uint8))
    with Project.create(tmp_path / "project", tmp_path / "p")[0] as project:
        for entry in project.images:
            document = project.document(entry.id)
            document.apply(Stroke([(20.0, 20.0)], 9, 1))
            assert document.close()
            project.set_split(entry.id, "val")
    with pytest.raises(BadInput, match="no labelled image for training: all are for validation"):
        folder_samples(tmp_path / "project")


@pytest.mark.parametrize("limit", [0, -3])
def test_a_training_without_images_is_refused(tmp_path: Path, limit: int) -> None:
    for name in "abc":
        pair(tmp_path, name)
    with pytest.raises(BadInput, match=f"{limit} training images are too few"):
        folder_samples(tmp_path, limit=limit)


def test_nothing_is_learned_from_an_image_that_was_exchanged(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / "p").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "p" / f"c{number}.tif", np.full((60, 70), number, np.uint8))
    with Project.create(tmp_path / "project", tmp_path / "p")[0] as project:
        for entry in project.images:
            document = project.document(entry.id)
            document.apply(Stroke([(20.0, 20.0)], 9, 1))
            assert document.close()
        samples = training_samples(project, learns_images=False)
        (tmp_path / "p" / "c0.tif").unlink()
        refuse_changed_images(project, samples)  # who reads it tells that it is gone
        tifffile.imwrite(tmp_path / "p" / "c1.tif", np.full((60, 70), 77, np.uint8))
        with pytest.raises(BadInput) as caught:
            refuse_changed_images(project, samples)
        assert caught.value.code == "image-changed"
        changed = project.images[1]
        elsewhere = [sample for sample in samples if sample.image_id == changed.id]
        refuse_changed_images(project, [elsewhere[0].model_copy(update={"image": tmp_path / "other.tif"})])
        project.remove_images([changed.id])
        refuse_changed_images(project, samples)


def test_a_training_leaves_out_images_that_it_cannot_use_and_names_them(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for number in range(7):
        tifffile.imwrite(tmp_path / "p" / f"c{number}.tif", np.full((60, 70), number, np.uint8))
    with Project.create(tmp_path / "project", tmp_path / "p")[0] as project:
        for entry in project.images:
            document = project.document(entry.id)
            document.apply(Stroke([(20.0, 20.0)], 9, 1))
            assert document.close()
        files = [project.files(entry.id) for entry in project.images]
        sides = {sample.image_id: sample.split for sample in labelled_samples(project)}
        assert len(sides) == 7
    files[0].labels.write_bytes(b"II*\0 and no more")
    files[1].objects.write_bytes(b"{")
    (tmp_path / "p" / "c2.tif").unlink()
    tifffile.imwrite(tmp_path / "p" / "c3.tif", np.full((60, 70), 77, np.uint8))
    tifffile.imwrite(files[4].labels, np.ones((60, 70), np.uint8))  # another program's, and whole
    said: list[str] = []
    samples = folder_samples(tmp_path / "project", warn=said.append)
    assert [sample.image.name for sample in samples] == ["c4.tif", "c5.tif", "c6.tif"]
    assert all(sample.split == sides[sample.image_id] for sample in samples)
    assert [words.partition(" is left out: ")[0] for words in said] == ["c0.tif", "c1.tif", "c2.tif", "c3.tif"]
    assert "labels/c0.tif" in said[0]
    with Project.open(tmp_path / "project", read_only=True) as project:
        says = left_out_words(usable_samples(project).left_out)
    assert says == (
        "Left out: c0.tif (its labels are damaged), c1.tif (its labels are damaged), c2.tif (its file is gone) "
        "and 1 other image. Open each from the list to see what helps."
    )

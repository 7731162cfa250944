"""Masks of other programs that become the labels of a project."""

from pathlib import Path

import numpy as np
import tifffile
from project_pictures import image

from segstudio.labels.edits import Stroke
from segstudio.project.project import Project


def test_masks_beside_the_images_are_imported_on_request(tmp_path: Path) -> None:
    for number in range(3):
        image(tmp_path / "data" / "images" / f"c{number}.tif", number)
        labels = np.zeros((64, 80), np.uint16)
        labels[4:20, 4:20] = 1
        labels[30:40, 30:50] = 7
        (tmp_path / "data" / "masks").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "data" / "masks" / f"c{number}.tif", labels if number < 2 else labels[:9])
    project, _ = Project.create(tmp_path / "project", tmp_path / "data")
    assert len(project.images) == 3
    assert len(project.masks()) == 3
    problems = project.import_masks()
    assert len(problems) == 1
    assert "c2" in problems[0]
    assert project.labelled_count() == (2, 3)
    document = project.document(project.images[0].id)
    assert set(document.planes.objects) == {1, 7}
    assert document.planes.regions.value(0, 0) == 1
    document.apply(Stroke(np.array([[60.0, 50]]), 5, 8))
    assert document.close()
    assert len(project.import_masks()) == 1
    project.close()


def test_what_is_odd_about_an_imported_mask_names_the_mask(tmp_path: Path) -> None:
    image(tmp_path / "data" / "images" / "c.tif")
    (tmp_path / "data" / "masks").mkdir()
    labels = np.zeros((64, 80), np.uint16)
    labels[2:9, 2:9] = labels[30:39, 30:39] = 5
    tifffile.imwrite(tmp_path / "data" / "masks" / "c.tif", labels)
    with Project.create(tmp_path / "project", tmp_path / "data")[0] as project:
        assert project.import_masks() == ["c.tif: 1 object lies in several places (id 5)."]


def test_a_mask_is_taken_where_something_was_drawn_and_undone_but_never_over_what_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "data" / "masks").mkdir(parents=True)
    labels = np.zeros((64, 80), np.uint16)
    labels[4:20, 4:20] = 9
    for number, name in enumerate("ab"):
        image(tmp_path / "data" / "images" / f"{name}.tif", number)
        tifffile.imwrite(tmp_path / "data" / "masks" / f"{name}.tif", labels)
    with Project.create(tmp_path / "project", tmp_path / "data")[0] as project:
        undone, drawn = (project.document(entry.id) for entry in project.images)
        for document in (undone, drawn):
            document.apply(Stroke(np.array([[60.0, 50]]), 5, 1))
        undone.undo()
        masks = project.masks()
        assert undone.close()
        assert drawn.close()
        (problem,) = project.import_masks(masks=masks)
        assert problem.startswith("b.tif was not imported: b.tif has labels already.")
        again, kept = (project.document(entry.id) for entry in project.images)
        assert set(again.planes.objects) == {9}
        assert again.history.undo_name == "Import mask"
        assert set(kept.planes.objects) == {1}
        assert [entry.objects for entry in project.images] == [1, 1]


def test_masks_are_found_in_a_folder_of_any_name_but_pictures_beside_are_none(tmp_path: Path) -> None:
    image(tmp_path / "data" / "a.tif", 1)
    image(tmp_path / "data" / "a.tiff", 2)
    for folder in ("truth", "truth two/masks"):
        (tmp_path / folder).mkdir(parents=True)
        tifffile.imwrite(tmp_path / folder / "a.tiff", np.zeros((64, 80), np.uint8))
    with Project.create(tmp_path / "project", [tmp_path / "data" / "a.tif"])[0] as project:
        image_id = project.images[0].id
        assert project.masks() == project.masks(tmp_path / "data") == {}
        assert project.masks(tmp_path / "truth") == {image_id: tmp_path / "truth" / "a.tiff"}
        assert project.masks(tmp_path / "truth two") == {image_id: tmp_path / "truth two" / "masks" / "a.tiff"}

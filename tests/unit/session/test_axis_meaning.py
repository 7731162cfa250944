"""Who is asked what the axes of an image mean, and when."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.gui.dialogs.axes import AxesDialog
from segstudio.labels.edits import Stroke
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.project import Project
from segstudio.session.axis_meaning import AxesFound
from segstudio.session.session import Session


def test_an_image_is_asked_about_once_in_each_project_until_it_is_answered(tmp_path: Path) -> None:
    pixels = np.zeros((3, 20, 30), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    tifffile.imwrite(tmp_path / "flat.tif", pixels[0], photometric="minisblack")
    for name in ("first", "second"):
        Project.create(tmp_path / name, [tmp_path / "a.tif", tmp_path / "flat.tif"])[0].close()
    session, asked, found = Session(), list[str](), list[AxesFound]()
    session.axes.asked.connect(asked.append)
    for number, name in enumerate(("first", "second"), start=1):
        session.open_project(tmp_path / name)
        assert session.project is not None
        stack, flat = (entry.id for entry in session.project.images)
        for image in (flat, stack, flat, stack):
            session.select(image)
        assert asked == [stack] * number
    session.axes.look(stack, found.append)
    assert [[at for at, _ in strip] for strip in found[0].pictures] == [[0, 1, 2]]
    session.axes.read_as([stack], "T", None, keep=True)
    assert session.document is not None
    assert session.document.entry.axes == "T", "in front again"
    session.close()
    again = Session()
    again.axes.asked.connect(asked.append)
    again.open_project(tmp_path / "second")
    again.select(stack)
    assert len(asked) == 2, "answered"
    again.close()


def test_images_that_say_how_large_their_pixels_are_keep_it(tmp_path: Path, qapp: object) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (4, 30, 40)).astype(np.uint8)
    sizes = {"a": 0.1031746, "b": 0.65, "c": 0.1031746}
    for name, size in sizes.items():
        resolution = (1 / size, 1 / size)
        stack = pixels + ord(name)
        tifffile.imwrite(
            tmp_path / f"{name}.tif", stack, imagej=True, resolution=resolution, metadata={"axes": "ZYX", "unit": "um"}
        )
    project, _ = Project.create(tmp_path / "project", [tmp_path / f"{name}.tif" for name in sizes])
    ids, before = [entry.id for entry in project.images], [entry.pixel_size_um for entry in project.images]
    project.close()
    session, found = Session(), list[AxesFound]()
    session.open_project(tmp_path / "project")
    session.axes.look(ids[0], found.append)
    dialog = AxesDialog(found[0])
    assert dialog.ids() == ids
    session.axes.read_as(dialog.ids(), "T", dialog.pixel_size(), keep=False)
    assert session.project is not None
    assert [entry.pixel_size_um for entry in session.project.images] == before, "to the last digit"
    dialog.size_um.setValue(0.2)
    session.axes.read_as(dialog.ids(), "T", dialog.pixel_size(), keep=False)
    assert [entry.pixel_size_um for entry in session.project.images] == [0.2, before[1], 0.2]
    session.close()


def test_labels_that_are_in_no_file_yet_keep_their_planes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((3, 20, 30), np.uint16), photometric="minisblack")
    Project.create(tmp_path / "project", [tmp_path / "a.tif"])[0].close()
    session, found = Session(), list[AxesFound]()
    session.open_project(tmp_path / "project")
    monkeypatch.setattr(AnnotationFiles, "any_exists", lambda _files: False)
    assert session.document is not None
    image = session.document.entry.id
    session.axes.look(image, found.append)
    session.document.apply(Stroke([(8.0, 8.0)], 3, 1))
    session.axes.look(image, found.append)
    assert [each.drawn for each in found] == [False, True]
    session.close()

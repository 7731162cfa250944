"""Exporting: what is written where, and what is refused."""

import json
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
import tifffile
from factories import grid_of_squares
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox
from shiboken6 import isValid
from studio import Studio

from segstudio.export.base import Exported
from segstudio.gui.dialogs.export import ExportDialog
from segstudio.session.export_items import export_labels

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def test_the_export_dialog_writes_files_and_reports_losses(studio: Studio, tmp_path: Path) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    dialog.choose("coco", tmp_path / "out" / "cells.json")
    dialog.start()
    studio.until(dialog.report)
    assert "1 file written" in dialog.report()
    content = json.loads((tmp_path / "out" / "cells.json").read_text())
    assert len(content["annotations"]) == 81
    dialog.choose("binary-mask", tmp_path / "out")
    dialog.start()
    studio.until(lambda: "written" in dialog.report())
    assert (tmp_path / "out" / "cell_00.png").is_file()


def test_where_the_files_are_is_said_when_nothing_can_show_the_folder(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    dialog.choose("coco", tmp_path / "out" / "cells.json")
    dialog.start()
    studio.until(dialog.report)
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)
    dialog._open.click()
    assert dialog.report() == f"No program opened the folder: {tmp_path / 'out'}"


def test_an_image_whose_labels_were_taken_back_is_not_exported_as_labelled(studio: Studio) -> None:
    studio.open(2)
    studio.label_images(2)
    document = studio.session.document
    assert document is not None
    document.checkpoint(wait=True)
    document.undo()
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    dialog.start()
    studio.until(dialog.report)
    assert "1 file written" in dialog.report()


def test_an_export_that_cannot_be_written_says_why(studio: Studio, tmp_path: Path) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    (tmp_path / "taken").write_text("a file")
    dialog.choose("label-tiff", tmp_path / "taken")
    dialog.start()
    studio.until(dialog.report)
    assert "taken" in dialog.report()


def test_each_format_has_a_folder_of_its_own_and_asks_before_it_replaces(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    project = studio.session.project
    assert project is not None
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    assert dialog.formats.currentItem().text() == "Label image (TIFF)"
    asked: list[str] = []

    def answer(box: QMessageBox) -> None:
        asked.append(box.text())
        wanted = "Keep them" if len(asked) == 1 else "Replace"
        next(choice for choice in box.buttons() if choice.text() == wanted).click()

    monkeypatch.setattr(QMessageBox, "exec", answer)
    for row in range(dialog.formats.count()):
        dialog.formats.setCurrentRow(row)
        assert dialog.report() == ""
        dialog.start()
        studio.until(dialog.report)
        assert "written to" in dialog.report()
    places = sorted(path.name for path in (project.folder / "export").iterdir())
    assert len(places) == dialog.formats.count()
    assert not asked

    written = next((project.folder / "export" / "label-tiff").iterdir())
    stamp = written.stat().st_mtime_ns
    dialog.formats.setCurrentRow(0)
    dialog.start()
    studio.until(dialog.report)
    assert "would replace" in dialog.report()
    assert written.stat().st_mtime_ns == stamp
    dialog.start()
    studio.until(lambda: "written to" in dialog.report())
    assert len(asked) == 2
    assert written.stat().st_mtime_ns != stamp


def test_an_export_into_the_labels_of_the_project_is_refused(studio: Studio) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    project = studio.session.project
    assert project is not None
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    dialog.choose("label-tiff", project.folder / "labels")
    dialog.start()
    studio.until(dialog.report)
    assert "keeps its own files" in dialog.report()


def test_an_image_whose_labels_are_damaged_keeps_no_other_back(studio: Studio, tmp_path: Path) -> None:
    studio.open(2)
    studio.label_images(2)
    project = studio.session.project
    project.publish()()
    damaged = project.files(project.images[0].id).labels
    damaged.write_bytes(damaged.read_bytes()[:-40])
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    dialog.choose("label-tiff", tmp_path / "out")
    dialog.start()
    studio.until(dialog.report)
    assert "1 file written" in dialog.report()
    assert f"{project.images[0].name} was left out: {damaged.name} is damaged" in dialog.report()
    assert [path.name for path in (tmp_path / "out").iterdir()] == [project.label_path(project.images[1].id).name]


def test_an_image_that_was_exchanged_is_not_measured_with_the_labels_of_another(studio: Studio, tmp_path: Path) -> None:
    studio.open(2)
    studio.label_images(2)
    project = studio.session.project
    project.publish()()
    changed = project.image_path(project.images[0].id)
    tifffile.imwrite(changed, np.random.default_rng(9).integers(0, 99, (96, 96), np.uint8))
    dialog = studio.show(ExportDialog(studio.session), 640, 520)
    dialog.choose("measurements", tmp_path / "cells.csv")
    dialog.start()
    studio.until(dialog.report)
    assert f"{changed.name} was left out: {changed.name} is not the file that was added" in dialog.report()
    _, *rows = (tmp_path / "cells.csv").read_text("utf-8-sig").splitlines()
    assert {row.split(",")[0] for row in rows} == {project.images[1].stem}


@pytest.mark.parametrize("fails", [False, True])
def test_an_export_outlives_its_dialog_and_the_window_says_what_became_of_it(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    studio.open()
    studio.label(grid_of_squares((96, 96)))
    if fails:
        (tmp_path / "out").write_text("a file")
    going_on, begun = Event(), Event()

    def export(*arguments: Any, **options: Any) -> Exported:
        begun.set()
        assert going_on.wait(20)
        return export_labels(*arguments, **options)

    monkeypatch.setattr("segstudio.gui.dialogs.export.export_labels", export)
    dialog = ExportDialog(studio.session)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    dialog.choose("label-tiff", tmp_path / "out")
    dialog.start()
    studio.until(begun.is_set)
    dialog.close()
    studio.until(lambda: not isValid(dialog))
    going_on.set()
    studio.until(lambda: studio.notices)
    (said,) = studio.notices
    assert ("out" in said and "written" not in said) if fails else said == f"1 file written to {tmp_path / 'out'}."

"""The preview of augmented patches in the real window, drawn by the real worker."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_driver import Driver, run_program

from segstudio.config.run import RunConfig
from segstudio.gui.dialogs.patches import PatchesDialog
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.project.project import Project


def a_project(folder: Path, *, labelled: bool = True) -> Path:
    images, masks = folder / "images", folder / "masks"
    for number in range(3):
        made = cells((140, 140), 16, seed=number)
        images.mkdir(exist_ok=True)
        tifffile.imwrite(images / f"{number}.tif", made.image)
        if labelled and number < 2:
            masks.mkdir(exist_ok=True)
            tifffile.imwrite(masks / f"{number}.tif", made.labels.astype(np.uint16))
    offers = [Offer(name=name, title=name, description="", settings={}, decode={}) for name in ("joint", "unet")]
    store_catalogue(
        Catalogue(
            key=catalogue_key(),
            formulations=offers[:1],
            architectures=offers[1:],
            sections=RunConfig.model_json_schema(),
        )
    )
    project, problems = Project.create(folder / "project", [images])
    if labelled:
        problems += project.import_masks()
    project.close()
    assert not problems
    return folder / "project"


def pictures(dialog: PatchesDialog) -> list[bytes]:
    return [patch.image.tobytes() for patch in dialog.preview.patches]


def test_patches_follow_the_form_and_the_image_in_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_project(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document, what="the project")
        hand.open_image("0.tif")
        hand.window.show_step(1)
        hand.wait(hand.window.training.setup.isVisible, what="the form")
        hand.click(hand.window.training.setup, "Patches…")
        dialog = hand.dialog(PatchesDialog)
        hand.wait(lambda: dialog.grid.count == 8, 60, "eight patches")
        assert dialog.says().startswith("0.tif: patches of 128 px")
        assert any(patch.outlines for patch in dialog.preview.patches)
        first = pictures(dialog)

        hand.click(dialog, "Again")
        hand.wait(lambda: not dialog.preview.busy and pictures(dialog) != first, what="other patches")

        before = pictures(dialog)
        hand.window.training.setup.form.rows["augmentation.cut_out"].editor.set_value(1.0)
        hand.window.training.setup.form.rows["augmentation.cut_out"].editor.changed.emit()
        hand.wait(lambda: not dialog.preview.busy and pictures(dialog) != before, what="hidden rectangles")
        assert all(patch.unknown for patch in dialog.preview.patches)

        hand.open_image("2.tif")  # has no labels: a training image is shown instead
        hand.open_image("1.tif")
        hand.wait(lambda: dialog.says().startswith("1.tif"), what="the other image")

        pointed = dialog.grid.grab().toImage()
        place = QPointF(dialog.grid.width() / 8, dialog.grid.height() / 4)
        button = Qt.MouseButton.NoButton
        move = QMouseEvent(QEvent.Type.MouseMove, place, place, button, button, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(dialog.grid, move)
        assert dialog.grid.grab().toImage() != pointed  # that patch lies bare
        QApplication.sendEvent(dialog.grid, QEvent(QEvent.Type.Leave))
        assert dialog.grid.grab().toImage() == pointed

        assert list(tmp_path.glob("segstudio-patches-*"))
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        hand.wait(lambda: not list(tmp_path.glob("segstudio-patches-*")), 10, "tidy folders")

    run_program([str(folder)], script)


def test_without_labels_a_sentence_says_what_to_do(tmp_path: Path) -> None:
    folder = a_project(tmp_path, labelled=False)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document, what="the project")
        hand.open_image("0.tif")
        hand.action("train.patches")
        dialog = hand.dialog(PatchesDialog)
        hand.wait(lambda: "Outline about 10 cells" in dialog.says(), what="the sentence")
        hand.session.close_project()
        hand.wait(lambda: not hand.window.findChildren(PatchesDialog), 5, "the dialog to close with its project")

    run_program([str(folder)], script)


def test_the_end_of_the_program_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = a_project(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document, what="the project")
        hand.action("train.patches")
        dialog = hand.dialog(PatchesDialog)
        assert list(tmp_path.glob("segstudio-patches-*"))
        dialog.hide()
        hand.session.close_project()
        assert not list(tmp_path.glob("segstudio-patches-*"))
        assert not dialog.preview.patches

    run_program([str(folder)], script)

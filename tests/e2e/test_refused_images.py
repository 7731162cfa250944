"""Images that cannot be opened, in the real window: each is named, in its row and over the canvas, until it opens."""

import os
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.gui.dialogs.history import HistoryDialog
from segstudio.labels.edits import Delete
from segstudio.project.manifest import ImageEntry
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "cells"
    shutil.copytree(resource("samples", "project.json").parent, target)
    return target


def _damage(folder: Path, *numbers: int) -> list[ImageEntry]:
    """Damage the labels of images of which there is an earlier state, and take their journals away."""
    with Project.open(folder) as project:
        entries = [project.images[number] for number in numbers]
        for entry in entries:
            document, files = project.document(entry.id), project.files(entry.id)
            document.apply(Delete(tuple(sorted(document.planes.objects)[:15])))
            document.close()
            shutil.rmtree(files.journal)
            files.labels.write_bytes(files.labels.read_bytes()[:-40])
    return entries


def _errors(hand: Driver) -> list[str]:
    return [notice.message for notice in hand.window.banners.messages() if notice.level == "error"]


def _picture(hand: Driver, name: str) -> None:
    if folder := os.environ.get("SEGSTUDIO_PICTURES"):
        QTest.qWait(500)
        hand.window.grab().save(f"{folder}/{name}.png")


@pytest.mark.timeout(120)
def test_images_whose_labels_are_damaged_share_one_banner_that_names_them(folder: Path, qapp: object) -> None:
    first, second = _damage(folder, 1, 2)
    shutil.rmtree(folder / ".segstudio" / "snapshots")

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.session.select(first.id)
        hand.wait(lambda: _errors(hand), what="the refusal")
        stem = folder / "labels" / f"{first.stem}.tif"
        assert _errors(hand)[0].startswith(f"The labels of {first.name} cannot be opened: labels/{stem.name} is")
        hand.session.select(second.id)
        hand.wait(lambda: second.name in _errors(hand)[0], what="the refusal")
        assert _errors(hand) == [f"The labels of 2 images cannot be opened: {second.name}, {first.name}."]
        _picture(hand, "damaged-two")
        hand.click(hand.window.banners, "Earlier states…")
        dialog = hand.dialog(HistoryDialog)
        assert dialog.windowTitle() == f"History of {second.name}"
        hand.wait(lambda: "Restore its label file from a backup" in dialog.says(), what="what else helps")

    run_program([str(folder)], script)


@pytest.mark.timeout(120)
def test_what_is_said_about_a_damaged_image_goes_when_it_is_restored(folder: Path, qapp: object) -> None:
    first, second = _damage(folder, 1, 2)

    def restore(hand: Driver, entry: ImageEntry) -> None:
        dialog = hand.dialog(HistoryDialog)
        hand.wait(lambda: dialog.windowTitle() == f"History of {entry.name}", what=entry.name)
        hand.wait(lambda: dialog.list.model().rowCount() == 1, what="the state of before")
        hand.click(dialog, "Restore")
        hand.wait(lambda: hand.session.document.entry.id == entry.id, what="the image")
        dialog.close()

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        for entry in (first, second):
            hand.session.select(entry.id)
            hand.wait(lambda entry=entry: any(entry.name in message for message in _errors(hand)), what="the refusal")
        hand.click(hand.window.banners, "Earlier states…")
        restore(hand, second)
        (left,) = _errors(hand)
        assert left.startswith(f"The labels of {first.name} cannot be opened: ")
        hand.click(hand.window.banners, "Earlier states…")
        restore(hand, first)
        assert _errors(hand) == []
        _picture(hand, "restored")
        assert any("those of an earlier state now" in notice.message for notice in hand.window.banners.messages())

    run_program([str(folder)], script)


@pytest.mark.timeout(120)
def test_the_empty_canvas_says_which_image_cannot_be_opened(folder: Path, qapp: object) -> None:
    (first,) = _damage(folder, 0)

    def script(hand: Driver) -> None:
        hand.wait(lambda: _errors(hand), what="the refusal")
        said = hand.window.canvas._decoration._hint
        assert said.startswith(f"{first.name} cannot be opened.\nEdit › History shows its earlier states.\n")
        _picture(hand, "empty-canvas")
        hand.open_image(hand.session.project.images[1].name)
        hand.wait(lambda: not hand.window.canvas._decoration._hint, what="the image alone")

    run_program([str(folder)], script)


@pytest.mark.timeout(120)
def test_the_row_of_an_image_says_what_is_wrong_until_it_opens(folder: Path, qapp: object) -> None:
    (damaged,) = _damage(folder, 1)
    with Project.open(folder) as project:
        changed, path = project.images[2], project.image_path(project.images[2].id)
    original = path.read_bytes()
    path.write_bytes(original + b"more")

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        rows = hand.window.images._rows
        labels, image = (rows.index(rows.row_of(entry.id)) for entry in (damaged, changed))
        hand.wait(lambda: rows.state_words(image.row()) == "Image changed", what="the mark, before anybody opens it")
        for entry in (damaged, changed):
            hand.session.select(entry.id)
            hand.wait(lambda entry=entry: entry.id in hand.session.front.refusals, what="the refusal")
        assert [rows.state_words(index.row()) for index in (labels, image)] == ["Labels damaged", "Image changed"]
        told = rows.data(labels, Qt.ItemDataRole.ToolTipRole)
        assert "The labels cannot be opened" in told
        _picture(hand, "rows")

        path.write_bytes(original)
        hand.open_image(changed.name)
        hand.wait(lambda: rows.state_words(image.row()) == "Complete", what="the mark to go")
        assert not any("its content has changed" in message for message in _errors(hand))
        hand.click(hand.window.banners, "Earlier states…")
        dialog = hand.dialog(HistoryDialog)
        hand.wait(lambda: dialog.list.model().rowCount() == 1, what="the state of before")
        hand.click(dialog, "Restore")
        hand.wait(lambda: hand.session.document.entry.id == damaged.id, what="the image")
        hand.wait(lambda: rows.state_words(labels.row()) == "Complete", what="the state of its labels")

    run_program([str(folder)], script)

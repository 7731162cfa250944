"""The history in the real window: earlier states are seen, compared, restored, and the restore taken back."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.gui.dialogs.history import HistoryDialog
from segstudio.labels.edits import Delete, Stroke
from segstudio.project.document import ImageDocument
from segstudio.project.project import Project
from segstudio.session.acceptance import Accepted


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "cells"
    shutil.copytree(resource("samples", "project.json").parent, target)
    return target


def _history(hand: Driver) -> HistoryDialog:
    hand.action("edit.history")
    return hand.dialog(HistoryDialog)


def _choose(hand: Driver, dialog: HistoryDialog, row: int) -> None:
    place = dialog.list.visualRect(dialog.list.model().index(row)).center()
    QTest.mouseClick(dialog.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    hand.wait(lambda: dialog.list.currentIndex().row() == row, what=f"row {row}")


def _point_at(dialog: HistoryDialog, row: int) -> None:
    place = QPointF(dialog.list.visualRect(dialog.list.model().index(row)).center())
    view = dialog.list.viewport()
    none = Qt.MouseButton.NoButton
    QApplication.sendEvent(
        view,
        QMouseEvent(QEvent.Type.MouseMove, place, view.mapToGlobal(place), none, none, Qt.KeyboardModifier.NoModifier),
    )


def _keep_picture(dialog: HistoryDialog, name: str) -> None:
    if folder := os.environ.get("SEGSTUDIO_PICTURES"):
        dialog.grab().save(f"{folder}/{name}.png")


def _state(document: ImageDocument) -> tuple[bytes, dict[int, object]]:
    return document.planes.labels.to_array().tobytes(), dict(document.planes.objects)


@pytest.mark.timeout(120)
def test_going_back_and_forth_in_the_window(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        document = hand.session.document
        dialog = _history(hand)
        hand.wait(lambda: "There is no earlier state of nuclei-01.png yet" in dialog.says(), what="the empty state")
        before = _state(document)
        hand.window.apply(Delete(tuple(sorted(before[1])[:15])))
        document.apply(Stroke(np.array([[20.0, 20.0], [60.0, 20.0]]), 9, 900))
        after = _state(document)
        rows = dialog.list.model()
        hand.wait(lambda: rows.rowCount() == 1, what="the state before, while the window is open")
        assert rows.index(0).data() == "Before “Delete 15 objects”"
        hand.wait(lambda: not rows.index(0).data(Qt.ItemDataRole.DecorationRole).isNull(), what="its picture")
        # The preview follows what is edited beside it.
        hand.wait(lambda: dialog.preview.counts()[:2] == ["15 come back", "1 goes"], what="what would change")

        hand.click(dialog, "Restore")
        hand.wait(lambda: _state(document) == before, what="the labels of before")
        assert any("before “Delete 15 objects”" in notice.message for notice in hand.window.banners.messages())
        hand.wait(lambda: rows.rowCount() == 2, what="the state before the restore")
        hand.window.prediction.proposals._say(Accepted({}, (1, 2)))
        assert "2 proposals were left" in hand.window.banners.messages()[0].message
        hand.click(dialog, "Undo the restore")
        hand.wait(lambda: _state(document) == after, what="the labels of now")
        assert not [notice.text for notice in hand.window.banners.messages() if "were left" in notice.text]
        assert not dialog.undo.isVisible()
        assert not [notice.text for notice in hand.window.banners.messages() if "Ctrl+Z" in notice.text]

        _choose(hand, dialog, 0)
        hand.wait(lambda: "Nothing would change" in dialog.preview.says.text(), what="the same state")
        hand.wait(lambda: not dialog.restore.isEnabled(), what="Restore to be grey: it would do nothing")
        assert dialog.restore.toolTip() == "The labels are like that now."
        _keep_picture(dialog, "history-as-now")
        _point_at(dialog, 1)
        hand.wait(lambda: "15 come back" in dialog.preview.counts(), what="a preview of what is pointed at")
        assert not dialog.restore.isEnabled(), "it acts on what is chosen"
        assert dialog.chosen().name == "Restore earlier labels"
        QApplication.sendEvent(dialog.list.viewport(), QEvent(QEvent.Type.Leave))
        hand.wait(lambda: "Nothing would change" in dialog.preview.says.text(), what="what is chosen")
        _choose(hand, dialog, 1)
        assert dialog.restore.isEnabled()
        QTest.keyClick(dialog.list, Qt.Key.Key_Return)
        hand.wait(lambda: _state(document) == before, what="the labels of before, with a key")
        hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        assert _state(document) == after

        hand.open_image("nuclei-02.png")
        hand.wait(lambda: "There is no earlier state of nuclei-02.png yet" in dialog.says(), what="the other image")
        hand.open_image("nuclei-01.png")
        hand.wait(lambda: rows.rowCount() >= 2, what="the states of the first image")
        dialog.close()
        hand.window.close_project()
        hand.wait(lambda: hand.session.project is None, what="a closed project")
        expected.append(after)

    expected: list[tuple[bytes, dict[int, object]]] = []
    run_program([str(folder)], script)
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        assert _state(document) == expected[0]


@pytest.mark.timeout(60)
def test_a_damaged_state_is_passed_over_in_the_window(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        document = hand.session.document
        hand.window.apply(Delete(tuple(sorted(document.planes.objects)[:15])))
        hand.wait(lambda: document.snapshots.all(), what="a state")
        path = document.snapshots.all()[0].files.labels
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.unlink()
        path.write_bytes(raw)
        dialog = _history(hand)
        hand.wait(lambda: "There is no earlier state" in dialog.says(), what="no damaged state")

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_a_stroke_that_is_going_on_ends_before_the_restore(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        document = hand.session.document
        before = _state(document)
        hand.window.apply(Delete(tuple(sorted(before[1])[:15])))
        dialog = _history(hand)
        hand.wait(lambda: dialog.list.model().rowCount() == 1, what="a state")
        hand.session.view.tool = "brush"
        hand.press((30, 30), (60, 40), (80, 50))
        assert document.editing
        hand.click(dialog, "Restore")
        hand.wait(lambda: _state(document) == before, what="the labels of before")
        document.undo()
        assert max(document.planes.objects) > max(before[1]), "the stroke is an action of its own"
        QTest.mouseRelease(hand.window.canvas.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(5, 5))

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_reading_only_the_history_can_be_looked_at(folder: Path, qapp: object) -> None:
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        document.apply(Delete(tuple(sorted(document.planes.objects)[:15])))
        document.close()

        def script(hand: Driver) -> None:
            hand.wait(hand.window.banners.messages, what="the refusal")
            hand.click(hand.window.banners, "Open for reading only")
            hand.wait(lambda: hand.session.document is not None, what="the first image")
            dialog = _history(hand)
            hand.wait(lambda: "15 come back" in dialog.preview.counts(), what="what would change")
            assert not dialog.restore.isEnabled()
            assert "reading only" in dialog.restore.toolTip()

        run_program([str(folder)], script)


@pytest.mark.timeout(120)
def test_an_image_whose_labels_are_damaged_is_brought_back_in_the_window(folder: Path, qapp: object) -> None:
    with Project.open(folder) as project:
        entry = project.images[1]
        document = project.document(entry.id)
        then = _state(document)
        document.apply(Delete(tuple(sorted(then[1])[:15])))
        document.close()
        files = project.files(entry.id)
    shutil.rmtree(files.journal)
    damaged = files.labels.read_bytes()[:-40]
    files.labels.write_bytes(damaged)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        first = hand.session.document.entry.name
        hand.session.select(entry.id)
        hand.click(hand.window.banners, "Earlier states…")
        dialog = hand.dialog(HistoryDialog)
        rows = dialog.list.model()
        hand.wait(lambda: rows.rowCount() == 1, what="the state of before")
        assert dialog.windowTitle() == f"History of {entry.name}"
        hand.wait(lambda: dialog.preview.counts() == [f"{len(then[1])} come back"], what="what would come back")
        dialog.close()
        dialog = _history(hand)
        assert dialog.windowTitle() == f"History of {first}"
        dialog.close()
        hand.session.select(entry.id)
        hand.click(hand.window.banners, "Earlier states…")
        dialog = hand.dialog(HistoryDialog)
        rows = dialog.list.model()
        hand.wait(lambda: rows.rowCount() == 1, what="the state of before")
        hand.click(dialog, "Restore")
        hand.wait(lambda: hand.session.document.entry.id == entry.id, what="the image")
        assert _state(hand.session.document) == then
        said = " ".join(notice.text for notice in hand.window.banners.messages())
        assert f"{files.labels.stem}.foreign-1.tif" in said
        assert "before “Delete 15 objects”" in said

    run_program([str(folder)], script)
    assert files.labels.with_name(f"{files.labels.stem}.foreign-1.tif").read_bytes() == damaged


@pytest.mark.timeout(120)
def test_the_history_of_the_only_image_opens_when_its_labels_are_damaged(folder: Path, qapp: object) -> None:
    with Project.open(folder) as project:
        for other in project.images[1:]:
            project.remove_images([other.id])
        files = project.files(project.images[0].id)
        document = project.document(project.images[0].id)
        document.apply(Delete(tuple(sorted(document.planes.objects)[:15])))
        document.close()
    shutil.rmtree(files.journal)
    files.objects.write_bytes(b"{")

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.front.damaged, what="the refusal")
        dialog = _history(hand)
        hand.wait(lambda: dialog.list.model().rowCount() == 1, what="the state of before")
        hand.click(dialog, "Restore")
        hand.wait(lambda: hand.session.document is not None, what="the image")

    run_program([str(folder)], script)

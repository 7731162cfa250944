"""Keys in the real window: fields keep theirs, held keys let go, and every menu entry works in every state."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QDialog,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QListView,
    QMenu,
    QMessageBox,
    QWidget,
)
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.io.labels_file import write_label_tiff
from segstudio.labels.label_map import LabelMap
from segstudio.project.project import Project
from segstudio.session.predictions import prediction_at

#: These end the program or the project, or open windows of their own; the others are tried in every state.
_LAST = ("file.close", "file.quit", "file.sample", "help.log", "help.pages")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "cells"
    shutil.copytree(resource("samples", "project.json").parent, target)
    return target


@pytest.fixture(autouse=True)
def _no_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([], ""))
    monkeypatch.setattr(QMessageBox, "about", lambda *_: None)


def _propose(hand: Driver) -> None:
    """Give the image in front two proposals."""
    session = hand.session
    entry = session.project.entry(session.document.entry.id)
    prediction = prediction_at(session.project, "run", entry)
    labels = np.zeros((entry.height, entry.width), np.int32)
    labels[2:12, 2:12], labels[2:12, 20:30] = 1, 2
    prediction.labels.parent.mkdir(parents=True, exist_ok=True)
    write_label_tiff(prediction.labels, LabelMap.from_array(labels))
    prediction.table.write_text(json.dumps({"objects": {}}))
    session.review.predicted(entry.id, "run")
    hand.wait(lambda: session.review.current, what="the proposals")


def _open(hand: Driver) -> None:
    hand.wait(lambda: hand.session.document is not None, what="the first image")


def _press(hand: Driver, field: QWidget, key: Qt.Key) -> None:
    hand.window.activateWindow()
    hand.wait(hand.window.isActiveWindow, what="the window")
    field.setFocus()
    hand.wait(field.hasFocus, what="the focus")
    QTest.keyClick(field, key)
    QTest.qWait(1)


@pytest.mark.timeout(60)
def test_enter_in_a_field_accepts_no_proposal(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _open(hand)
        _propose(hand)
        review, window = hand.session.review, hand.window
        current = review.current
        window.show_step(0)
        number = next(box for box in window.label_step.findChildren(QDoubleSpinBox) if box.isVisible())
        for field in (window.images.findChild(QLineEdit), number):
            for key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Backspace):
                _press(hand, field, key)
        assert (review.pending_count, review.current) == (2, current)
        hand.key(Qt.Key.Key_Down)
        assert review.current != current
        hand.key(Qt.Key.Key_Return)
        assert review.pending_count == 1

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_tab_let_go_elsewhere_brings_the_panels_back(folder: Path, qapp: object) -> None:
    def tab(hand: Driver, kind: QEvent.Type) -> None:
        event = QKeyEvent(kind, Qt.Key.Key_Tab, Qt.KeyboardModifier.NoModifier)
        QApplication.sendEvent(hand.window.canvas, event)

    def script(hand: Driver) -> None:
        _open(hand)
        steps = hand.window.layout_of_panels.steps
        tab(hand, QEvent.Type.KeyRelease)  # it was pressed in a field before
        assert steps.isVisible()
        hand.key(Qt.Key.Key_V)
        tab(hand, QEvent.Type.KeyPress)
        tab(hand, QEvent.Type.KeyPress)
        assert not steps.isVisible()
        hand.window.images.findChild(QLineEdit).setFocus()
        assert steps.isVisible()
        tab(hand, QEvent.Type.KeyPress)  # the window closes while Tab is held

    run_program([str(folder)], script)

    def again(hand: Driver) -> None:
        _open(hand)
        assert hand.window.layout_of_panels.steps.isVisible()

    run_program([str(folder)], again)


def _try_everything(hand: Driver) -> None:
    """Trigger every action, also those that are grey: a key can be faster than the menu."""
    for action_id, action in hand.window.actions_table.qt.items():
        if action_id in _LAST:
            continue
        action.setEnabled(True)
        action.trigger()
        QTest.qWait(5)
        for dialog in hand._dialogs(QDialog):
            dialog.close()


@pytest.mark.timeout(60)
def test_every_action_works_without_a_project(qapp: object) -> None:
    run_program([], _try_everything)


@pytest.mark.timeout(60)
def test_every_action_works_in_an_empty_project(tmp_path: Path, qapp: object) -> None:
    Project.create(tmp_path / "empty")[0].close()

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.project is not None, what="the project")
        _try_everything(hand)

    run_program([str(tmp_path / "empty")], script)


@pytest.mark.timeout(60)
def test_every_action_works_with_labels_and_proposals(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _open(hand)
        _propose(hand)
        hand.session.view.selected = frozenset(hand.session.document.planes.objects)
        _try_everything(hand)

    run_program([str(folder)], script)


def _enter_canvas(hand: Driver) -> None:
    """Move the pointer from outside over the image."""
    at = QPointF(hand.place((30, 30)))
    canvas = hand.window.canvas
    QApplication.sendEvent(canvas, QEnterEvent(at, at, QPointF(canvas.mapToGlobal(at.toPoint()))))


@pytest.mark.timeout(60)
def test_over_the_image_the_held_keys_belong_to_it_whatever_was_clicked_before(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _open(hand)
        window, view = hand.window, hand.session.view
        window.show_step(0)
        window.activateWindow()
        protect = next(box for box in window.label_step.findChildren(QCheckBox) if box.text() == "Protect neighbours")
        QTest.mouseClick(protect, Qt.MouseButton.LeftButton, pos=QPoint(10, protect.height() // 2))
        before = protect.isChecked()
        _enter_canvas(hand)
        QTest.keyPress(window.windowHandle(), Qt.Key.Key_Space)
        assert window.canvas.viewport().cursor().shape() == Qt.CursorShape.OpenHandCursor
        QTest.keyRelease(window.windowHandle(), Qt.Key.Key_Space)
        assert protect.isChecked() == before

        field = window.images.findChild(QLineEdit)
        field.setFocus()
        _enter_canvas(hand)  # a nudge of the mouse takes no letter from who is typing
        QTest.keyClicks(field, "h")
        assert (field.text(), view.peek) == ("h", False)
        field.clear()

        pictures = window.images.findChild(QListView)
        pictures.setFocus()
        QTest.keyPress(window.windowHandle(), Qt.Key.Key_H)
        assert view.peek
        QTest.keyRelease(window.windowHandle(), Qt.Key.Key_H)
        assert not view.peek

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_delete_in_the_table_of_objects_deletes_the_selected_row(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _open(hand)
        hand.window.show_drawer(0)
        table = hand.window.instances.view
        hand.wait(lambda: table.model().rowCount() > 0 and table.isVisible(), what="the table")
        before = hand.session.objects.ids()
        row = table.visualRect(table.model().index(2, 0)).center()
        QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=row)
        hand.wait(lambda: hand.session.view.selected, what="the selection")
        (chosen,) = hand.session.view.selected
        hand.window.activateWindow()
        hand.wait(table.hasFocus, what="the focus")
        hand.window.actions_table.refresh()
        QTest.keyClick(table, Qt.Key.Key_Delete)
        hand.wait(lambda: chosen not in hand.session.objects.ids(), what="the deletion")
        assert hand.session.objects.ids() == [item for item in before if item != chosen]
        hand.action("edit.undo")
        assert hand.session.objects.ids() == before

    run_program([str(folder)], script)


def _ids(menu: QMenu) -> set[str]:
    """Return the ids of what can be chosen in a menu and the menus in it."""
    below = (entry.menu() for entry in menu.actions() if isinstance(entry.menu(), QMenu))
    return {entry.objectName() for entry in menu.actions()}.union(*(_ids(inner) for inner in below))


@pytest.mark.timeout(60)
def test_undo_and_redo_say_what_they_take_back(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _open(hand)
        hand.open_image("nuclei-10.png")
        table = hand.window.actions_table
        hand.key(Qt.Key.Key_B)
        hand.drag([(60, 60), (70, 64)])
        hand.key(Qt.Key.Key_E)
        hand.drag([(60, 60), (62, 60)])
        table.refresh()
        assert (table["edit.undo"].text(), table["edit.redo"].text()) == ("Undo: Erase", "Redo")
        hand.key(Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
        table.refresh()
        assert (table["edit.undo"].text(), table["edit.redo"].text()) == ("Undo: Brush stroke", "Redo: Erase")

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_what_buttons_and_keys_do_stands_in_the_menus_too(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        _open(hand)
        window, session = hand.window, hand.session
        entries = set().union(*(_ids(top.menu()) for top in window.menuBar().actions()))
        assert window.actions_table.specs.keys() <= entries
        view = session.view
        hand.action("edit.protect")
        assert not view.protect
        view.contrast, view.gamma = (10.0, 20.0), 2.0
        hand.action("view.contrast")
        assert (view.contrast, view.gamma) == (None, 1.0)
        assert not window.actions_table["train.pause"].isEnabled()
        assert not window.actions_table["train.stop"].isEnabled()

        hand.open_image("nuclei-10.png")
        _propose(hand)
        hand.action("review.reject_all")
        assert session.review.pending_count == 0
        hand.action("review.restore")
        assert session.review.pending_count == 2
        hand.action("review.next")
        hand.action("review.edit")
        assert (view.tool, len(view.selected)) == ("brush", 1)
        hand.action("review.accept_empty")
        assert (session.review.pending_count, len(session.objects.ids())) == (0, 2)

    run_program([str(folder)], script)

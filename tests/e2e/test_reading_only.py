"""A project that somebody else has open: the window names them and offers to look at it, and nothing is changed."""

import json
import shutil
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QCheckBox, QPushButton
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.labels.edits import Polygon
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "cells"
    shutil.copytree(resource("samples", "project.json").parent, target)
    return target


def _files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.timeout(60)
def test_a_project_open_elsewhere_can_be_looked_at(folder: Path, qapp: object) -> None:
    with Project.open(folder):
        before = _files(folder)

        def script(hand: Driver) -> None:
            hand.wait(hand.window.banners.messages, what="the refusal")
            (notice,) = hand.window.banners.messages()
            assert "cells is already open for writing" in notice.message
            assert "process" in notice.message
            hand.click(hand.window.banners, "Open for reading only")
            hand.wait(lambda: hand.session.document is not None, what="the first image")
            (notice,) = hand.window.banners.messages()  # the offer was taken
            assert notice.message == "Sample is open for reading only: nothing in it can be changed in this window."
            assert "reading only" in hand.window.windowTitle()
            assert hand.session.view.tool == "select"
            _try_to_change(hand)

        places = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "SegStudio", "window")
        places.setValue("projects", json.dumps({str(folder): {"tool": "brush"}}))
        run_program([str(folder)], script)
        places.sync()
        assert json.loads(places.value("projects"))[str(folder)]["tool"] == "brush", "for who may draw again"
        assert _files(folder) == before


@pytest.mark.timeout(60)
def test_who_only_looks_is_told_what_the_writer_has_done(folder: Path, qapp: object) -> None:
    with Project.open(folder) as writer:
        document = writer.document(writer.images[0].id)

        def script(hand: Driver) -> None:
            hand.wait(hand.window.banners.messages, what="the refusal")
            hand.click(hand.window.banners, "Open for reading only")
            hand.wait(lambda: hand.session.document is not None, what="the first image")
            looked = hand.session.document
            assert looked.entry.id == document.entry.id
            hand.wait(lambda: hand.window.reader_watch.reading._state is not None, what="the first look")
            document.apply(Polygon(np.array([(1, 1), (9, 1), (9, 9)]), None))
            assert document.flush()
            hand.wait(lambda: _told(hand, "was changed by the program"), what="the news")
            hand.click(hand.window.banners, "Show what is new")
            hand.wait(lambda: hand.session.document not in (None, looked), what="the image anew")
            assert dict(hand.session.document.planes.objects) == dict(document.planes.objects)
            assert not _told(hand, "was changed by the program")

        run_program([str(folder)], script)


def _try_to_change(hand: Driver) -> None:
    session, window = hand.session, hand.window
    document = session.document
    labels = document.planes.labels.to_array()
    session.view.selected = frozenset(list(document.planes.objects)[:2])
    window.actions_table.refresh()
    grey = (
        "edit.delete",
        "edit.merge",
        "image.complete",
        "image.reviewed",
        "train.start",
        "train.compare",
        "predict.current",
        "tool.brush",
        "tool.polygon",
        "edit.new_object",
        "file.add",
    )
    assert not [action for action in grey if window.actions_table[action].isEnabled()]
    assert not [action for action in grey if "reading only" not in window.actions_table[action].toolTip()]
    assert window.actions_table["tool.select"].isEnabled()
    session.view.tool = "brush"
    hand.drag([(50.0, 50.0), (70.0, 70.0)])
    assert "reading only" in window.status.currentMessage()
    hand.drag([(50.0, 50.0), (90.0, 50.0), (90.0, 90.0), (50.0, 50.0)], Qt.MouseButton.RightButton)
    (stated,) = (box for box in window.label_step.findChildren(QCheckBox) if "completely" in box.text())
    names = ("Add class", "New object", "Complete", "Ignore", "Clear")
    changing = [stated, *(item for item in window.label_step.findChildren(QPushButton) if item.text() in names)]
    assert len(changing) == 6
    changing += [window.images._add, window.training._train, window.training._compare, window.prediction._predict]
    assert not [item for item in changing if item.isEnabled()]
    assert not [item for item in changing if "reading only" not in item.toolTip()]
    assert np.array_equal(document.planes.labels.to_array(), labels)


def _told(hand: Driver, words: str) -> bool:
    return any(words in notice.message for notice in hand.window.banners.messages())


@pytest.mark.timeout(60)
def test_when_the_writer_has_closed_it_it_is_offered_for_writing(folder: Path, qapp: object) -> None:
    with ExitStack() as writing:
        writer = writing.enter_context(Project.open(folder))
        empty = next(entry for entry in writer.images if not (folder / "labels" / f"{entry.stem}.tif").exists())

        def script(hand: Driver) -> None:
            hand.wait(hand.window.banners.messages, what="the refusal")
            hand.click(hand.window.banners, "Open for reading only")
            hand.wait(lambda: hand.session.document is not None, what="the first image")
            hand.open_image(empty.name)
            hand.wait(lambda: hand.window.reader_watch.writer._seen, what="the first look at the lock")
            assert hand.window.instances._empty.text() == "This image has no objects yet."
            assert not hand.window.canvas.hint_card.isVisible()
            assert not _told(hand, "is not open for writing")
            writing.close()
            hand.wait(lambda: _told(hand, "is not open for writing"), what="the offer")
            hand.click(hand.window.banners, "Open for writing")
            hand.wait(lambda: hand.session.project is not None and not hand.session.project.read_only, what="writing")
            hand.wait(lambda: not _told(hand, "open for"), what="the end of what was said")

        run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_the_open_project_is_not_called_open_elsewhere(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        document = hand.session.document
        document.apply(Polygon(np.array([(1, 1), (9, 1), (9, 9)]), None))
        hand.window.opening.open_paths([folder])
        hand.wait(hand.window.banners.messages, what="a sentence")
        assert "is open already" in hand.window.banners.messages()[0].message
        assert hand.session.document is document

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_a_project_that_a_computer_has_left_open_which_is_off_is_taken_over(folder: Path, qapp: object) -> None:
    lock = folder / ".segstudio" / "lock"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text(json.dumps({"pid": 12, "host": "microscope-2", "user": "anna", "computer": "0123456789abcdef"}))
    offer = "Take over…"

    def script(hand: Driver) -> None:
        hand.wait(hand.window.banners.messages, what="the refusal")
        (notice,) = hand.window.banners.messages()
        assert "cells was not closed on another computer (anna, microscope-2, process 12)" in notice.message
        asked = hand.when_asked("Cancel", name="take-over")
        hand.click(hand.window.banners, offer)
        hand.wait(lambda: asked, what="the question")
        assert "Is microscope-2 off?" in asked[0]
        assert hand.session.project is None
        assert "microscope-2" in lock.read_text()
        hand.wait(hand.window.banners.messages, what="the offer")
        taken = hand.when_asked("It is off: take over", name="take-over")
        hand.click(hand.window.banners, offer)
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        assert taken
        assert not hand.session.project.read_only
        assert not hand.window.banners.messages()

    run_program([str(folder)], script)
    assert lock.read_bytes() == b""

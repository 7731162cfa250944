"""The status bar: how large the object under the pointer is, and which channels are seen."""

import errno
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from window_driver import Driver, run_program

from segstudio.io.disk import disk_error
from segstudio.labels.edits import Polygon
from segstudio.project.project import Project


def _project(tmp_path: Path, *shapes: tuple[int, ...]) -> Path:
    images = []
    for number, shape in enumerate(shapes):
        images.append(tmp_path / f"{number}.tif")
        pixels = np.random.default_rng(number).integers(0, 200, shape, dtype=np.uint8)
        axes = {2: "YX", 3: "CYX"}[len(shape)]
        tifffile.imwrite(images[-1], pixels, photometric="minisblack", metadata={"axes": axes})
    project, problems = Project.create(tmp_path / "project", images)
    assert not problems
    project.close()
    return tmp_path / "project"


def _text(hand: Driver, name: str) -> str:
    label = hand.window.status.findChild(QLabel, name)
    return label.toolTip() if name == "place" else label.text()


def _point(hand: Driver, at: tuple[float, float]) -> None:
    QTest.mouseMove(hand.window.canvas.viewport(), hand.place((at[0] + 3, at[1])))
    QTest.mouseMove(hand.window.canvas.viewport(), hand.place(at))


@pytest.mark.timeout(60)
def test_an_object_under_the_pointer_tells_its_size_with_the_unit(tmp_path: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        session = hand.session
        hand.wait(lambda: session.document is not None, what="the first image")
        hand.wait(hand.window.canvas.is_idle, what="the picture")
        session.document.apply(Polygon(np.array([(10, 10), (50, 10), (50, 30), (10, 30)]), None))
        _point(hand, (30.5, 20.5))
        hand.wait(lambda: "800 px²" in _text(hand, "place"), what="the area, once it is measured")
        assert "object 1 cell" in _text(hand, "place")
        assert "40.0 × 20.0 px" in _text(hand, "place")
        session.set_pixel_size([session.document.entry.id], 0.5)
        hand.wait(lambda: "200 µm²" in _text(hand, "place"), what="the area in µm²")
        assert "20.0 × 10.0 µm" in _text(hand, "place")
        _point(hand, (70.5, 70.5))
        hand.wait(lambda: "object" not in _text(hand, "place"), what="the background")
        assert "µm" not in _text(hand, "place")

    run_program([str(_project(tmp_path, (96, 96)))], script)


@pytest.mark.timeout(60)
def test_which_channels_are_shown_is_told(tmp_path: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        label = hand.window.status.findChild(QLabel, "channels")
        hand.wait(label.isVisible, what="the channels")
        assert label.text() == "5 of 5 channels shown"
        assert "Channel 1: cyan" in label.toolTip()
        hand.key(Qt.Key.Key_5, Qt.KeyboardModifier.AltModifier)
        assert label.text() == "4 of 5 channels shown"
        assert "Not shown, but learned from and measured: Channel 5" in label.toolTip()
        hand.open_image("1.tif")
        hand.wait(lambda: not label.isVisible(), what="a gray image, of which all is seen")
        hand.open_image("2.tif")
        hand.wait(label.isVisible, what="the channels")
        assert label.text() == "2 of 2 channels shown"

    run_program([str(_project(tmp_path, (5, 96, 96), (96, 96), (2, 96, 96)))], script)


@pytest.mark.timeout(60)
def test_what_was_said_goes_with_the_gesture_the_tool_the_plane_and_the_image(tmp_path: Path, qapp: object) -> None:
    cell = np.full((2, 96, 96), 20, np.uint8)
    cell[:, 30:60, 30:60] = 200
    images = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for number, path in enumerate(images):
        tifffile.imwrite(path, cell + np.uint8(number), imagej=True, metadata={"axes": "ZYX"})
    project, _ = Project.create(tmp_path / "project", images)
    project.close()

    def script(hand: Driver) -> None:
        session, status = hand.session, hand.window.status
        hand.wait(lambda: session.document is not None, what="the first image")
        hand.key(Qt.Key.Key_T, Qt.KeyboardModifier.ShiftModifier)
        for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape):
            hand.drag([(10, 10), (80, 10), (80, 80), (10, 80)])
            hand.wait(lambda: "Esc refuses" in status.currentMessage(), what="the proposal")
            hand.key(key)
            assert not status.currentMessage()
            hand.wait(lambda: not session.ahead.busy, what="the edit")
        hand.action("edit.select_all")

        def copied() -> None:
            hand.action("edit.copy")
            assert status.currentMessage() == "1 object copied."

        copied()
        hand.action("edit.paste")
        assert not status.currentMessage()
        hand.wait(lambda: not session.ahead.busy, what="the copy")
        copied()
        session.view.tool = "brush"
        assert not status.currentMessage()
        copied()
        hand.window.step_plane("Z", 1)
        assert not status.currentMessage()
        status.showMessage("1 object copied.")
        hand.open_image("b.tif")
        assert not status.currentMessage()

    run_program([str(tmp_path / "project")], script)


@pytest.mark.timeout(60)
def test_label_files_that_cannot_be_written_do_not_make_safe_work_unsaved(
    tmp_path: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise disk_error(PermissionError(errno.EACCES, "Permission denied"), path)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        document = hand.session.document
        with monkeypatch.context() as patch:
            patch.setattr("segstudio.project.publisher.write_tiles", refuse)
            document.apply(Polygon(np.array([(10, 10), (50, 10), (50, 30), (10, 30)]), None))
            document.checkpoint()
            hand.wait(lambda: _text(hand, "saved") == "label files not written", what="the refusal")
        document.checkpoint()
        hand.wait(lambda: _text(hand, "saved") == "saved ✓", what="the label files")

    run_program([str(_project(tmp_path, (96, 96)))], script)


@pytest.mark.timeout(60)
def test_an_image_that_was_left_is_tried_again_by_itself_and_the_banner_goes(
    tmp_path: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *_: object) -> None:
        raise disk_error(OSError(errno.ENOSPC, "No space left on device"), path)

    def script(hand: Driver) -> None:
        def shown() -> str:
            return " ".join(notice.message for notice in hand.window.banners.messages())

        hand.wait(lambda: hand.session.document is not None, what="the first image")
        document, project = hand.session.document, hand.session.project
        first, second = project.images
        with monkeypatch.context() as patch:
            patch.setattr("segstudio.project.publisher.write_tiles", refuse)
            document.apply(Polygon(np.array([(10, 10), (50, 10), (50, 30), (10, 30)]), None))
            hand.open_image(second.name)
            hand.wait(lambda: f"label files of {first.name} cannot be written" in shown(), what="the refusal")
            assert hand.session.states.state(first.id) == "labelled"
            hand.open_image(first.name)
            assert hand.session.document is document
            hand.open_image(second.name)
        hand.wait(lambda: f"The label files of {first.name} are written again." in shown(), what="the label files")
        assert "cannot be written" not in shown()
        hand.wait(lambda: document.closed, what="the end of its threads")
        assert tifffile.imread(project.label_path(first.id)).max() == 1

    monkeypatch.setattr("segstudio.project.checkpoint.RETRY_SECONDS", 0.2)
    run_program([str(_project(tmp_path, (96, 96), (96, 96)))], script)

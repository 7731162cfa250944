"""The disk of the project refuses: the window says so at once and as long as it lasts, and nothing is lost."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton
from window_driver import Driver, run_program

from segstudio.gui.banner import Banner
from segstudio.io.atomic import AppendFile
from segstudio.labels.edits import Stroke
from segstudio.project import manifest_saving
from segstudio.project.project import Project
from segstudio.project.rescue import default_rescue_folder
from segstudio.session.notice import Notice


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((128, 128), np.uint8))
    Project.create(tmp_path / "cells", tmp_path / "a.tif")[0].close()
    return tmp_path / "cells"


@pytest.fixture
def fill(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Return what makes the disk of the project full, or gives it room again."""
    write, full = AppendFile.write, [False]

    def refuse(file: AppendFile, data: bytes) -> None:
        if full[0] and file.path.is_relative_to(folder):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(file, data)

    monkeypatch.setattr(AppendFile, "write", refuse)
    return lambda now: full.__setitem__(0, now)


def _banner(hand: Driver) -> Banner:
    (banner,) = (item for item in hand.window.banners.findChildren(Banner) if item.notice.lasting)
    return banner


def _saved(hand: Driver) -> str:
    return hand.window.status.findChild(QLabel, "saved").text()


def _objects(folder: Path) -> int:
    with Project.open(folder) as project:
        return len(project.document(project.images[0].id).planes.objects)


@pytest.mark.timeout(60)
def test_a_full_disk_is_told_until_it_has_room(
    folder: Path, qapp: object, fill: Callable[[bool], None], tmp_path: Path
) -> None:
    def script(hand: Driver) -> None:
        hand.when_asked("Close", name="close-rescued")  # only when something below has failed
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.session.view.tool = "brush"
        fill(True)
        hand.drag([(30.0, 30.0), (60.0, 60.0)])
        hand.wait(hand.window.banners.messages, 30, "the banner")
        notice = _banner(hand).notice
        assert notice.level == "error"
        assert notice.message == ("The project's disk is full: what you did last in a.tif is kept on this computer.")
        assert notice.hint == "Make room there; it goes back by itself."
        assert _saved(hand) == "kept on this computer"
        assert str(default_rescue_folder()) in hand.window.status.findChild(QLabel, "saved").toolTip()
        close = [item for item in _banner(hand).findChildren(QToolButton) if item.toolTip() == "Dismiss"]
        assert not any(item.isVisible() for item in close)
        for number in range(5):
            hand.session.noticed.emit(Notice(f"Something else {number}.", level="error"))
        hand.wait(lambda: _banner(hand).isVisible(), 30, "the banner, still")
        hand.session.view.new_object()
        hand.drag([(90.0, 90.0), (90.0, 110.0)])
        hand.wait(lambda: _saved(hand) == "kept on this computer", 5)
        if picture := os.environ.get("SEGSTUDIO_PICTURES"):
            hand.window.grab().save(f"{picture}/rescued.png")
        fill(False)
        (again,) = (item for item in _banner(hand).findChildren(QPushButton) if item.text() == "Try again now")
        again.click()
        hand.wait(lambda: "saved" in _saved(hand), 30, "the disk that has room again")
        hand.wait(lambda: not [item for item in hand.window.banners.messages() if item.lasting], 30, "good news")
        assert [item.message for item in hand.window.banners.messages() if item.level == "good"] == [
            "All is in the project again."
        ]

    run_program([str(folder)], script)
    assert _objects(folder) == 2
    assert not list(default_rescue_folder().rglob("*.sj"))


@pytest.mark.timeout(60)
def test_closing_tells_where_the_work_is_and_it_comes_back(
    folder: Path, qapp: object, fill: Callable[[bool], None]
) -> None:
    asked: list[list[str]] = []

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.session.view.tool = "brush"
        fill(True)
        hand.drag([(30.0, 30.0), (60.0, 60.0)])
        hand.wait(hand.window.banners.messages, what="the banner")
        asked.append(hand.when_asked("Cancel", name="close-rescued"))
        hand.action("file.close")
        assert hand.session.document is not None, "the project stays open"
        asked.append(hand.when_asked("Close", name="close-rescued"))

    run_program([str(folder)], script)
    assert len(asked) == 2
    for (said,) in asked:
        assert "a.tif is not in the project yet" in said
        assert "kept on this computer" in said
        assert "nothing is lost" in said
    fill(False)

    def look(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        assert len(hand.session.document.planes.objects) == 1
        hand.wait(lambda: [item.level for item in hand.window.banners.messages()] == ["good"], 30, "good news alone")
        assert hand.window.banners.messages()[0].text == (
            "What you did last in a.tif was kept on this computer and comes back now. All is in the project again."
        )
        hand.wait(lambda: "saved" in _saved(hand), 30)
        hand.wait(lambda: not list(default_rescue_folder().rglob("*.sj")), 30)

    run_program([str(folder)], look)
    assert _objects(folder) == 1


@pytest.mark.timeout(60)
def test_another_place_is_chosen_when_this_computer_is_full_too(
    folder: Path, qapp: object, fill: Callable[[bool], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "no folder").write_bytes(b"")
    monkeypatch.setattr("segstudio.project.rescue.default_rescue_folder", lambda: tmp_path / "no folder")
    monkeypatch.setattr(
        "segstudio.gui.safety_banner.QFileDialog.getExistingDirectory", lambda *_: str(tmp_path / "stick")
    )

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.session.view.tool = "brush"
        fill(True)
        hand.drag([(30.0, 30.0), (60.0, 60.0)])
        hand.wait(hand.window.banners.messages, what="the banner")
        assert "what you did last in a.tif is not saved yet" in _banner(hand).notice.message
        assert _saved(hand) == "not saved"
        hand.click(_banner(hand), "Keep it in another place…")
        hand.wait(lambda: _saved(hand) == "kept on this computer", 30, "the stick")
        assert f"is kept in {tmp_path / 'stick'}" in _banner(hand).notice.message
        hand.when_asked("Close", name="close-rescued")

    run_program([str(folder)], script)
    fill(False)

    def look(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        assert len(hand.session.document.planes.objects) == 1
        hand.wait(lambda: not list((tmp_path / "stick").rglob("*.sj")), 30)

    run_program([str(folder)], look)
    assert _objects(folder) == 1


@pytest.mark.timeout(60)
def test_a_hung_disk_that_does_not_take_the_list_of_classes_is_told_until_it_does(
    folder: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    save = manifest_saving.save_manifest

    def hang(*arguments: Any) -> object:
        answers.wait(30)
        return save(*arguments)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        project = hand.session.project
        assert project is not None
        project.save()
        monkeypatch.setattr(manifest_saving, "save_manifest", hang)
        try:
            project.set_classes(project.classes.add("mitotic"))
            hand.wait(hand.window.banners.messages, 10, "the banner")
            notice = _banner(hand).notice
            assert notice.message == (
                "The project's disk does not answer: what you did last in the list of images and classes is kept "
                "on this computer."
            )
            assert "Try again now" in [item.text() for item in _banner(hand).findChildren(QPushButton)]
        finally:
            answers.set()
        hand.wait(lambda: not any(item.lasting for item in hand.window.banners.messages()), 10, "the banner to go")

    run_program([str(folder)], script)
    assert "mitotic" in (folder / "project.json").read_text()
    assert not list(default_rescue_folder().rglob("project.json"))


@pytest.mark.timeout(60)
def test_a_drive_that_is_gone_is_told_once_and_its_banners_go_when_it_is_back(
    folder: Path, qapp: object, tmp_path: Path
) -> None:
    tifffile.imwrite(tmp_path / "b.tif", np.ones((128, 128), np.uint8))
    with Project.open(folder) as project:
        project.add_images([tmp_path / "b.tif"])
        document = project.document(project.images[1].id)
        document.apply(Stroke([(40.0, 40.0)], 9, 7))
        document.close()
    unplugged = tmp_path / "unplugged"
    told = {
        "The project's folder was deleted, moved or renamed: what you did last in a.tif and the list of images and "
        "classes is kept on this computer.",
        "b.tif cannot be opened: the project's folder was deleted, moved or renamed.",
    }

    def script(hand: Driver) -> None:
        def said() -> set[str]:
            return {item.message for item in hand.window.banners.messages()}

        hand.wait(lambda: hand.session.document is not None, what="the image")
        project = hand.session.project
        assert project is not None
        project.save()
        folder.rename(unplugged)
        folder.mkdir()  # as the empty one in which a drive was mounted
        try:
            hand.session.view.tool = "brush"
            hand.drag([(30.0, 30.0), (60.0, 60.0)])
            project.set_classes(project.classes.add("mitotic"))
            hand.session.select(project.images[1].id)
            hand.wait(lambda: said() == told, what="both banners, and no other")
            hand.drag([(60.0, 30.0), (90.0, 60.0)])
            hand.wait(lambda: hand.session.document.seq == 2, what="a stroke on the image that stays in front")
            assert hand.session.document.entry.name == "a.tif"
            QTest.qWait(1500)
            assert said() == told
            assert list(folder.iterdir()) == []
        finally:
            folder.rmdir()
            unplugged.rename(folder)
        hand.wait(lambda: said() == {"All is in the project again."}, what="good news alone")
        hand.open_image("b.tif")
        assert set(hand.session.document.planes.objects) == {7}

    run_program([str(folder)], script)
    assert _objects(folder) == 1

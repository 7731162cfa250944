"""Closing the window or the project never loses a stroke without a word."""

import errno
from pathlib import Path

import numpy as np
import pytest
import tifffile
from window_driver import Driver, run_program

from segstudio.io.atomic import AppendFile
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "a.tif", np.random.default_rng(0).integers(0, 200, (128, 128), dtype=np.uint8))
    Project.create(tmp_path / "project", [tmp_path / "a.tif"])[0].close()
    return tmp_path / "project"


@pytest.mark.timeout(60)
def test_a_full_disk_is_told_before_the_window_closes(
    folder: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    write = AppendFile.write

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def script(hand: Driver) -> None:
        def try_until_saved() -> None:
            """The disk has room again from the first question on; on a busy computer there may be a second."""
            monkeypatch.setattr(AppendFile, "write", write)
            hand.when_asked("Try again", before=try_until_saved)

        hand.wait(lambda: hand.session.document is not None, what="the image")
        monkeypatch.setattr(AppendFile, "write", refuse)
        hand.session.view.tool = "brush"
        hand.drag([(30.0, 30.0), (60.0, 60.0)])
        hand.wait(hand.window.banners.messages, what="the banner")
        assert "not saved yet" in hand.window.banners.messages()[0].message
        asked.append(hand.when_asked("Cancel"))
        hand.action("file.close")
        assert hand.session.document is not None, "the project stays open"
        asked.append(hand.when_asked("Try again", before=try_until_saved))  # when the driver closes the window

    run_program([str(folder)], script)
    assert len(asked) == 2
    assert all("a.tif is not saved yet" in said and "disk is full" in said for (said,) in asked)
    with Project.open(folder) as project:
        assert len(project.document(project.images[0].id).planes.objects) == 1


@pytest.mark.timeout(60)
def test_a_stroke_in_progress_is_kept_when_the_window_closes(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.session.view.tool = "brush"
        hand.press((30.0, 30.0), (60.0, 60.0))
        assert hand.session.document.editing

    run_program([str(folder)], script)
    with Project.open(folder) as project:
        assert len(project.document(project.images[0].id).planes.objects) == 1

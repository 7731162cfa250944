"""A project that names images far from its folder: its own user is asked nothing, anybody else once."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtWidgets import QToolButton
from window_driver import Driver, run_program

from segstudio.project import linked_folders
from segstudio.project.linked_folders import linked_folders_file
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "far" / "away").mkdir(parents=True)
    (tmp_path / "mine").mkdir()
    for name in ("a.tif", "b.tif"):
        tifffile.imwrite(tmp_path / "far" / "away" / name, np.full((64, 64), ord(name[0]), np.uint8))
    Project.create(tmp_path / "mine" / "cells", tmp_path / "far" / "away")[0].close()
    return tmp_path / "mine" / "cells"


@pytest.mark.timeout(60)
def test_who_linked_the_images_is_asked_nothing(folder: Path, qapp: object) -> None:
    linked_folders._known.clear()  # another sitting

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image")
        assert hand.window.banners.messages() == []

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_images_that_somebody_else_linked_are_read_when_the_user_says_so(
    folder: Path, tmp_path: Path, qapp: object
) -> None:
    linked_folders_file().unlink()
    linked_folders._known.clear()

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.project is not None, what="the project")
        first, second = hand.session.project.images
        hand.wait(lambda: first.id in hand.session.front.refusals, what="the refusal")
        said = [notice.message for notice in hand.window.banners.messages()]
        asked = f"2 images lie outside of this project, in {tmp_path / 'far' / 'away'}, and are not read."
        assert said == [asked]
        assert hand.session.document is None
        if picture := os.environ.get("SEGSTUDIO_PICTURES"):
            hand.window.grab().save(f"{picture}/linked.png")
        (dismiss,) = [
            button for button in hand.window.banners.findChildren(QToolButton) if button.toolTip() == "Dismiss"
        ]
        dismiss.click()
        assert hand.window.banners.messages() == []
        hand.session.select(second.id)
        hand.wait(hand.window.banners.messages, what="the question, asked again")
        assert [notice.message for notice in hand.window.banners.messages()] == [asked]
        hand.click(hand.window.banners, "Read images there")
        hand.wait(lambda: hand.session.document is not None, what="the image")
        hand.wait(hand.window.canvas.is_idle, what="its pixels")
        assert hand.window.banners.messages() == []
        assert not hand.session.project.read_only

    run_program([str(folder)], script)
    linked_folders._known.clear()

    def again(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image, unasked")
        assert hand.window.banners.messages() == []

    run_program([str(folder)], again)

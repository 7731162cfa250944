"""What is said about an earlier mistake goes when it is put right; what warns of lost work stays."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton
from window_driver import Driver, run_program

from segstudio.gui.dialogs.new_project import NewProjectDialog
from segstudio.project.project import Project
from segstudio.session.notice import Notice


@pytest.mark.timeout(60)
def test_why_a_folder_was_refused_is_no_longer_said_over_the_next_project(tmp_path: Path, qapp: object) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", np.eye(64, dtype=np.uint8))
    Project.create(tmp_path / "project", [tmp_path / "images"])[0].close()
    unsaved = Notice("What you did last in b.tif is not saved yet.", level="error")

    def script(hand: Driver) -> None:
        def said() -> list[str]:
            return [notice.message for notice in hand.window.banners.messages()]

        hand.session.noticed.emit(unsaved)
        hand.window.opening.open_paths([tmp_path / "empty"])
        hand.wait(lambda: len(said()) == 2, what="the refusal")
        assert said() == ["There is no image in “empty”.", unsaved.message]
        hand.window.opening.open_paths([tmp_path / "nowhere"])
        hand.wait(lambda: said() == [f"nowhere was not found in {tmp_path}.", unsaved.message], what="the next refusal")
        hand.window.opening.open_project(tmp_path / "project")
        hand.wait(lambda: hand.session.document is not None, what="the image")
        assert said() == [unsaved.message]

    run_program([], script)


@pytest.mark.timeout(60)
def test_the_project_that_a_folder_of_images_has_is_offered_first(tmp_path: Path, qapp: object) -> None:
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", np.eye(64, dtype=np.uint8))
    Project.create(tmp_path / "images SegStudio", [tmp_path / "images"])[0].close()

    def script(hand: Driver) -> None:
        dialog = hand.dialog(NewProjectDialog)
        (default,) = (button for button in dialog.findChildren(QPushButton) if button.isDefault())
        assert default.text() == "Open it"
        QTest.keyClick(dialog, Qt.Key.Key_Return)
        hand.wait(lambda: hand.session.document is not None, what="the image")
        assert hand.session.project.folder == tmp_path / "images SegStudio"
        assert not dialog.isVisible()

    run_program([str(tmp_path / "images")], script)
    assert not (tmp_path / "images SegStudio 2").exists()

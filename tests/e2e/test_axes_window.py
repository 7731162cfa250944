"""Axes that a file does not explain: asked once in the real window, and never changed under labels."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtWidgets import QDialogButtonBox
from window_driver import Driver, run_program

from segstudio.gui.dialogs.axes import AxesDialog
from segstudio.labels.edits import Polygon
from segstudio.project.project import Project

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints|raise|grabbing")
RING = Polygon(np.array([(2, 2), (40, 2), (40, 40), (2, 40)], float))


def _choose(dialog: AxesDialog, letter: str) -> None:
    (choice,) = dialog._choices
    choice.setCurrentIndex(choice.findData(letter))


@pytest.mark.timeout(60)
def test_what_planes_are_is_asked_once_and_kept_under_labels(tmp_path: Path, qapp: object) -> None:
    pixels = np.random.default_rng(0).integers(0, 999, (3, 60, 80)).astype(np.uint16)
    for name in ("a", "b"):
        tifffile.imwrite(tmp_path / f"{name}.tif", pixels + (name == "b"), photometric="minisblack")
    tifffile.imwrite(tmp_path / "c.tif", pixels[:2], photometric="minisblack")
    project, problems = Project.create(tmp_path / "p", [tmp_path / f"{name}.tif" for name in "abc"])
    assert not problems
    project.close()

    def script(hand: Driver) -> None:
        session = hand.session
        dialog = hand.dialog(AxesDialog)
        assert "does not say" in " ".join(label.text() for label in dialog.findChildren(type(dialog._result)))
        _choose(dialog, "C")
        assert dialog._result.text() == "One plane to label, of 80 × 60 pixels, with 3 channels"
        dialog.size_um.setValue(0.5)
        hand.click(dialog, "Read it so")
        hand.wait(lambda: session.document is not None and session.document.entry.read_as == "C", what="the channels")
        hand.wait(hand.window.channel_bar.isVisible, what="the chips")
        hand.open_image("b.tif")
        assert (session.document.entry.read_as, session.document.pixel_size.mean) == ("C", 0.5), "of the same folder"
        session.document.apply(RING)

        hand.action("image.axes")
        dialog = hand.dialog(AxesDialog)
        _choose(dialog, "Z")
        buttons = dialog.findChild(QDialogButtonBox).buttons()
        assert "There are labels" in dialog._result.text()
        assert not next(button for button in buttons if button.text() == "Read it so").isEnabled()
        hand.click(dialog, "Later")

        hand.open_image("c.tif")
        hand.click(hand.dialog(AxesDialog), "Later")
        hand.wait(hand.window.canvas.is_idle)
        assert session.document.entry.read_as == "", "put off: it is asked again in the next sitting"
        hand.open_image("a.tif")
        hand.open_image("c.tif")
        hand.wait(hand.window.canvas.is_idle)
        assert not hand._dialogs(AxesDialog)

    run_program([str(tmp_path / "p")], script)

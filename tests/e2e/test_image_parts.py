"""Files that hold several images, in the real window: those that are ticked come in, and stay what they are."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog
from window_driver import Driver, run_program

from segstudio.gui.dialogs.file_parts import FilePartsDialog
from segstudio.project.project import Project


def test_datasets_of_an_hdf5_file_are_chosen_when_it_is_added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((50, 60), np.uint8))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["raw"] = np.full((40, 50), 7, np.uint8)
        file["other/second"] = np.full((30, 20), 9, np.uint16)
    project, _ = Project.create(tmp_path / "project", tmp_path / "a.tif")
    assert project.close()
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(tmp_path / "b.h5")], ""))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None)
        hand.action("file.add")
        dialog = hand.dialog(FilePartsDialog)
        row = dialog.tree.topLevelItem(0)
        assert row is not None
        assert [(row.child(at).text(0), row.child(at).text(1)) for at in range(row.childCount())] == [
            ("raw", "40 × 50, uint8"),
            ("other/second", "30 × 20, uint16"),
        ]
        assert dialog.take.text() == "Add 1 image"
        row.child(0).setCheckState(0, Qt.CheckState.Unchecked)
        hand.wait(lambda: not dialog.take.isEnabled(), what="the number of ticks")
        row.child(1).setCheckState(0, Qt.CheckState.Checked)
        hand.wait(lambda: dialog.take.isEnabled(), what="the number of ticks")
        hand.click(dialog, "Add 1 image")
        hand.wait(lambda: len(hand.session.project.images) == 2, what="the dataset")
        hand.open_image("b.h5 › other/second")
        assert hand.session.document is not None
        assert int(hand.session.document.source.read().max()) == 9
        told: list[object] = []
        hand.session.files.missing.connect(lambda *ids: told.append(ids))
        hand.session.files.look()
        hand.wait(lambda: told, what="a look at the files")
        assert hand.session.files.gone == frozenset()

    run_program([str(tmp_path / "project")], script)
    with Project.open(tmp_path / "project") as again:
        assert again.images[-1].path == "../b.h5/other/second"

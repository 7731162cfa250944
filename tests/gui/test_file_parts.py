"""The window that asks which images of a file are wanted, with a plate of many wells."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from segstudio.gui.dialogs.file_parts import FilePartsDialog
from segstudio.io.sources import ImagePart
from segstudio.session.file_parts import FileParts


def test_one_tick_for_all_wells_counts_once(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    wells = tuple(ImagePart(f"A/{number}/0", "") for number in range(50))
    dialog = FilePartsDialog([FileParts(Path("plate.zarr"), wells, frozenset(well.name for well in wells))])
    qtbot.addWidget(dialog)
    assert dialog.take.text() == "Add 50 images"
    counted: list[int] = []
    chosen = dialog.chosen
    monkeypatch.setattr(dialog, "chosen", lambda: counted.append(1) or chosen())
    row = dialog.tree.topLevelItem(0)
    assert row is not None
    row.setCheckState(0, Qt.CheckState.Unchecked)
    qtbot.waitUntil(lambda: not dialog.take.isEnabled())
    assert len(counted) == 1
    row.child(3).setCheckState(0, Qt.CheckState.Checked)
    qtbot.waitUntil(lambda: dialog.take.text() == "Add 1 image")
    assert dialog.chosen() == {Path("plate.zarr"): [Path("plate.zarr/A/3/0")]}

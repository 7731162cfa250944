"""The window that verifies a project: calm when all is whole, and for each damaged file what to do."""

import shutil
from pathlib import Path

import pytest
from carrier import Carrier
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QLabel, QScrollArea
from pytestqt.qtbot import QtBot

from segstudio.gui.dialogs.verify import VerifyDialog
from segstudio.gui.theme import apply_theme
from segstudio.project.findings import Finding, Report
from segstudio.project.project import Project
from segstudio.session.background import Background

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = Path(shutil.copytree(GOLDEN, tmp_path / "copy")) / "project"
    Project.open(place).close()
    return place


def shown(folder: Path, qtbot: QtBot) -> tuple[VerifyDialog, Background]:
    carrier = Carrier()
    background = Background(carrier.posted.emit)
    dialog = VerifyDialog(folder, "Golden cells", background)
    dialog.carrier = carrier  # type: ignore[attr-defined]  # lives as long
    dialog.resize(640, 460)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.report is not None)
    return dialog, background


def words_of(dialog: VerifyDialog) -> str:
    return "\n".join(label.text() for label in dialog.findChildren(QLabel) if label.isVisible())


def test_a_whole_project_is_said_to_be_whole(folder: Path, qtbot: QtBot) -> None:
    dialog, background = shown(folder, qtbot)
    assert dialog.says().startswith("Everything is whole.")
    assert "3 images" in dialog.says()
    background.close()


def test_a_damaged_file_is_named_with_what_to_do(folder: Path, qtbot: QtBot) -> None:
    (folder / "project.json.bak").write_bytes(b"{")
    (folder / "labels" / "finished.tif").write_bytes(b"II*\0")
    dialog, background = shown(folder, qtbot)
    assert dialog.says() == "2 files are not as they were saved."
    words = words_of(dialog)
    for part in ("labels/finished.tif", "project.json.bak", "Lost: Nothing", "To do: "):
        assert part in words
    dialog._copy.click()
    assert "labels/finished.tif" in QGuiApplication.clipboard().text()
    shutil.copy(GOLDEN / "project" / "labels" / "finished.tif", folder / "labels" / "finished.tif")
    shutil.copy(folder / "project.json", folder / "project.json.bak")
    dialog._again.click()
    qtbot.waitUntil(lambda: dialog.report is not None)
    assert dialog.says().startswith("Everything is whole.")
    background.close()


def test_it_scrolls_only_what_does_not_fit(folder: Path, qapp: QApplication, qtbot: QtBot) -> None:
    apply_theme(qapp, "dark")
    dialog, background = shown(folder, qtbot)
    do = "Go back to an earlier state in the history of the image, or restore the file from a backup."
    scrolls = []
    for count in range(1, 7):
        findings = [Finding(f"labels/{n}.tif", "It is damaged.", "Nothing.", do) for n in range(count)]
        dialog._on_found(Report(tuple(findings), 1, 1))
        qtbot.wait(20)
        (area,) = dialog.findChildren(QScrollArea)
        room, scrolls_now = area.viewport(), area.verticalScrollBar().isVisible()
        assert scrolls_now == (area.widget().heightForWidth(room.width()) > room.height())
        scrolls.append(scrolls_now)
    assert (scrolls[0], scrolls[-1]) == (False, True)
    background.close()


def test_it_can_be_closed_while_it_works(folder: Path, qtbot: QtBot) -> None:
    carrier = Carrier()
    background = Background(carrier.posted.emit)
    dialog = VerifyDialog(folder, "Golden cells", background)
    dialog.show()
    dialog.close()
    background.close()
    qtbot.wait(1)

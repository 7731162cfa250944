"""Help page and key map as a user sees them."""

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QAction, QColor, QDesktopServices, QImage, QTextDocument
from PySide6.QtWidgets import QApplication, QListWidget, QPushButton, QTableWidget, QTextBrowser, QWidget
from pytestqt.qtbot import QtBot

from segstudio.gui.actions import Action, ActionTable
from segstudio.gui.banner import BannerArea
from segstudio.gui.dialogs.error import ErrorDialog
from segstudio.gui.dialogs.help import HelpWindow
from segstudio.gui.dialogs.key_map import KeyMap
from segstudio.gui.help_desk import HelpDesk
from segstudio.gui.panels.measurement_table import figure, mean_and_sd
from segstudio.gui.report import ReportBox
from segstudio.project.refusals import Refusal
from segstudio.session.background import Background


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_pictures_of_a_page_are_no_wider_than_the_page(qtbot: QtBot, tmp_path: Path) -> None:
    wide = QImage(3000, 100, QImage.Format.Format_RGB32)
    wide.fill(QColor("red"))
    wide.save(str(tmp_path / "wide.png"))
    help_window = HelpWindow()
    qtbot.addWidget(help_window)
    help_window.open_page()
    page = help_window.findChild(QTextBrowser)
    kind = QTextDocument.ResourceType.ImageResource.value
    picture = page.loadResource(kind, QUrl.fromLocalFile(str(tmp_path / "wide.png")))
    assert isinstance(picture, QImage)
    assert 100 < picture.width() / picture.devicePixelRatio() <= page.viewport().width()


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_headings_of_a_page_have_room_above(qtbot: QtBot) -> None:
    help_window = HelpWindow()
    qtbot.addWidget(help_window)
    help_window.open_page("troubleshooting.md")
    block, seen = help_window.findChild(QTextBrowser).document().begin(), 0
    while block.isValid():
        if block.blockFormat().headingLevel() == 2:
            assert block.blockFormat().topMargin() >= 16
            seen += 1
        block = block.next()
    assert seen > 2


def test_key_map_shows_the_names_of_menus_without_marks(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    table = ActionTable(parent, (Action("file.save", "&File", "Save now", lambda: None, ("Ctrl+S",)),))
    keys = KeyMap(table, parent)
    cells = keys.findChild(QTableWidget)
    last = cells.rowCount() - 1
    assert isinstance(table["file.save"], QAction)
    assert [cells.item(last, column).text() for column in range(2)] == ["File", "Save now"]


@pytest.mark.parametrize(
    ("value", "digits", "shown"), [(1012.4, 3, "1012"), (18.66, 3, "18.7"), (0.70712, 4, "0.7071"), (0.0, 3, "0")]
)
def test_figures_of_the_table_can_be_read(value: float, digits: int, shown: str) -> None:
    assert figure(value, digits) == shown


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_help_is_searched_and_closed_with_escape(qtbot: QtBot) -> None:
    pages = HelpWindow()
    qtbot.addWidget(pages)
    pages.open_page()
    titles = pages.findChild(QListWidget)
    qtbot.keyClicks(pages._search, "silicon")
    shown = [titles.item(row).text() for row in range(titles.count()) if not titles.item(row).isHidden()]
    assert 0 < len(shown) < titles.count()
    assert titles.currentItem().text() in shown
    page = pages.findChild(QTextBrowser)
    assert page.textCursor().selectedText().lower() == "silicon"
    pages._search.setText("no page has this")
    assert pages._none.isVisible()
    pages._search.clear()
    assert not any(titles.item(row).isHidden() for row in range(titles.count()))
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert not pages.isVisible()


def test_rows_of_the_key_map_hold_their_words(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    keys = KeyMap(ActionTable(parent, ()), parent)
    keys.resize(520, 600)
    keys.show()
    cells = keys.findChild(QTableWidget)
    qtbot.waitUntil(lambda: cells.rowHeight(0) > cells.rowHeight(2))  # two lines need more room than one
    for row in range(cells.rowCount()):
        assert cells.rowHeight(row) >= cells.sizeHintForRow(row) + 6


@pytest.mark.parametrize(
    ("mean", "sd", "shown"),
    [
        (1841.4, 938.2, ("1841", "938")),
        (158.63, 45.0, ("158.6", "45.0")),
        (0.95891, 0.01273, ("0.9589", "0.0127")),
        (0.82, 0.12, ("0.820", "0.120")),
        (0.951451, 0.000212, ("0.95145", "0.00021")),
        (3.1e-8, 4.2e-9, ("3.1e-08", "4.2e-09")),
        (147.0, 0.0, ("147", "0")),
        (0.1, 1e-17, ("0.1", "0")),
    ],
)
def test_mean_and_spread_have_the_same_decimals(mean: float, sd: float, shown: tuple[str, str]) -> None:
    assert mean_and_sd(mean, sd) == shown


@pytest.mark.qt_log_ignore("This plugin does not support")
@pytest.mark.parametrize(
    ("unsaved", "says"),
    [
        ({}, "Your labels are safe: every finished stroke is on the disk."),
        ({"a.tif": None}, "What you did last in a.tif is not saved yet."),
        (
            {"a.tif": Refusal("The disk is full", "Make room there"), "b.tif": None},
            "The disk is full: what you did last in a.tif is not saved yet. Make room there.",
        ),
    ],
)
def test_a_fault_calls_labels_safe_only_when_they_are(
    qtbot: QtBot, unsaved: dict[str, Refusal | None], says: str
) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    HelpDesk(window, None, Background(), lambda: unsaved).show_fault(RuntimeError("the moon is missing"))
    assert window.findChild(ErrorDialog).hint == f"{says} You can go on working."


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_the_report_of_a_crash_speaks_of_the_last_time_and_promises_nothing(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    desk = HelpDesk(area, None, Background(), dict)
    desk.offered.connect(area.show_notice)
    desk.tell_crash("Fatal Python error: Segmentation fault\n\nCurrent thread")
    (notice,) = area.messages()
    assert notice.hint.startswith("What was not saved yet may be missing."), "nobody knows what is there"
    next(item for item in area.findChildren(QPushButton) if item.text() == "Show report").click()
    box = area.findChild(ReportBox)
    assert box.failure.message == "SegStudio ended unexpectedly the last time: Fatal Python error: Segmentation fault"
    assert box.hint == notice.hint
    copy = next(item for item in box.findChildren(QPushButton) if item.text() == "Copy report")
    copy.click()
    assert copy.text() == "Copied"
    assert "Current thread" in QApplication.clipboard().text()


@pytest.mark.qt_log_ignore("This plugin does not support")
def test_where_the_log_is_is_said_when_nothing_can_show_it(
    qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    area, log = BannerArea(), tmp_path / "segstudio.log"
    qtbot.addWidget(area)
    asked: list[QUrl] = []
    for log_file, can in ((log, True), (log, False), (None, True)):
        monkeypatch.setattr(QDesktopServices, "openUrl", lambda url, can=can: asked.append(url) or can)
        desk = HelpDesk(area, log_file, Background(), dict)
        desk.offered.connect(area.show_notice)
        desk.show_log()
        said = [notice.text for notice in area.messages()]
        if can and log_file is not None:
            assert said == []
        else:
            (text,) = said
            assert (str(log) in text) == (log_file is not None)
    assert asked == [QUrl.fromLocalFile(str(log))] * 2

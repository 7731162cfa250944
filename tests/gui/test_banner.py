"""Messages above the canvas: what is about the same thing is one message."""

from PySide6.QtWidgets import QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from segstudio.gui.banner import BannerArea
from segstudio.session.notice import Notice


def test_images_left_out_by_one_job_are_one_banner_that_opens(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    area.show()
    for number in range(1, 6):
        area.show_notice(Notice(f"a{number}.tif cannot be read.", "Copy it again.", "warning", group="job-1"))
    area.show_notice(Notice("The disk is full.", level="error"))
    assert [notice.message for notice in area.messages()] == ["The disk is full.", "a1.tif cannot be read."]
    qtbot.wait(20)
    (show_all,) = (button for button in area.findChildren(QPushButton) if button.isVisible())
    assert show_all.text() == "Show all 5"
    (listed,) = (text for text in area.findChildren(QPlainTextEdit) if text.toPlainText())
    assert not listed.isVisible()
    show_all.click()
    assert listed.isVisible()
    assert listed.toPlainText().splitlines()[3] == "a4.tif cannot be read. Copy it again."


def test_messages_of_different_jobs_stay_apart(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    for job in ("one", "two"):
        area.show_notice(Notice("a.tif cannot be read.", level="warning", group=job))
    assert len(area.messages()) == 2


def test_of_messages_about_one_thing_only_the_newest_stands(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    area.show_notice(Notice("Stroke 7 is not saved yet.", level="error"))
    area.show_notice(Notice("The class debris is removed.", level="good", about="classes"))
    area.show_notice(Notice("The class debris is back.", about="classes"))
    assert [notice.message for notice in area.messages()] == ["The class debris is back.", "Stroke 7 is not saved yet."]
    area.withdraw("classes")
    assert [notice.message for notice in area.messages()] == ["Stroke 7 is not saved yet."]

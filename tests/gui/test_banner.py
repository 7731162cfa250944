"""Messages above the canvas: what is about the same thing is one message."""

import pytest
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QPushButton, QToolButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from segstudio.gui.banner import Banner, BannerArea
from segstudio.gui.headline import Headline
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
    assert (show_all.text(), listed.firstVisibleBlock().blockNumber()) == ("Hide", 0)
    show_all.click()
    assert (show_all.text(), listed.isVisible()) == ("Show all 5", False)


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


def test_the_weightiest_of_joined_messages_is_in_sight(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    area.show_notice(Notice("a.png is in colour.", level="warning", group="job-1"))
    area.show_notice(Notice("a.png looks unlike the others.", level="warning", group="job-1", weight=1))
    area.show_notice(Notice("a.png is large.", level="warning", group="job-1"))
    (headline,) = (label for label in area.findChildren(QLabel) if label.text())
    qtbot.waitUntil(lambda: headline.text() == "a.png looks unlike the others. And 2 more.")


def test_thousands_of_messages_at_once_are_written_once(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[int] = []
    append = QPlainTextEdit.appendPlainText

    def listen(text: QPlainTextEdit, words: str) -> None:
        written.append(words.count("\n") + 1)
        append(text, words)

    monkeypatch.setattr(QPlainTextEdit, "appendPlainText", listen)
    area = BannerArea()
    qtbot.addWidget(area)
    area.show()
    for number in [*range(3000), 5]:
        area.show_notice(Notice(f"{number}.tif cannot be read.", level="warning", group="intake"))
    qtbot.waitUntil(lambda: written == [3000])
    (show_all,) = (button for button in area.findChildren(QPushButton) if button.isVisible())
    assert show_all.text() == "Show all 3000"
    area.show_notice(Notice("x.tif cannot be read.", level="warning", group="intake"))
    qtbot.waitUntil(lambda: written == [3000, 1])


def test_what_is_said_about_one_image_goes_with_it(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    area.show_notice(Notice("a.png is in colour.", level="warning", image="a"))
    area.show_notice(Notice("The disk is full.", level="error"))
    area.leave_images("a")
    assert len(area.messages()) == 2
    area.leave_images("b")
    assert [notice.message for notice in area.messages()] == ["The disk is full."]


LONG = Notice(
    "The network sees a patch of 64 px only, and the objects are up to 96 px long, so some of them will be cut.",
    "Choose a larger patch size, or scale the images.",
    "warning",
)


def _over_an_image(qtbot: QtBot) -> BannerArea:
    whole, area = QWidget(), BannerArea()
    QVBoxLayout(whole).addWidget(area, 0, Qt.AlignmentFlag.AlignTop)
    qtbot.addWidget(whole)
    whole.resize(500, 400)
    whole.show()
    area.whole = whole  # type: ignore[attr-defined]  # as long as the test has the area
    return area


def _shown(area: BannerArea) -> list[Banner]:
    return [banner for banner in area.findChildren(Banner) if banner.isVisible()]


@pytest.mark.parametrize("size", [8.0, 9.0, 9.5, 10.0])
def test_what_to_do_can_be_read_without_a_click(qtbot: QtBot, size: float) -> None:
    area = _over_an_image(qtbot)
    font = area.font()
    font.setPointSizeF(size)
    area.setFont(font)
    area.show_notice(LONG)
    area.show_notice(Notice("Short.", level="error"))
    qtbot.wait(20)
    short, long = sorted(_shown(area), key=lambda banner: len(banner.notice.message))
    qtbot.waitUntil(lambda: long.height() > short.height(), timeout=2000)
    (headline,) = long.findChildren(Headline)
    needed = headline.fontMetrics().boundingRect(
        QRect(0, 0, headline.width(), 1000), Qt.TextFlag.TextWordWrap, LONG.text
    )
    assert headline.height() >= needed.height()
    assert [made.toolTip() for made in long.findChildren(QToolButton) if made.isVisible()] == ["Dismiss"]


def test_a_very_long_message_takes_three_lines_until_it_is_opened(qtbot: QtBot) -> None:
    area = _over_an_image(qtbot)
    area.show_notice(Notice(LONG.message * 5, LONG.hint, "warning"))
    qtbot.wait(20)
    (long,) = _shown(area)
    (headline,) = long.findChildren(Headline)
    height = headline.height()
    assert round(height / headline.fontMetrics().lineSpacing()) == 3
    assert LONG.hint in headline.toolTip()
    qtbot.mouseClick(headline, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: headline.height() > height, timeout=2000)
    (fold,) = (made for made in long.findChildren(QToolButton) if made.toolTip() == "The first lines only")
    fold.click()
    qtbot.waitUntil(lambda: headline.height() == height, timeout=2000)


def test_the_button_of_a_cut_message_has_its_room_before_it_comes(qtbot: QtBot) -> None:
    area = _over_an_image(qtbot)
    area.show_notice(LONG)
    qtbot.wait(20)
    (banner,) = _shown(area)
    (headline,) = banner.findChildren(Headline)
    (opens,) = (made for made in banner.findChildren(QToolButton) if made.toolTip() == "Show all of the message")
    (closes,) = (made for made in banner.findChildren(QToolButton) if made.toolTip() == "Dismiss")
    assert not opens.isVisible()
    assert headline.geometry().right() < opens.geometry().left() <= opens.geometry().right() < closes.geometry().left()


def test_what_fits_offers_no_more_of_it(qtbot: QtBot) -> None:
    area = _over_an_image(qtbot)
    area.show_notice(Notice("Short.", level="warning"))
    qtbot.wait(20)
    (banner,) = _shown(area)
    assert len([made for made in banner.findChildren(QToolButton) if made.isVisible()]) == 1  # to dismiss it


def test_several_warnings_are_one_line_with_a_count(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    area.show()
    for number in range(3):
        area.show_notice(Notice(f"Warning {number}.", level="warning"))
    (newest,) = _shown(area)
    assert (newest.notice.message, newest.more.text()) == ("Warning 2.", "2 more")
    newest.more.click()
    assert [banner.notice.message for banner in _shown(area)] != ["Warning 2."]
    assert (len(_shown(area)), newest.more.text()) == (3, "Fewer")
    newest.more.click()
    assert _shown(area) == [newest]
    newest.left.emit()
    (now,) = _shown(area)
    assert (now.notice.message, now.more.text()) == ("Warning 1.", "1 more")


def test_messages_leave_two_thirds_of_the_image_in_sight(qtbot: QtBot) -> None:
    area = _over_an_image(qtbot)
    for number in range(30):
        about = Notice(f"{number}.tif: {LONG.message}", LONG.hint, "warning", group="intake", others=("file", "files"))
        area.show_notice(about)
    qtbot.wait(20)
    (banner,) = _shown(area)
    (headline,) = banner.findChildren(Headline)
    assert headline.text().endswith("29 more files.")
    (show_all,) = (button for button in banner.findChildren(QPushButton) if button.isVisible())
    show_all.click()
    qtbot.wait(20)
    (listed,) = banner.findChildren(QPlainTextEdit)
    assert listed.firstVisibleBlock().blockNumber() == 0
    assert area.height() <= 400 / 3
    show_all.click()
    area.show_notice(LONG)
    area.show_notice(Notice("Work was lost.", LONG.hint * 4, "error"))
    qtbot.waitUntil(lambda: len(_shown(area)) == 2)
    qtbot.waitUntil(lambda: area.height() <= 400 / 3)
    (newest,) = (one for one in _shown(area) if one.more.isVisible())
    (headline,) = newest.findChildren(Headline)
    qtbot.waitUntil(lambda: headline.heightForWidth(headline.width()) < 2 * headline.fontMetrics().lineSpacing())


def test_good_news_hides_no_warning_and_takes_the_place_of_none(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    area.show()
    area.show_notice(Notice("Something drawn is lost.", level="warning"))
    for number in range(4):
        area.show_notice(Notice(f"Image {number} is reviewed.", level="good"))
    newest, warning = sorted(_shown(area), key=lambda banner: banner.notice.level)
    assert (newest.notice.message, newest.more.text()) == ("Image 3 is reviewed.", "1 more")
    assert (warning.notice.message, warning.more.isVisible()) == ("Something drawn is lost.", False)


def test_a_warning_about_the_image_in_front_hides_none_about_more_than_that(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    area.show()
    area.show_notice(Notice("23 of 78 images were not added.", level="warning"))
    for word in ("no picture", "large values"):
        area.show_notice(Notice(f"a.tif: {word}.", level="warning", image="a"))
    assert {banner.notice.message for banner in _shown(area)} == {
        "a.tif: large values.",
        "23 of 78 images were not added.",
    }


def test_errors_and_questions_are_never_folded(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    area.show()
    area.show_notice(Notice("Take the masks?"), QPushButton("Take as labels"))
    area.show_notice(Notice("The disk is full.", level="error"))
    area.show_notice(Notice("a.png is in colour.", level="warning"))
    qtbot.waitUntil(lambda: len(_shown(area)) == 3, timeout=2000)


def test_what_is_said_about_a_project_goes_with_it_but_not_what_became_of_its_data(qtbot: QtBot) -> None:
    area = BannerArea()
    qtbot.addWidget(area)
    area.show_notice(Notice("Model 1 failed.", level="error"))
    area.show_notice(Notice("This is safe mode.", outlives=True))
    for number in range(2):
        area.show_notice(Notice(f"{number}.tif was mended.", level="warning", group="recovered", outlives=True))
    area.leave_project()
    assert [notice.message for notice in area.messages()] == ["0.tif was mended.", "This is safe mode."]

"""The sign by which the program is found among the windows of a desktop."""

from PySide6.QtGui import QColor
from pytestqt.qtbot import QtBot

from segstudio.gui.app_icon import app_icon
from segstudio.gui.main_window import MainWindow
from segstudio.gui.theme import tokens
from segstudio.session.session import Session


def test_the_window_has_a_sign_of_its_own_in_every_size(qtbot: QtBot) -> None:
    window = MainWindow(Session(lambda call: call()))
    qtbot.addWidget(window)
    assert not window.windowIcon().isNull()
    for size in (16, 32, 256):
        picture = app_icon().pixmap(size, size).toImage()
        assert picture.width() >= size
        colours = {picture.pixelColor(x, y).name() for x in range(size) for y in range(size)}
        assert QColor(tokens().accent).name() in colours
        assert len(colours) > 2, "there is a line on the ground"
    window.close()

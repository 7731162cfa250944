"""What stays below a column is in line with what is in it."""

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot
from shiboken6 import delete

from segstudio.gui.forms.parts import Column, Footer


def test_what_stays_below_a_column_ends_where_the_column_ends(qtbot: QtBot) -> None:
    whole, column = QWidget(), Column()
    footer, above, below = Footer(column), QPushButton("above"), QPushButton("below")
    content = QLabel("tall")
    column.body.addWidget(above)
    column.body.addWidget(content)
    footer.body.addWidget(below)
    outer = QVBoxLayout(whole)
    outer.addWidget(column, 1)
    outer.addWidget(footer)
    qtbot.addWidget(whole)
    whole.resize(340, 300)
    whole.show()
    qtbot.waitExposed(whole)

    def right_of(widget: QWidget) -> int:
        return widget.mapTo(whole, QPoint(widget.width(), 0)).x()

    for height in (20, 900, 20):
        content.setFixedHeight(height)
        scrolls = height > 300
        qtbot.waitUntil(lambda scrolls=scrolls: column.verticalScrollBar().isVisible() == scrolls, timeout=2000)
        qtbot.waitUntil(lambda: right_of(above) == right_of(below), timeout=2000)


def test_a_bar_that_goes_with_the_window_takes_no_room(qtbot: QtBot) -> None:
    column = Column()
    footer = Footer(column)
    qtbot.addWidget(footer)
    told = footer._on_range
    delete(column)
    told(0, 5)  # as Qt does while it deletes the bar
    assert footer.body.contentsMargins().left() == footer.body.contentsMargins().right()

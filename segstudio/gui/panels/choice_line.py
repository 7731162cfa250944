"""A choice with its name at the left, in line with the rows of a form."""

from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from segstudio.gui.forms.field_row import FIELD_WIDTH


class ChoiceLine(QWidget):
    """One row: what is chosen, and the box."""

    def __init__(self, title: str, box: QWidget) -> None:
        super().__init__()
        label = QLabel(title)
        label.setBuddy(box)
        box.setFixedWidth(FIELD_WIDTH)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 2, 0, 2)
        line.addWidget(label, 1)
        line.addWidget(box)

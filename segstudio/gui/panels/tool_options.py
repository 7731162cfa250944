"""Settings of the tool in the hand, shown while it is there."""

from dataclasses import replace

from PySide6.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.bind import follow
from segstudio.gui.forms.numbers import ValueSlider
from segstudio.gui.forms.parts import caption
from segstudio.labels.thresholding import Threshold
from segstudio.session.session import Session
from segstudio.session.view_state import ViewState

#: How far the threshold can be moved, as a share of the range of intensities, and the largest least size, pixels.
_MOST_SHIFT, _MOST_SMALLEST = 0.5, 5000.0


class ToolOptions(QWidget):
    """One widget for each tool that has settings of its own."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        view = session.view
        self._options = {"threshold": ThresholdOptions(view)}
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for widget in self._options.values():
            column.addWidget(widget)
        follow(view, "tool", self, self._show_those_of)

    def _show_those_of(self, tool: str) -> None:
        for name, widget in self._options.items():
            widget.setVisible(name == tool)
        self.setVisible(tool in self._options)


class ThresholdOptions(QWidget):
    """How the threshold tool tells objects from the ground; what is proposed follows at once."""

    def __init__(self, view: ViewState) -> None:
        super().__init__()
        self._view = view
        method = _choice(
            self,
            (self.tr("Otsu"), "otsu", self.tr("One threshold for the whole region")),
            (self.tr("Local"), "local", self.tr("What differs from its surroundings: for uneven ground")),
        )
        objects = _choice(
            self,
            (self.tr("Auto"), "auto", self.tr("Objects are what is less common at the edge of the region")),
            (self.tr("Bright"), "bright", self.tr("Objects are brighter than the ground")),
            (self.tr("Dark"), "dark", self.tr("Objects are darker than the ground")),
        )
        more = ValueSlider(
            self.tr("Less or more"), -_MOST_SHIFT, _MOST_SHIFT, 100, lambda value: f"{100 * value:+.0f} %"
        )
        more.setToolTip(self.tr("Moves the threshold: to the right objects get more pixels"))
        smallest = ValueSlider(self.tr("Smallest object"), 1.0, _MOST_SMALLEST, 200, "{:.0f} px".format, log=True)
        smallest.setToolTip(self.tr("Smaller objects are left out"))
        split = QCheckBox(self.tr("Split touching objects"))
        split.setToolTip(self.tr("Cuts them where they are narrow"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(caption(self.tr("Draw a region; Enter or a click takes the objects found in it")))
        for group in (method, objects):
            line = QHBoxLayout()
            line.setSpacing(4)
            for button in group.buttons():
                line.addWidget(button, 1)
            column.addLayout(line)
        column.addWidget(more)
        column.addWidget(smallest)
        column.addWidget(split)
        split.clicked.connect(lambda on: self._change(split=on))
        method.buttonClicked.connect(lambda button: self._change(method=button.property("value")))
        objects.buttonClicked.connect(lambda button: self._change(objects=button.property("value")))
        more.moved.connect(lambda value: self._change(more=value))
        smallest.moved.connect(lambda value: self._change(smallest=max(1, round(value))))

        def show(threshold: Threshold) -> None:
            for group, value in ((method, threshold.method), (objects, threshold.objects)):
                next(button for button in group.buttons() if button.property("value") == value).setChecked(True)
            more.set_value(threshold.more)
            split.setChecked(threshold.split)
            smallest.set_value(float(threshold.smallest))

        follow(view, "threshold", self, show)

    def _change(self, **changes: object) -> None:
        self._view.threshold = replace(self._view.threshold, **changes)  # type: ignore[arg-type]


def _choice(parent: QWidget, *choices: tuple[str, str, str]) -> QButtonGroup:
    group = QButtonGroup(parent)
    for text, value, tip in choices:
        button = QPushButton(text)
        button.setCheckable(True)
        button.setToolTip(tip)
        button.setProperty("value", value)
        group.addButton(button)
    return group

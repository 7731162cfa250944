"""Settings of the tool in the hand, shown while it is there."""

from dataclasses import replace

from PySide6.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.bind import bind_check, follow
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
        self._options: tuple[tuple[frozenset[str], QWidget], ...] = (
            (frozenset({"threshold"}), ThresholdOptions(view)),
            (frozenset({"brush", "erase", "region"}), BrushOptions(view)),
        )
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for _, widget in self._options:
            column.addWidget(widget)
        follow(view, "tool", self, self._show_those_of)

    def _show_those_of(self, tool: str) -> None:
        for tools, widget in self._options:
            widget.setVisible(tool in tools)
        self.setVisible(any(tool in tools for tools, _ in self._options))


class BrushOptions(QWidget):
    """What brush and eraser look like, and where the brush paints."""

    def __init__(self, view: ViewState) -> None:
        super().__init__()
        square = QCheckBox(self.tr("Square brush"))
        square.setToolTip(self.tr("Brush, eraser and region brush are squares, not discs"))
        pressure = QCheckBox(self.tr("Pen pressure changes the size"))
        pressure.setToolTip(self.tr("Of the pen of a tablet; its other end erases, whatever the tool"))
        like = QCheckBox(self.tr("Only where it looks like the start"))
        like.setToolTip(self.tr("The brush leaves out what is brighter or darker than where the stroke begins"))
        more = ValueSlider(self.tr("How unlike it may be"), 0.01, 0.6, 59, lambda value: f"{100 * value:.0f} %")
        more.setToolTip(self.tr("As a share of the range of intensities around the start"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        for field, box in (("brush_square", square), ("pen_pressure", pressure), ("brush_like", like)):
            bind_check(view, field, box)
            column.addWidget(box)
        column.addWidget(more)
        more.moved.connect(lambda value: setattr(view, "brush_tolerance", value))
        follow(view, "brush_tolerance", more, more.set_value)
        follow(view, "brush_like", more, more.setVisible)
        follow(view, "tool", like, lambda tool: like.setVisible(tool == "brush"))


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

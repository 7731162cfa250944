"""The step Label: classes, what the tools do, what is stated about regions, and what is drawn over the image."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.axes import PixelSize
from segstudio.gui.bind import bind_check, bind_choice, follow
from segstudio.gui.figure_words import figure_name
from segstudio.gui.forms.editors import CalmComboBox
from segstudio.gui.forms.numbers import CalmSlider, ValueSlider
from segstudio.gui.forms.parts import Column, Section, button, caption, row, set_role, tool_button
from segstudio.gui.keys_in_use import in_brackets, name_keys
from segstudio.gui.panels.choice_line import ChoiceLine
from segstudio.gui.panels.class_list import ClassList
from segstudio.gui.panels.object_review import ObjectReview
from segstudio.gui.panels.tool_options import ToolOptions
from segstudio.gui.reading_only import allow, why_grey
from segstudio.labels.regions import COMPLETE, IGNORE, NOT_STATED
from segstudio.session.object_order import FIGURES
from segstudio.session.session import Session
from segstudio.session.view_state import BRUSH_MAX, BRUSH_MIN, SHAPE_STEP_MAX, SHAPE_STEP_MIN


class LabelPanel(QWidget):
    """Everything that one needs while drawing."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.classes = ClassList(session)
        self._changing: list[QWidget] = []
        self._column = Column()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._column)
        self._column.body.addWidget(ObjectReview(session))
        for section in (self._class_section(), self._tool_section(), self._region_section(), self._show_section()):
            self._column.body.addWidget(section)
        self._column.body.addStretch(1)
        session.document_changed.connect(self._on_document)
        session.completeness.changed.connect(self._show_complete)
        session.image_changed.connect(lambda _image: self._show_complete(session.completeness.complete))
        self._tips = [widget.toolTip() for widget in self._changing]
        session.project_changed.connect(self._allow)
        session.pixel_size_changed.connect(self._fit_step)
        self._on_document(session.document)

    def add_section(self, widget: QWidget, title: str) -> None:
        """Add a widget of another part of the window below the others."""
        section = Section(title)
        section.body.addWidget(widget)
        self._column.body.insertWidget(self._column.body.count() - 1, section)

    def state_complete(self) -> None:
        """State that the whole image is completely labelled, or take it back, as one edit that can be undone."""
        self._complete.setChecked(self._session.completeness.complete)  # Qt has turned it over already
        self._session.completeness.toggle()

    def _class_section(self) -> Section:
        section = Section(self.tr("Classes"))
        section.body.addWidget(self.classes)
        self._add = button(self.tr("Add class"), self.classes.add, "plus")
        self._changing.append(self._add)
        about_removing = self.tr("Remove the class")
        remove = tool_button("trash", about_removing, self.classes.remove)
        session = self._session

        def show() -> None:
            project = session.project
            several = project is not None and len(project.classes) > 1
            allow(remove, session, possible=several, tip=about_removing)

        self.classes.filled.connect(show)
        show()
        line = row(self._add, remove)
        line.addStretch(1)
        section.body.addLayout(line)
        return section

    def _tool_section(self) -> Section:
        view = self._session.view
        section = Section(self.tr("Tools"))
        brush = ValueSlider(self.tr("Brush size"), BRUSH_MIN, BRUSH_MAX, 200, "{:.0f} px".format, log=True)
        brush.setToolTip(self.tr("Diameter of brush and eraser in pixels of the image: [ and ], or Ctrl+wheel"))
        brush.moved.connect(lambda value: setattr(view, "brush_diameter", float(max(1, round(value)))))
        follow(view, "brush_diameter", brush, brush.set_value)
        protect = QCheckBox(self.tr("Protect neighbours"))
        protect.setToolTip(self.tr("Strokes leave the pixels of other objects alone. Hold Shift for the opposite."))
        bind_check(view, "protect", protect)
        new = button(self.tr("New object"), view.new_object, "plus-circle")
        starts = self.tr("The next stroke starts a new object")
        name_keys(new, lambda: new.setToolTip(starts + in_brackets("edit.new_object")))
        self._step = ValueSlider(self.tr("Grow, shrink, smooth by"), SHAPE_STEP_MIN, SHAPE_STEP_MAX, 490, self._length)
        self._step.setToolTip(self.tr("How far Grow, Shrink and Smooth go at the selected objects: menu Edit, Shape"))
        self._step.moved.connect(lambda value: view.choose_shape_step(float(round(value)), self._pixel_size()))
        follow(view, "shape_step", self._step, self._step.set_value)
        self._changing += [brush, self._step, protect, new]
        options = ToolOptions(self._session)
        self._changing.append(options)
        section.body.addWidget(options)
        section.body.addWidget(brush)
        section.body.addWidget(self._step)
        section.body.addWidget(protect)
        section.body.addWidget(new, 0, Qt.AlignmentFlag.AlignLeft)
        return section

    def _length(self, pixels: float) -> str:
        size = self._pixel_size()
        return f"{pixels:.3g} px" if size is None else f"{pixels * size.mean:.3g} µm = {pixels:.3g} px"

    def _pixel_size(self) -> PixelSize | None:
        document = self._session.document
        return document.pixel_size if document is not None else None

    def _fit_step(self) -> None:
        """Keep what was chosen in µm, in pixels of this image."""
        self._session.view.fit_shape_step(self._pixel_size())
        self._step.set_value(self._session.view.shape_step)

    def _region_section(self) -> Section:
        section = Section(self.tr("What is finished"))
        section.body.addWidget(
            caption(
                self.tr(
                    "Training learns background only where you say that everything is labelled. "
                    "Elsewhere an unlabelled pixel means “not stated”."
                )
            )
        )
        self._complete = QCheckBox(self.tr("This image is completely labelled"))
        means = self.tr("Everything that is not an object is background")
        name_keys(self._complete, lambda: self._complete.setToolTip(means + in_brackets("image.complete")))
        self._complete.clicked.connect(lambda _checked: self.state_complete())
        self._says = caption(role="good-note")
        self._changing.append(self._complete)
        section.body.addWidget(self._complete)
        section.body.addWidget(self._says)
        paints, words = caption(), self.tr("The region brush{0} paints:")
        name_keys(paints, lambda: paints.setText(words.format(in_brackets("tool.region"))))
        section.body.addWidget(paints)
        line = QHBoxLayout()
        line.setSpacing(4)
        group = QButtonGroup(section)
        for value, text, tip in (
            (COMPLETE, self.tr("Complete"), self.tr("Everything here is labelled: the rest is background")),
            (IGNORE, self.tr("Ignore"), self.tr("Training and evaluation look away here: dirt, blur, scale bars")),
            (NOT_STATED, self.tr("Clear"), self.tr("Nothing is stated here")),
        ):
            choice = QPushButton(text)
            choice.setCheckable(True)
            choice.setToolTip(tip)
            group.addButton(choice, value)
            self._changing.append(choice)
            line.addWidget(choice, 1)
        bind_choice(self._session.view, "region_value", group)
        group.idClicked.connect(lambda _value: setattr(self._session.view, "tool", "region"))
        section.body.addLayout(line)
        return section

    def _show_section(self) -> Section:
        section = Section(self.tr("Show"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        for number, (field, opacity, text, key) in enumerate(
            (
                ("show_fill", "fill_opacity", self.tr("Filled labels"), "X"),
                ("show_contours", "contour_opacity", self.tr("Contours"), "Z"),
                ("show_boxes", "box_opacity", self.tr("Rotated boxes"), "G"),
                ("show_predictions", "prediction_opacity", self.tr("Predictions"), "Y"),
                ("show_regions", "", self.tr("Finished and ignored regions"), "W"),
            )
        ):
            box = QCheckBox(text)
            more = "\n" + self.tr("Boxes so small or close that their sizes would overlap show none: zoom in.")
            tip = self.tr("Key {0}; hold H to hide all").format(key)
            box.setToolTip(tip + (more if field == "show_boxes" else ""))
            bind_check(self._session.view, field, box)
            grid.addWidget(box, number, 0)
            if opacity:
                grid.addWidget(self._opacity(opacity, text), number, 1)
        section.body.addLayout(grid)
        section.body.addWidget(ChoiceLine(self.tr("Colours"), self._colours()))
        return section

    def _colours(self) -> QComboBox:
        box, view = CalmComboBox(), self._session.view
        box.addItem(self.tr("of each object"), "object")
        for name in ("class", "state", "source", *FIGURES):
            box.addItem(self.tr("by {0}").format(figure_name(name).lower()), name)
        tip = self.tr("What the colours of objects tell")
        name_keys(box, lambda: box.setToolTip(tip + in_brackets("view.by_class")))
        box.currentIndexChanged.connect(lambda index: setattr(view, "colour_by", box.itemData(index)))
        follow(view, "colour_by", box, lambda value: box.setCurrentIndex(box.findData(value)))
        return box

    def _opacity(self, field: str, of: str) -> QWidget:
        slider = CalmSlider()
        slider.setRange(0, 100)
        slider.setToolTip(self.tr("Opacity"))
        slider.setAccessibleName(self.tr("Opacity of {0}").format(of))
        view = self._session.view
        slider.valueChanged.connect(lambda value: setattr(view, field, value / 100))

        def show(value: float) -> None:
            slider.blockSignals(True)
            slider.setValue(round(value * 100))
            slider.blockSignals(False)

        follow(view, field, slider, show)
        return slider

    def _allow(self, _project_or_document: object) -> None:
        """Grey out what has no image to change, or what may not change it, and say why not."""
        writable = not why_grey(self._session)
        for widget, tip in zip(self._changing, self._tips, strict=True):
            possible = self._session.document is not None or widget is self._add
            allow(widget, self._session, possible=possible, tip=tip)
        triggers = QAbstractItemView.EditTrigger
        self.classes.setEditTriggers(
            triggers.DoubleClicked | triggers.EditKeyPressed if writable else triggers.NoEditTriggers
        )

    def _on_document(self, document: object) -> None:
        self._allow(document)
        self._fit_step()
        self._show_complete(self._session.completeness.complete)

    def _show_complete(self, complete: bool) -> None:
        self._complete.setChecked(complete)
        self._says.setVisible(complete)
        document = self._session.document
        some = document is not None and bool(document.planes.objects)
        self._says.setText(
            self.tr("✓ Everything that is no object is background here.")
            if some
            else self.tr("There is no object here: training learns that this image shows no cells.")
        )
        set_role(self._says, "good-note" if some else "warning-note")

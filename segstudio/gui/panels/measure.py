"""The step Measure: what the objects are like, in figures and as a histogram; and the way out of the program."""

import numpy as np
from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.core.errors import BadInput
from segstudio.gui.forms.parts import Column, EmptyState, Footer, Section, button, caption, set_role
from segstudio.gui.panels.distribution import Distribution
from segstudio.gui.panels.measurement_table import MeasurementTable, title
from segstudio.gui.theme import icon
from segstudio.session.export_items import export_items, left_out_sentence, with_labels
from segstudio.session.job_specs import saved_first
from segstudio.session.measuring import MeasuredImages, measure_items
from segstudio.session.session import Session

_THIS, _ALL = range(2)
#: Measured again at most so often while edits go on, milliseconds.
_PAUSE_MS = 600


class MeasurePanel(QWidget):
    """Measures the objects of one image or of all, and asks for the export."""

    step_wanted = Signal(int)
    """Number of the step that gets the user on, 0 for Label."""
    export_wanted = Signal()
    """The user wants to export."""
    pixel_size_wanted = Signal(list)
    """The user wants to say how large the pixels of these images are."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._measured: MeasuredImages | None = None
        self._left_out = ""
        self._asked = 0
        self._stale = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.measure)
        self._empty = EmptyState("ruler")
        self._empty.wanted.connect(lambda: self.step_wanted.emit(0))
        self.distribution = Distribution()
        self._body = QWidget()
        column = Column()
        self._way_out = Footer(column)
        self._build()
        column.body.addWidget(self._empty)
        column.body.addWidget(self._body)
        column.body.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(column, 1)
        outer.addWidget(self._way_out)
        session.project_changed.connect(self._on_stale)
        session.document_changed.connect(self._on_stale)
        session.images_changed.connect(self._on_stale)
        session.objects.changed.connect(self._on_stale)
        self._show()

    def export(self) -> None:
        """Ask for the export dialog."""
        if self._session.project is not None:
            self.export_wanted.emit()

    def measure(self) -> None:
        """Measure the chosen images in the background, from their label files."""
        session = self._session
        project, document = session.project, session.document
        self._stale = False
        self._asked += 1
        asked = self._asked
        if project is None:
            self._take(None)
            return
        entries = [project.entry(image_id) for image_id in self._image_ids()]

        left_out: dict[str, BadInput] = {}

        def take(measured: MeasuredImages) -> None:
            if asked == self._asked:
                self._left_out = left_out_sentence(left_out)
                self._take(measured)

        def work() -> MeasuredImages:
            return measure_items(export_items(project, with_labels(project, entries), left_out=left_out))

        session.background.run(saved_first(document, work), take, lane="objects")

    def choose(self, name: str) -> None:
        """Show the histogram of one measurement, as ``"area"``."""
        self._table.choose(name)

    def _image_ids(self) -> list[str]:
        """Return the images that are measured."""
        project, document = self._session.project, self._session.document
        if project is not None and self._scope.checkedId() == _ALL:
            return [entry.id for entry in project.images]
        return [document.entry.id] if document else []

    def _build(self) -> None:
        self._scope = QButtonGroup(self)
        line = QHBoxLayout()
        line.setSpacing(4)
        for number, text in enumerate((self.tr("This image"), self.tr("All images"))):
            choice = QPushButton(text)
            choice.setCheckable(True)
            self._scope.addButton(choice, number)
            line.addWidget(choice, 1)
        self._scope.button(_THIS).setChecked(True)
        self._scope.idClicked.connect(lambda _number: self.measure())
        self._says = caption()
        self._table = MeasurementTable()
        self._table.chosen_changed.connect(self._on_chosen)
        objects, spread = Section(self.tr("Objects")), Section(self.tr("Distribution"))
        objects.body.addLayout(line)
        objects.body.addWidget(self._says)
        self._pixels = button(
            self.tr("Set the pixel size to measure in µm…"),
            lambda: self.pixel_size_wanted.emit(self._image_ids()),
            "ruler",
        )
        self._pixels.setIcon(icon("ruler", "accent_text"))
        set_role(self._pixels, "link")
        objects.body.addWidget(self._pixels)
        objects.body.addWidget(self._table)
        spread.body.addWidget(self.distribution)
        self._way_out.body.addWidget(
            caption(self.tr("Label images, outlines, boxes or a table of all measurements, for other programs."))
        )
        self._way_out.body.addWidget(button(self.tr("Export…"), self.export, "export", primary=True))
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        for section in (objects, spread):
            column.addWidget(section)

    def _take(self, measured: MeasuredImages | None) -> None:
        self._measured = measured
        self._show()

    def _show(self) -> None:
        measured, project = self._measured, self._session.project
        some = measured is not None and measured.objects > 0
        elsewhere = project is not None and any(entry.objects for entry in project.images)
        for part in (self._body, self._way_out):
            part.setVisible(some or elsewhere)
        self._empty.setVisible(not (some or elsewhere))
        if project is None:
            self._empty.say(self.tr("Open a folder of images first."))
        else:
            self._empty.say(
                self.tr("There are no objects to measure yet. Label or predict some first."), self.tr("Label cells")
            )
        if measured is None or not some:
            self._says.setText(
                self.tr("Measuring …") if measured is None else self.tr("This image has no objects yet.")
            )
            self._table.show_measured(None)
            self.distribution.show_values(np.zeros(0), "")
        else:
            images = self.tr("1 image") if measured.images == 1 else self.tr("{0} images").format(measured.images)
            count = (
                self.tr("1 object") if measured.objects == 1 else self.tr("{0} objects").format(f"{measured.objects:,}")
            )
            says = self.tr("{0} in {1}").format(count, images)
            self._says.setText(f"{says}. {self._left_out}" if self._left_out else says)
            self._table.show_measured(measured)
        self._pixels.setVisible(
            project is not None
            and not project.read_only
            and any(project.entry(image_id).pixel_size_um is None for image_id in self._image_ids())
        )

    def _on_chosen(self) -> None:
        name, measured = self._table.chosen(), self._measured
        if name and measured is not None and name in measured.columns:
            self.distribution.show_values(measured.columns[name], title(name, measured.units[name]))

    def _on_stale(self, *_anything: object) -> None:
        self._stale = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start(_PAUSE_MS)

    def showEvent(self, event: object) -> None:
        """Measure when the step is looked at."""
        self._show()  # what it says may be of before a project was open
        if self._stale:
            self.measure()

"""The step Measure: what the objects are like, in figures and as a histogram; and the way out of the program."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QButtonGroup,
    QHBoxLayout,
    QHeaderView,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.forms.parts import Column, EmptyState, Section, button, caption, on_theme, set_role
from segstudio.gui.theme import FONT_SECONDARY, icon, tokens
from segstudio.session.job_specs import saved_first
from segstudio.session.measuring import MeasuredImages, export_items, measure_items
from segstudio.session.session import Session

_THIS, _ALL = range(2)
_BINS = 24
#: Measured again at most so often while edits go on, milliseconds.
_PAUSE_MS = 600
_NAMES = {
    "area": "Area",
    "length": "Length",
    "width": "Width",
    "perimeter": "Perimeter",
    "equivalent_diameter": "Equivalent diameter",
    "angle": "Angle",
    "eccentricity": "Eccentricity",
    "solidity": "Solidity",
    "aspect_ratio": "Aspect ratio",
    "mean_intensity": "Mean intensity",
    "min_intensity": "Least intensity",
    "max_intensity": "Greatest intensity",
}
_FIRST = "area"


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
        self._asked = 0
        self._stale = True
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.measure)
        self._empty = EmptyState("ruler")
        self._empty.wanted.connect(lambda: self.step_wanted.emit(0))
        self.histogram = Histogram()
        self._body = QWidget()
        self._build()
        column = Column()
        column.body.addWidget(self._empty)
        column.body.addWidget(self._body)
        column.body.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(column)
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

        def take(measured: MeasuredImages) -> None:
            if asked == self._asked:
                self._take(measured)

        def work() -> MeasuredImages:
            return measure_items(export_items(project, entries))

        session.background.run(saved_first(document, work), take, lane="objects")

    def choose(self, name: str) -> None:
        """Show the histogram of one measurement, as ``"area"``."""
        for number in range(self._table.rowCount()):
            item = self._table.item(number, 0)
            if item is not None and item.data(Qt.ItemDataRole.UserRole).startswith(name):
                self._table.selectRow(number)
                return

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
        self._table = QTableWidget(0, 3)
        self._table.setHorizontalHeaderLabels([self.tr("Measurement"), self.tr("Mean"), self.tr("SD")])
        for number, side in enumerate((Qt.AlignmentFlag.AlignLeft, *[Qt.AlignmentFlag.AlignRight] * 2)):
            header = self._table.horizontalHeaderItem(number)
            if header is not None:
                header.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self._table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self._table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self._table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self._table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._table.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._table.setShowGrid(False)
        self._table.verticalHeader().hide()
        self._table.verticalHeader().setDefaultSectionSize(24)
        self._table.horizontalHeader().setHighlightSections(False)
        self._table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self._table.setColumnWidth(1, 68)
        self._table.setColumnWidth(2, 60)
        self._table.itemSelectionChanged.connect(self._on_chosen)
        objects, spread, out = Section(self.tr("Objects")), Section(self.tr("Distribution")), Section("")
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
        spread.body.addWidget(self.histogram)
        out.body.addWidget(button(self.tr("Export…"), self.export, "export", primary=True))
        out.body.addWidget(
            caption(self.tr("Label images, outlines, boxes or a table of all measurements, for other programs."))
        )
        column = QVBoxLayout(self._body)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        for section in (objects, spread, out):
            column.addWidget(section)

    def _take(self, measured: MeasuredImages | None) -> None:
        self._measured = measured
        self._show()

    def _show(self) -> None:
        measured, project = self._measured, self._session.project
        some = measured is not None and measured.objects > 0
        elsewhere = project is not None and any(entry.objects for entry in project.images)
        self._body.setVisible(some or elsewhere)
        self._empty.setVisible(not (some or elsewhere))
        if project is None:
            self._empty.say(self.tr("Open a folder of images first."))
        else:
            self._empty.say(
                self.tr("There are no objects to measure yet. Label or predict some first."), self.tr("Label cells")
            )
        if measured is None or not some:
            self._says.setText(self.tr("This image has no objects yet."))
            self._table.setRowCount(0)
            self.histogram.show_values(np.zeros(0), "")
        else:
            images = self.tr("1 image") if measured.images == 1 else self.tr("{0} images").format(measured.images)
            self._says.setText(self.tr("{0} objects in {1}").format(f"{measured.objects:,}", images))
            self._fill(measured)
        self._pixels.setVisible(
            project is not None
            and not project.read_only
            and any(project.entry(image_id).pixel_size_um is None for image_id in self._image_ids())
        )
        header = self._table.horizontalHeader().sizeHint().height()
        self._table.setFixedHeight(header + 24 * self._table.rowCount() + 2)

    def _fill(self, measured: MeasuredImages) -> None:
        chosen = self._chosen() or _FIRST
        names = shown_columns(measured)
        self._table.blockSignals(True)
        self._table.setRowCount(len(names))
        for number, name in enumerate(names):
            values = measured.columns[name][np.isfinite(measured.columns[name])]
            # A mean of directions says nothing: 1° and 179° are neighbours.
            some = len(values) > 0 and name != "angle"
            figures = (_figure(values.mean(), 4), _figure(values.std(), 3)) if some else ("–", "–")
            for column, text in enumerate((title(name, measured.units[name]), *figures)):
                item = QTableWidgetItem(text)
                item.setData(Qt.ItemDataRole.UserRole, name)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self._table.setItem(number, column, item)
        self._table.clearSelection()
        self._table.blockSignals(False)
        self.choose(chosen)

    def _chosen(self) -> str:
        items = self._table.selectedItems()
        return str(items[0].data(Qt.ItemDataRole.UserRole)) if items else ""

    def _on_chosen(self) -> None:
        name, measured = self._chosen(), self._measured
        if name and measured is not None and name in measured.columns:
            self.histogram.show_values(measured.columns[name], title(name, measured.units[name]))

    def _on_stale(self, *_anything: object) -> None:
        self._stale = True
        if self.isVisible() and not self._timer.isActive():
            self._timer.start(_PAUSE_MS)

    def showEvent(self, event: object) -> None:
        """Measure when the step is looked at."""
        if self._stale:
            self.measure()


def shown_columns(measured: MeasuredImages) -> list[str]:
    """Return the columns to show: micrometres instead of pixels where both are known for all objects."""
    names = []
    for name in measured.columns:
        physical = name.removesuffix("_px") + ("_um2" if name == "area_px" else "_um")
        if name.endswith("_px") and physical in measured.columns and np.isfinite(measured.columns[physical]).all():
            names.append(physical)
        elif not name.endswith(("_um", "_um2")):
            names.append(name)
    return names


def title(name: str, unit: str) -> str:
    """Return what a column is called, with its unit."""
    stem = name.removesuffix("_px").removesuffix("_um2").removesuffix("_um")
    words = _NAMES.get(stem, stem.replace("_", " ").capitalize())
    return f"{words}, {unit}" if unit else words


class Histogram(QWidget):
    """How the values of one measurement are spread."""

    def __init__(self) -> None:
        super().__init__()
        self._title = ""
        self._counts: NDArray[np.intp] = np.zeros(0, np.intp)
        self._edges: NDArray[np.float64] = np.zeros(0)
        self._median = 0.0
        self.setFixedHeight(132)
        on_theme(self, self.update)

    def show_values(self, values: NDArray[np.float64], name: str) -> None:
        """Show the values that are finite."""
        finite = values[np.isfinite(values)]
        self._title = name
        if len(finite):
            self._counts, self._edges = np.histogram(finite, min(_BINS, max(5, round(len(finite) ** 0.5) * 2)))
            self._median = float(np.median(finite))
        else:
            self._counts = np.zeros(0, np.intp)
        self.setToolTip(self.tr("{0}: median {1:.4g}").format(name, self._median) if len(finite) else "")
        self.update()

    def counts(self) -> list[int]:
        """Return the numbers of objects in the bars."""
        return [int(count) for count in self._counts]

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Draw bars, the median, and least and greatest value."""
        if not len(self._counts):
            return
        colours = tokens()
        painter = QPainter(self)
        font = self.font()
        font.setPixelSize(FONT_SECONDARY)
        painter.setFont(font)
        plot = QRectF(0, 18, self.width(), self.height() - 38)
        step = plot.width() / len(self._counts)
        tallest = self._counts.max()
        for number, count in enumerate(self._counts.tolist()):
            height = plot.height() * count / tallest
            bar = QRectF(plot.left() + number * step, plot.bottom() - height, max(1.0, step - 1), height)
            painter.fillRect(bar, colours.colour("accent"))
        painter.setPen(colours.colour("border"))
        painter.drawLine(plot.bottomLeft(), plot.bottomRight())
        low, high = float(self._edges[0]), float(self._edges[-1])
        at = plot.left() + plot.width() * (self._median - low) / max(high - low, 1e-12)
        painter.setPen(colours.colour("text"))
        painter.drawLine(QPointF(at, plot.top()), QPointF(at, plot.bottom()))
        painter.drawText(
            QRectF(0, 0, self.width(), 16),
            Qt.AlignmentFlag.AlignLeft,
            self.tr("{0}  ·  median {1:.4g}").format(self._title, self._median),
        )
        painter.setPen(colours.colour("secondary"))
        ends = QRectF(0, plot.bottom() + 3, self.width(), 16)
        painter.drawText(ends, Qt.AlignmentFlag.AlignLeft, f"{low:.4g}")
        painter.drawText(ends, Qt.AlignmentFlag.AlignRight, f"{high:.4g}")


def _figure(value: float, digits: int) -> str:
    """Return a number with so many significant digits, never as a power of ten while it can be read without."""
    return f"{value:.0f}" if 10**digits / 10 <= abs(value) < 1e7 else f"{value:.{digits}g}"

"""The table of the measurements of all objects together: mean and standard deviation of each."""

import math

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from segstudio.session.measuring import MeasuredImages

_NAMES = {
    "area": "Area",
    "length": "Length",
    "width": "Width",
    "perimeter": "Perimeter",
    "equivalent_diameter": "Equivalent diameter",
    "feret_max": "Feret diameter",
    "major_axis": "Major axis",
    "minor_axis": "Minor axis",
    "angle": "Angle",
    "eccentricity": "Eccentricity",
    "solidity": "Solidity",
    "aspect_ratio": "Aspect ratio",
    "mean_intensity": "Mean intensity",
    "min_intensity": "Minimum intensity",
    "max_intensity": "Maximum intensity",
}
_FIRST = "area"
_ROW_HEIGHT, _LEAST_WIDTH = 24, 60
_USUAL_DECIMALS, _MOST_DECIMALS = 4, 6
#: A spread below this share of the mean is rounding.
_NO_SPREAD = 1e-9


class MeasurementTable(QTableWidget):
    """One row for each measurement; one of them is chosen."""

    chosen_changed = Signal()
    """Another measurement is chosen."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self.setHorizontalHeaderLabels([self.tr("Measurement"), self.tr("Mean"), self.tr("SD")])
        for number, side in enumerate((Qt.AlignmentFlag.AlignLeft, *[Qt.AlignmentFlag.AlignRight] * 2)):
            header = self.horizontalHeaderItem(number)
            if header is not None:
                header.setTextAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_HEIGHT)
        self.horizontalHeader().setHighlightSections(False)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            self.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setMinimumSectionSize(_LEAST_WIDTH)
        self.itemSelectionChanged.connect(self.chosen_changed)

    def show_measured(self, measured: MeasuredImages | None) -> None:
        """Show other measurements, none for ``None``; the chosen one stays chosen."""
        if measured is None:
            self.setRowCount(0)
        else:
            self._fill(measured)
        header = self.horizontalHeader().sizeHint().height()
        self.setFixedHeight(header + _ROW_HEIGHT * self.rowCount() + 2)

    def choose(self, name: str) -> None:
        """Choose a measurement, as ``"area"``."""
        for number in range(self.rowCount()):
            item = self.item(number, 0)
            if item is not None and item.data(Qt.ItemDataRole.UserRole).startswith(name):
                self.selectRow(number)
                return

    def chosen(self) -> str:
        """Return the column of the chosen measurement, as ``"area_px"``; empty for none."""
        items = self.selectedItems()
        return str(items[0].data(Qt.ItemDataRole.UserRole)) if items else ""

    def _fill(self, measured: MeasuredImages) -> None:
        chosen = self.chosen() or _FIRST
        names = shown_columns(measured)
        self.blockSignals(True)
        self.setRowCount(len(names))
        for number, name in enumerate(names):
            values = measured.columns[name][np.isfinite(measured.columns[name])]
            # A mean of directions says nothing: 1° and 179° are neighbours.
            some = len(values) > 0 and name != "angle"
            figures = mean_and_sd(float(values.mean()), float(values.std())) if some else ("–", "–")
            for column, text in enumerate((title(name, measured.units[name]), *figures)):
                item = QTableWidgetItem(text)
                item.setData(Qt.ItemDataRole.UserRole, name)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.setItem(number, column, item)
        self.clearSelection()
        self.blockSignals(False)
        self.choose(chosen)


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


def figure(value: float, digits: int) -> str:
    """Return a number with so many significant digits, never as a power of ten while it can be read without."""
    return f"{value:.0f}" if 10**digits / 10 <= abs(value) < 1e7 else f"{value:.{digits}g}"


def mean_and_sd(mean: float, sd: float) -> tuple[str, str]:
    """Return both with the same decimals, as papers give them.

    They show three digits of the standard deviation, or two where three need more than four decimals.
    """
    if not math.isfinite(sd) or sd <= _NO_SPREAD * abs(mean):
        return figure(mean, 4), figure(sd, 3) if not math.isfinite(sd) else "0"
    first = -math.floor(math.log10(sd))
    decimals = max(min(first + 2, max(first + 1, _USUAL_DECIMALS)), 0)
    if decimals > _MOST_DECIMALS:
        return figure(mean, 4), figure(sd, 2)
    return f"{mean:.{decimals}f}", f"{sd:.{decimals}f}"

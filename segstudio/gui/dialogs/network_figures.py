"""A network in five sentences and a table of its layers."""

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QCheckBox, QFileDialog, QGridLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from segstudio.gui.dialogs.network_layers import LayerTree
from segstudio.gui.forms.parts import EmptyState, button, caption, row
from segstudio.gui.forms.plain import plain
from segstudio.io.atomic import write_atomic
from segstudio.jobs.network_report import NetworkReport
from segstudio.session.network_reports import NetworkReports
from segstudio.session.network_words import COLUMNS, Figure, as_csv, as_text, cells, figures
from segstudio.session.session import Session


class NetworkFigures(QWidget):
    """Shows the newest report of `reports`."""

    field_wanted = Signal(bool)
    """The user wants to see the receptive field on the image, or not any more."""

    def __init__(self, session: Session, reports: NetworkReports) -> None:
        super().__init__()
        self._session, self._reports = session, reports
        self._empty = EmptyState("tree-structure")
        self._bar = QProgressBar()
        self._bar.setRange(0, 0)
        policy = self._bar.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(policy)
        self._figures = QGridLayout()
        self._figures.setHorizontalSpacing(16)
        self._figures.setVerticalSpacing(6)
        self._figures.setColumnStretch(1, 1)
        self.tree = LayerTree(COLUMNS, lambda layer: cells(layer)[1:], words=2)
        self.on_image = QCheckBox(self.tr("Show the receptive field on the image"))
        self.on_image.setToolTip(self.tr("A square around the pointer, beside a circle as large as the median object"))
        self.on_image.toggled.connect(self.field_wanted)
        self._all = QWidget()
        self._build()
        reports.described.connect(self._show)
        self._show()

    def sentences(self) -> tuple[Figure, ...]:
        """Return what is said."""
        return figures(self._reports.report) if self._reports.report is not None else ()

    def _build(self) -> None:
        column = QVBoxLayout(self._all)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(self._figures)
        column.addWidget(self.on_image)
        column.addWidget(self.tree, 1)
        copy = button(self.tr("Copy all"), self._copy, "copy")
        copy.setToolTip(self.tr("Copies sentences and table; Ctrl+C in the table copies the selected rows"))
        save = button(self.tr("Save table…"), self._save, "export")
        for each in (copy, save):
            each.setAutoDefault(False)
        column.addLayout(row(copy, save, QWidget(), stretch=2))
        whole = QVBoxLayout(self)
        whole.setContentsMargins(12, 8, 12, 12)
        whole.setSpacing(4)
        for widget in (self._bar, self._empty):
            whole.addWidget(widget)
        whole.addWidget(self._all, 1)
        whole.addStretch(0)

    def _show(self) -> None:
        reports = self._reports
        self._bar.setVisible(reports.busy)
        self._all.setVisible(reports.report is not None)
        self._empty.setVisible(reports.report is None)
        if reports.report is None:
            self._empty.say(reports.error or self.tr("Looking at the network …"))
            return
        self._fill(reports.report)

    def _fill(self, report: NetworkReport) -> None:
        said = figures(report)
        if self._figures.count() == 0:
            for number, figure in enumerate(said):
                title = plain(QLabel(figure.title))
                title.setProperty("role", "heading")
                self._figures.addWidget(title, 2 * number, 0, Qt.AlignmentFlag.AlignTop)
                self._figures.addWidget(_sentence(""), 2 * number, 1)
                self._figures.addWidget(_sentence("warning"), 2 * number + 1, 1)
        for number, figure in enumerate(said):
            for line, words in ((2 * number, figure.text), (2 * number + 1, figure.warning)):
                place = self._figures.itemAtPosition(line, 1)
                label = place.widget() if place is not None else None
                if isinstance(label, QLabel):
                    label.setText(words)
                    label.setVisible(bool(words))
        self.tree.show_layers(report.layers, self.tr("Whole network"))

    def _copy(self) -> None:
        if self._reports.report is not None:
            QGuiApplication.clipboard().setText(as_text(self._reports.report))

    def _save(self) -> None:
        report = self._reports.report
        if report is None:
            return
        kinds = self.tr("Table (*.csv);;Text (*.txt)")
        chosen, _ = QFileDialog.getSaveFileName(self, self.tr("Save the table of layers"), "network.csv", kinds)
        if chosen:
            text = as_text(report) if chosen.endswith(".txt") else as_csv(report)
            self._session.background.run(lambda: write_atomic(Path(chosen), text.encode()))


def _sentence(role: str) -> QLabel:
    label = caption(role=role)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label

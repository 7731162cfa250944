"""Curves of the trainings: loss and scores over epochs or minutes, several runs over one another."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import ElidedLabel, EmptyState, on_theme
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.gui.panels.curve_plot import CurvePlot

#: Repainted at most so often, milliseconds.
_PAUSE_MS = 200


class CurvesPanel(QWidget):
    """Plots the runs that `session.jobs.curves` shows."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._curves = session.jobs.curves
        self._plot: CurvePlot | None = None
        self._figure = QComboBox()
        self._figure.setToolTip(self.tr("Which figures are plotted"))
        self._figure.setAccessibleName(self.tr("Figures"))
        for text, names in (
            (self.tr("Loss"), ("train_loss", "val_loss")),
            (self.tr("Scores on validation"), ("val_f1", "val_iou", "val_ap")),
            (self.tr("Learning rate"), ("learning_rate",)),
            (self.tr("Speed"), ("images_per_s",)),
        ):
            self._figure.addItem(text, names)
        self._axis = QComboBox()
        self._axis.addItem(self.tr("Epochs"), "epochs")
        self._axis.addItem(self.tr("Minutes"), "minutes")
        self._axis.setToolTip(self.tr("What runs to the right"))
        self._axis.setAccessibleName(self.tr("Axis to the right"))
        self._log = QCheckBox(self.tr("Log scale"))
        self._log.setToolTip(self.tr("Equal ways upwards mean equal factors"))
        self._hover = ElidedLabel()
        self._hover.setProperty("role", "secondary")
        self._runs, self._alone = "", True
        self._empty = EmptyState("chart-line")
        self._empty.say(
            self.tr(
                "Curves appear here a few seconds after a training has begun. To see those of an earlier one, choose "
                "it in the list of the step Train and press Show curves."
            )
        )
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.draw)
        self._build()
        self._figure.currentIndexChanged.connect(self._on_figure)
        self._axis.currentIndexChanged.connect(self.draw)
        self._log.toggled.connect(self.draw)
        self._curves.changed.connect(self._on_changed)
        self._curves.shown_changed.connect(self._on_shown)
        on_theme(self, self._on_theme)

    def draw(self) -> None:
        """Draw the curves anew."""
        shown = [run_id for run_id in self._curves.shown if self._curves.names(run_id)]
        self._pages.setCurrentIndex(1 if shown else 0)
        if not shown or not self.isVisible():
            return
        plot = self._ensure_plot()
        lines = plot.draw(
            self._curves, shown, self._figure.currentData(), self._axis.currentData(), self._log.isChecked()
        )
        self._mark(plot, shown)
        self._runs = ", ".join(self._curves.run_name(run_id) for run_id in shown)
        self._alone = len(shown) == 1
        self._show_values("")
        if not lines:
            self._hover.setText(self.tr("{0} does not report these figures.").format(self._runs))

    def _mark(self, plot: "CurvePlot", shown: list[str]) -> None:
        """Mark in the losses of a single run where something began that a finding tells of."""
        if len(shown) != 1 or "train_loss" not in self._figure.currentData():
            return
        for finding in self._session.doctor.findings(shown[0]) or ():
            if finding.epoch is not None and finding.mark:
                plot.mark(finding.epoch, finding.mark)

    def _show_values(self, words: str) -> None:
        """Say which trainings are plotted, and the values under the pointer; two runs name themselves in `words`."""
        named = f"{self._runs}  ·  {words}" if self._alone else words
        self._hover.setText(named if words else self._runs)

    def plotted(self) -> list[str]:
        """Return the labels of the lines that are drawn."""
        return self._plot.labels() if self._plot else []

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        for widget in (self._figure, self._axis, self._log):
            top.addWidget(widget)
        top.addStretch(1)
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(12, 8, 12, 8)
        self._column.setSpacing(4)
        self._column.addLayout(top)
        self._column.addWidget(self._hover)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(page)

    def _ensure_plot(self) -> "CurvePlot":
        if self._plot is None:
            # pyqtgraph is imported for the first curve only: the window starts without it.
            from segstudio.gui.panels.curve_plot import CurvePlot

            self._plot = CurvePlot(self.tr("best"))
            self._plot.hovered.connect(self._show_values)
            self._column.addWidget(self._plot, 1)
        return self._plot

    def _on_figure(self) -> None:
        self._log.setChecked(self._figure.currentIndex() == 2)
        self.draw()

    def _on_changed(self, run_id: str) -> None:
        if run_id in self._curves.shown and not self._timer.isActive():
            self._timer.start(_PAUSE_MS)

    def _on_shown(self) -> None:
        self._timer.start(0)

    def _on_theme(self) -> None:
        if self._plot is not None:
            self._plot.dress()
            self.draw()

    def showEvent(self, event: object) -> None:
        """Draw what came while nobody looked."""
        self.draw()

"""Curves of the trainings: loss and scores over epochs or minutes, several runs over one another."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer
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
        self._log = QCheckBox(self.tr("Log scale"))
        self._log.setToolTip(self.tr("Equal ways upwards mean equal factors"))
        self._hover = ElidedLabel()
        self._hover.setProperty("role", "secondary")
        self._hover.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._empty = EmptyState("chart-line")
        self._empty.say(self.tr("Curves appear here a few seconds after a training has begun."))
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
        self._hover.setText("" if lines else self.tr("This training does not report these figures."))

    def plotted(self) -> list[str]:
        """Return the labels of the lines that are drawn."""
        return self._plot.labels() if self._plot else []

    def _build(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(8)
        for widget in (self._figure, self._axis, self._log):
            top.addWidget(widget)
        top.addWidget(self._hover, 1)
        page = QWidget()
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(12, 8, 12, 8)
        self._column.setSpacing(4)
        self._column.addLayout(top)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(page)

    def _ensure_plot(self) -> "CurvePlot":
        if self._plot is None:
            # pyqtgraph is imported for the first curve only: the window starts without it.
            from segstudio.gui.panels.curve_plot import CurvePlot

            self._plot = CurvePlot(self.tr("best"))
            self._plot.hovered.connect(self._hover.setText)
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

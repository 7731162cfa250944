"""How a comparison stands: the table, the candidate at work, and the curves of all."""

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import ElidedLabel, caption, on_theme
from segstudio.gui.panels.bake_off_table import BakeOffTable
from segstudio.gui.theme import SPACING
from segstudio.jobs.messages import Message, Metric
from segstudio.jobs.run_folder import RunFolder
from segstudio.session.bake_off_record import Record, Row
from segstudio.session.bake_off_result import JUDGES, Judge, judge_called, standings, winner
from segstudio.session.curves import Curves
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.gui.panels.curve_plot import CurvePlot

#: The curves are painted at most so often, milliseconds.
_PAUSE_MS = 300
_FIGURE = "val_f1"


class BakeOffResult(QWidget):
    """The newest comparison of the project."""

    chosen = Signal()
    """Another candidate is chosen, or another measure decides."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._runner = session.bake_off.runner
        # Of its own: the curves of the drawer have the names of runs, here the candidates have theirs.
        self._curves = Curves()
        self._loaded: set[str] = set()
        self._gone = False
        self._plot: CurvePlot | None = None
        self.table = BakeOffTable()
        self.table.itemSelectionChanged.connect(self.chosen)
        self.measure = QComboBox()
        for judge in JUDGES:
            self.measure.addItem(judge.title, judge.key)
            self.measure.setItemData(self.measure.count() - 1, judge.says, Qt.ItemDataRole.ToolTipRole)
        self.measure.setAccessibleName(self.tr("What decides"))
        self._now, self._hover = ElidedLabel(), ElidedLabel()
        self._hover.setProperty("role", "secondary")
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._nothing = caption(self.tr("Curves appear a few seconds after the first candidate has begun to learn."))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._draw)
        self._build()
        self.measure.currentIndexChanged.connect(self._on_measure)
        session.jobs.message.connect(self._on_message)
        session.jobs.changed.connect(self._on_job)
        on_theme(self, self._on_theme)
        self.refresh()

    @property
    def judge(self) -> Judge:
        """The measure that decides."""
        return judge_called(str(self.measure.currentData()))

    def let_go(self) -> None:
        """Follow nothing any more."""
        self._gone = True
        self._timer.stop()
        self._session.jobs.message.disconnect(self._on_message)
        self._session.jobs.changed.disconnect(self._on_job)

    def refresh(self) -> None:
        """Show how the comparison stands now."""
        record = self._runner.record
        self.table.show_record(record, self.judge)
        if record is not None:
            self._load(record)
        self._show_now()
        self._timer.start(0)

    def winner(self) -> Row | None:
        """Return the candidate that has won; ``None`` before the end, and when chance may explain that one is ahead."""
        record = self._runner.record
        best = winner(standings(record, self.judge)) if record is not None and record.over else None
        return best.row if best is not None else None

    def wanted(self) -> Row | None:
        """Return the chosen candidate, the first of the table when none is chosen; ``None`` while none is scored."""
        record = self._runner.record
        if record is None:
            return None
        row = record.row(self.table.chosen())
        if row is not None and row.state == "done":
            return row
        return next((standing.row for standing in standings(record, self.judge)), None)

    def now(self) -> str:
        """Return what is said about the candidate at work."""
        return self._now.text()

    def plotted(self) -> list[str]:
        """Return the labels of the curves that are drawn."""
        return self._plot.labels() if self._plot is not None else []

    def _build(self) -> None:
        title = QLabel(self.tr("Judge by"))
        title.setBuddy(self.measure)
        top = QHBoxLayout()
        top.setSpacing(SPACING)
        work = QVBoxLayout()
        work.setSpacing(4)
        work.addWidget(self._now)
        work.addWidget(self._bar)
        top.addLayout(work, 1)
        top.addSpacing(SPACING)
        top.addWidget(title)
        top.addWidget(self.measure)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACING)
        self._column.addLayout(top)
        self._column.addWidget(self.table)
        for words in (self._hover, self._nothing):
            self._column.addWidget(words)
        # Takes the room until there is a plot.
        self._column.addStretch(0)

    def _load(self, record: Record) -> None:
        """Read what the candidates have learned before this window was opened."""
        titles = short_titles(record)
        for row in record.rows:
            self._curves.name_run(row.run, titles[row.run])
            if row.run in self._loaded or row.state == "waiting" or self._runner.path is None:
                continue
            self._loaded.add(row.run)
            self._read(row.run)

    def _read(self, run: str) -> None:
        folder = RunFolder(self._runner.base / run)

        def take(events: list[Message]) -> None:
            if self._gone:
                return
            for message in events:
                if isinstance(message, Metric):
                    self._curves.add(run, message)
            self._timer.start(0)

        self._session.background.run(folder.events, take, lane="jobs")

    def _on_message(self, job_id: str, message: Message) -> None:
        record = self._runner.record
        if isinstance(message, Metric) and record is not None and record.row(job_id) is not None:
            self._curves.add(job_id, message)
            if not self._timer.isActive():
                self._timer.start(_PAUSE_MS)

    def _on_job(self, _job_id: str) -> None:
        self._show_now()

    def _show_now(self) -> None:
        row, record = self._runner.current, self._runner.record
        words, share = self._session.jobs.summary()
        self._bar.setVisible(row is not None)
        if row is None or record is None:
            stopped = record is not None and not record.over
            self._now.setText(self.tr("Stopped; Go on takes it up where it was.") if stopped else "")
            return
        place = 1 + record.rows.index(row)
        says = self.tr("{0} of {1}: {2}").format(place, len(record.rows), row.title)
        self._now.setText(f"{says}  ·  {words}" if words else says)
        self._bar.setRange(0, 0 if share is None else 100)
        self._bar.setValue(0 if share is None else round(100 * share))

    def _draw(self) -> None:
        record = self._runner.record
        runs = [row.run for row in record.rows if self._curves.names(row.run)] if record is not None else []
        self._nothing.setVisible(not runs and record is not None and not record.over)
        self._hover.setVisible(bool(runs))
        if not runs or not self.isVisible():
            return
        plot = self._ensure_plot()
        plot.draw(self._curves, runs, (_FIGURE,), "minutes", log=False)
        self._say_hover("")

    def _say_hover(self, words: str) -> None:
        self._hover.setText(
            words or self.tr("F1 at 0.5 on validation images while they learned, measured quickly: the table decides")
        )

    def _ensure_plot(self) -> "CurvePlot":
        if self._plot is None:
            # pyqtgraph is imported for the first curve only: the window starts without it.
            from segstudio.gui.panels.curve_plot import CurvePlot

            self._plot = CurvePlot(self.tr("best"))
            self._plot.hovered.connect(self._say_hover)
            self._column.addWidget(self._plot, 1)
        return self._plot

    def _on_measure(self) -> None:
        self.refresh()
        self.chosen.emit()

    def _on_theme(self) -> None:
        if self._plot is not None:
            self._plot.dress()
        self.refresh()

    def showEvent(self, event: object) -> None:
        """Draw what came while nobody looked."""
        self._timer.start(0)


def short_titles(record: Record) -> dict[str, str]:
    """Return what candidates are called in a plot, by run: without the network where all have the same."""
    networks = {row.candidate.architecture.name for row in record.rows if row.candidate.architecture is not None}
    if len(networks) > 1:
        return {row.run: row.title for row in record.rows}
    return {row.run: row.title.partition(" · ")[0] for row in record.rows}

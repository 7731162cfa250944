"""Finding a learning rate: a test of a minute, its curve, and the button that takes the rate."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QProgressBar

from segstudio.gui.forms.parts import Section, button, caption, row, tool_button
from segstudio.gui.panels.rate_plot import RatePlot
from segstudio.gui.reading_only import allow
from segstudio.session.session import Session


class RatesSection(Section):
    """Starts a learning-rate range test and shows what it finds; only a button until somebody asks."""

    wanted = Signal()
    """The user wants a test with the settings of the form."""
    taken = Signal(float)
    """The user takes this learning rate."""

    def __init__(self, session: Session) -> None:
        super().__init__(" ")
        self._session = session
        self._in_form: float | None = None
        self.title.setText(self.tr("Learning rate"))
        self._find = button(self.tr("Find a learning rate"), self.wanted.emit, "gauge")
        self._does = self.tr(
            "Learns for 100 steps with a rising rate and shows which one suits these images. Takes a minute or "
            "more; no model comes of it."
        )
        self._stop = button(self.tr("Stop"), session.rates.stop, "stop")
        self._close = tool_button("x", self.tr("Close"), session.rates.forget)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setRange(0, 100)
        self._plot = RatePlot()
        self._says = caption(role="")
        self._take = button("", self._on_take, "check")
        self.body.removeWidget(self.title)
        self.body.addLayout(row(self.title, self._close, stretch=0))
        for widget in (self._bar, self._plot, self._says):
            self.body.addWidget(widget)
        self.body.addLayout(row(self._take, self._stop, self._find))
        session.rates.changed.connect(self.refresh)
        session.project_changed.connect(lambda _project: self.refresh())
        session.jobs.changed.connect(self._on_job)
        self.refresh()

    def words(self) -> str:
        """Return what is said about the test."""
        return self._says.text()

    def refresh(self) -> None:
        """Show how far the test is, and what it found."""
        rates = self._session.rates
        if rates.suggested is None:
            self._in_form = None
        running, begun = rates.state == "running", rates.state != "none"
        known = len(rates.curve[0]) > 0
        self.title.setVisible(begun)
        self._close.setVisible(begun and not running)
        self._bar.setVisible(running)
        self._bar.setValue(round(100 * rates.share))
        self._plot.setVisible(begun and known)
        self._plot.show_curve(rates.curve, rates.suggested)
        self._says.setText(self._words())
        self._says.setVisible(begun)
        self._stop.setVisible(running)
        self._find.setVisible(not running)
        allow(self._find, self._session, tip=self._does)
        self._find.setText(self.tr("Find it again") if begun else self.tr("Find a learning rate"))
        self._take.setVisible(rates.suggested is not None)
        self._take.setText(self.tr("Use {0}").format(f"{rates.suggested:g}" if rates.suggested is not None else ""))

    def _words(self) -> str:
        rates = self._session.rates
        if rates.suggested is not None and rates.suggested == self._in_form:
            words = self.tr("The form has a rate of {0} now, under Advanced › Training.")
            return words.format(f"{rates.suggested:g}")
        if rates.suggested is not None:
            return self.tr("The loss falls well at a rate of {0}.").format(f"{rates.suggested:g}")
        states = {
            "running": self.tr("Trying learning rates …"),
            "stopped": self.tr("Stopped before anything could be told."),
        }
        return rates.problem or states.get(rates.state, "")

    def _on_take(self) -> None:
        if self._session.rates.suggested is not None:
            self._in_form = self._session.rates.suggested
            self.taken.emit(self._session.rates.suggested)
            self.refresh()

    def _on_job(self, _job_id: str) -> None:
        if self._session.rates.state == "running":
            self._bar.setValue(round(100 * self._session.rates.share))

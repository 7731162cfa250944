"""The window of a comparison: choose candidates and time, watch them, take one."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from segstudio.core.errors import UserError
from segstudio.gui.forms.parts import button, caption
from segstudio.gui.forms.plain import plain
from segstudio.gui.panels.bake_off_result import BakeOffResult
from segstudio.gui.panels.bake_off_setup import BakeOffSetup
from segstudio.gui.theme import SPACING, SPACING_GROUP
from segstudio.session.bake_off_record import Record, Row
from segstudio.session.bake_off_result import verdict
from segstudio.session.job_specs import SplitSummary, TrainingWish, saved_first, split_summary
from segstudio.session.project_bake_off import BakeOffWish
from segstudio.session.session import Session

_SIZE = QSize(1200, 720)


class BakeOffDialog(QDialog):
    """Compares ways to learn on the images of the project.

    Parameters
    ----------
    wish
        Returns what the Train form says: its settings hold for all candidates.
    """

    taken = Signal(str)
    """Run of the candidate whose model the user takes."""

    def __init__(self, session: Session, wish: Callable[[], TrainingWish], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._wish = session, wish
        self._runner = session.bake_off.runner
        self._busy = self._gone = False
        self.setWindowTitle(self.tr("Compare networks"))
        self.resize(_SIZE)
        self.setup = BakeOffSetup()
        self.standing = BakeOffResult(session)
        self.pages = QStackedWidget()
        self.pages.addWidget(self.setup)
        self.pages.addWidget(self.standing)
        self._title, self._says = plain(QLabel()), caption()
        self._title.setProperty("role", "title")
        self._title.setWordWrap(True)
        self._error = caption(role="error")
        self._start = button(self.tr("Compare"), self.start, "play", primary=True)
        self._last = button(self.tr("Last result"), self.show_result, "list-numbers")
        self._new = button(self.tr("New comparison…"), self.show_setup, "plus")
        self._stop_one = button(self.tr("Stop this one"), self._runner.stop_current, "skip-forward")
        self._stop = button(self.tr("Stop comparing"), self._runner.halt, "stop")
        self._go_on = button(self.tr("Go on"), self._runner.go_on, "play")
        self._take = button(self.tr("Take a model"), self.take, "check", primary=True)
        self._close = button(self.tr("Close"), self.close)
        for widget, tip in (
            (self._start, self.tr("Trains the candidates one after the other, on the labels as they are now")),
            (self._last, self.tr("Shows the newest comparison of this project")),
            (
                self._new,
                self.tr("Choose candidates anew; the models of this comparison stay in the list"),
            ),
            (self._stop_one, self.tr("Scores what this candidate has learned so far, and begins the next one")),
            (self._stop, self.tr("Stops at a checkpoint; Go on takes it up there, also after a restart")),
            (self._go_on, self.tr("Takes the comparison up where it was stopped")),
        ):
            widget.setToolTip(tip)
        self._build()
        self._connect()
        if self._runner.record is not None:
            self.show_result()
        else:
            self.show_setup()

    def show_setup(self) -> None:
        """Show the choices of a new comparison."""
        self.pages.setCurrentWidget(self.setup)
        self._count_labels()
        self._refresh()

    def show_result(self) -> None:
        """Show the newest comparison."""
        self.pages.setCurrentWidget(self.standing)
        self.standing.table.setFocus()
        self._refresh()

    def start(self) -> None:
        """Begin the comparison that is chosen, as soon as every label is in its file."""
        if self._busy or self.setup.problem:
            return
        try:
            wish = BakeOffWish(self.setup.chosen(), self.setup.minutes_each(), self._wish())
        except UserError as error:
            self._say(str(error))
            return

        def begun() -> None:
            self._busy = False
            if self._gone:
                return
            self.show_result()

        def failed(error: UserError) -> None:
            self._busy = False
            if self._gone:
                self._session.report(error)
                return
            self._say(str(error))
            self._refresh()

        self._busy = True
        self._say("")
        self._refresh()
        self._session.bake_off.start(wish, begun, failed)

    def take(self) -> None:
        """Take the chosen candidate, the first of the table when none is chosen."""
        row = self.standing.wanted()
        if row is not None:
            self.taken.emit(row.run)

    def _build(self) -> None:
        head = QVBoxLayout()
        head.setSpacing(4)
        head.addWidget(self._title)
        head.addWidget(self._says)
        feet = QHBoxLayout()
        feet.setSpacing(SPACING)
        for widget in (self._last, self._new, self._stop_one, self._stop, self._go_on):
            widget.setAutoDefault(False)
            feet.addWidget(widget)
        feet.addStretch(1)
        self._close.setAutoDefault(False)
        for widget in (self._close, self._take, self._start):
            feet.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(SPACING_GROUP)
        column.addLayout(head)
        column.addWidget(self.pages, 1)
        column.addWidget(self._error)
        column.addLayout(feet)
        self._error.hide()

    def _connect(self) -> None:
        session = self._session
        self.setup.changed.connect(self._refresh)
        self.standing.chosen.connect(self._refresh)
        self._runner.changed.connect(self._on_record)
        session.jobs.catalogue_changed.connect(self._on_catalogue)
        session.runs.changed.connect(self._refresh)
        session.project_changed.connect(self._on_project)
        session.jobs.want_catalogue()
        self._on_catalogue()

    def _let_go(self) -> None:
        """Follow nothing any more: all of it outlives this window."""
        session = self._session
        if self._gone:
            return
        self._gone = True
        self._runner.changed.disconnect(self._on_record)
        session.jobs.catalogue_changed.disconnect(self._on_catalogue)
        session.runs.changed.disconnect(self._refresh)
        session.project_changed.disconnect(self._on_project)
        self.standing.let_go()

    def done(self, result: int) -> None:
        self._let_go()
        super().done(result)

    def _on_catalogue(self) -> None:
        self.setup.show_catalogue(self._session.jobs.catalogue)

    def _on_project(self, _project: object) -> None:
        self._let_go()  # a dialog that is hidden already, as its window is, closes without a word
        self.close()

    def _on_record(self) -> None:
        self.standing.refresh()
        self._refresh()

    def _count_labels(self) -> None:
        session, project = self._session, self._session.project
        if project is None:
            return

        def take(summary: SplitSummary) -> None:
            if project is session.project and not self._gone:
                self.setup.show_summary(summary)

        session.background.run(saved_first(session.document, lambda: split_summary(project)), take, lane="jobs")

    def _refresh(self) -> None:
        record, running = self._runner.record, self._runner.running
        chooses = self.pages.currentWidget() is self.setup
        self._say_head(record)
        if self._session.project is not None and self._session.project.read_only:
            self._say(self.tr("The project is open for reading only: nothing can be trained in it."))
        self._start.setVisible(chooses)
        self._start.setEnabled(not self._busy and not self.setup.problem and not running and self._can_write())
        self._start.setText(self.tr("Saving the labels …") if self._busy else self.tr("Compare"))
        self._last.setVisible(chooses and record is not None)
        self._new.setVisible(not chooses)
        self._new.setEnabled(not running)
        self._stop.setVisible(not chooses and running)
        self._stop_one.setVisible(not chooses and running)
        self._go_on.setVisible(not chooses and not running and record is not None and not record.over)
        self._go_on.setEnabled(self._can_write())
        wanted = self.standing.wanted()
        self._take.setVisible(not chooses)
        run = self._session.runs.run(wanted.run) if wanted is not None else None
        self._take.setEnabled(run is not None and run.has_model)
        self._say_take(wanted)

    def _say_take(self, wanted: Row | None) -> None:
        """Name what is taken: a winner only where there is one."""
        if wanted is None:
            words = self.tr("Take a model")
        elif wanted == self.standing.winner():
            words = self.tr("Take the winner")
        else:
            words = self.tr("Take {0}").format(wanted.title)
        self._take.setText(words)
        does = self.tr("Predicts with this model from now on, and fills the Train form with its settings.")
        choose = self.tr("Choose a row to take another one.")
        self._take.setToolTip(f"<p>{does} {choose}</p>")

    def _can_write(self) -> bool:
        project = self._session.project
        return project is not None and not project.read_only

    def _say_head(self, record: Record | None) -> None:
        if self.pages.currentWidget() is self.setup:
            self._title.setText(self.tr("Which way of learning is best on your images?"))
            self._says.setText(
                self.tr("Each candidate learns for the same time, one after the other; then all are scored alike.")
            )
        elif record is not None:
            # Qt breaks a line at a hyphen, as in U-Net.
            self._title.setText(verdict(record, self.standing.judge).replace("-", "\N{NON-BREAKING HYPHEN}"))
            words = self.tr("{0}: {1} candidates, {2:g} min each")
            self._says.setText(words.format(record.name, len(record.rows), round(record.minutes, 2)))

    def _say(self, text: str) -> None:
        self._error.setText(text)
        self._error.setVisible(bool(text))

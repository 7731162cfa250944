"""The model that a training starts from, and what of it cannot be taken as it is."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from segstudio.core.errors import UserError
from segstudio.gui.forms.parts import caption
from segstudio.gui.panels.choice_line import ChoiceLine
from segstudio.gui.panels.model_box import ModelBox
from segstudio.jobs.spec import TrainJob
from segstudio.session.job_specs import TrainingWish
from segstudio.session.runs import Run
from segstudio.session.session import Session
from segstudio.session.start_models import sight, start_note, start_problem
from segstudio.session.weights_taking import WeightsTaking


class StartModel(QWidget):
    """Scratch, or a model of the project or of a folder; those that do not fit are grey and say why.

    Parameters
    ----------
    chosen
        Returns what the training is to have: formulation, architecture (empty while there is none), and channels as
        the setting says them.
    wish
        Returns all that the form says; raises `WrongUsage` while there is no network.
    """

    changed = Signal()
    """The user has chosen another one."""

    def __init__(
        self, session: Session, chosen: Callable[[], tuple[str, str, str]], wish: Callable[[], TrainingWish]
    ) -> None:
        super().__init__()
        self._session, self._chosen, self._wish = session, chosen, wish
        self.box = ModelBox(
            session,
            lambda run: run.name,  # nothing before it: the names of models are told apart in little room
            self.tr("Scratch"),
            self._unfit,
            weights=True,
        )
        self._weights = WeightsTaking(lambda: session.project, session.jobs, session.runs, session.background)
        self._weights.noticed.connect(lambda notice: session.noticed.emit(notice))
        self._weights.taken.connect(self.box.take)
        self.box.weights_wanted.connect(self._ask_weights)
        self.box.chosen.connect(self._on_chosen)
        says = self.tr("The next training starts from scratch.")
        self.box.dropped.connect(lambda reason: session.notice(says, reason, "warning"))
        self._says = caption()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(ChoiceLine(self.tr("Start from"), self.box))
        column.addWidget(self._says)

    @property
    def run(self) -> Run | None:
        """The training that made it; ``None`` for scratch."""
        return self._session.runs.run(self.box.run_id())

    def show_of(self, job: TrainJob) -> None:
        """Choose what an earlier training started from."""
        start = next((run.id for run in self._session.runs.all if run.model == job.start_from), "")
        self.box.refill(start)
        self.say()

    def refresh(self) -> None:
        """Bring the models up to date, and what fits of them."""
        self.box.refill()
        self.say()

    def say(self) -> None:
        """Say what cannot be taken as it is."""
        session, catalogue, run, note = self._session, self._session.jobs.catalogue, self.run, ""
        if run is not None and catalogue is not None:
            formulation, _, wanted = self._chosen()
            channels = sight(session.project.images, wanted) if session.project is not None else 0
            note = start_note(run, formulation, channels, catalogue)
        self._says.setText(note)
        self._says.setVisible(bool(note))

    def _unfit(self, run: Run) -> str:
        """Return why the training cannot start from a model."""
        catalogue = self._session.jobs.catalogue
        if catalogue is None:
            return ""
        formulation, architecture, _ = self._chosen()
        return start_problem(run, formulation, architecture, catalogue)

    def _ask_weights(self) -> None:
        """Ask for weights of another program, and make a model of them for the network that is chosen."""
        session = self._session
        kinds = self.tr("Weights of PyTorch (*.pt *.pth);;All files (*)")
        name, _ = QFileDialog.getOpenFileName(self, self.tr("Weights to start from"), "", kinds)
        if not name or session.project is None:
            return
        try:
            self._weights.take(Path(name), self._wish(), sight(session.project.images, self._chosen()[2]))
        except UserError as error:
            session.report(error)

    def _on_chosen(self) -> None:
        self.say()
        self.changed.emit()

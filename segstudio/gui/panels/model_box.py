"""Chooses a model: one of the project, or one that lies in a folder elsewhere."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QFileDialog, QWidget

from segstudio.gui.forms.editors import CalmComboBox
from segstudio.gui.forms.plain import plain_tip
from segstudio.session.runs import Run
from segstudio.session.session import Session

_ELSEWHERE, _WEIGHTS = "elsewhere", "weights"
_ACTIONS = (_ELSEWHERE, _WEIGHTS)


class ModelBox(CalmComboBox):
    """The models of the project by the id of their run; its last entries take one from elsewhere.

    Parameters
    ----------
    nothing
        Words for the entry without a model (data ``""``); none without words.
    words
        Words for the model of one run.
    unfit
        Why a model cannot be chosen now, empty when it can; it is grey then and says so.
    weights
        Whether one can be made of the weights of another program.
    """

    chosen = Signal()
    """The user has chosen another model."""
    weights_wanted = Signal()
    """The user wants a model made of weights in a file."""
    dropped = Signal(str)
    """The model that was chosen does not fit any more, for this reason; nothing is chosen now."""

    def __init__(
        self,
        session: Session,
        words: Callable[[Run], str],
        nothing: str = "",
        unfit: Callable[[Run], str] = lambda _run: "",
        *,
        weights: bool = False,
    ) -> None:
        super().__init__()
        self._session, self._words, self._nothing, self._unfit = session, words, nothing, unfit
        self._takes_weights = weights
        self._wanted = ""
        self.currentIndexChanged.connect(self._on_index)
        self.activated.connect(self._on_activated)

    def refill(self, run_id: str | None = None) -> None:
        """Show the models that there are now; `run_id` is chosen, else the one that was."""
        wanted = self._wanted if run_id is None else run_id
        self.blockSignals(True)
        self.clear()
        if self._nothing:
            self.addItem(self._nothing, "")
        reasons = {run.id: self._unfit(run) for run in self._session.runs.all if run.has_model}
        for run in self._session.runs.all:
            if run.has_model:
                self.addItem(self._words(run), run.id)
                self._say(self.count() - 1, reasons[run.id])
        dropped = reasons.get(wanted, "")
        wanted = "" if dropped else wanted
        self.insertSeparator(self.count())
        if self._takes_weights:
            self.addItem(self.tr("Weights from a file…"), _WEIGHTS)
            tip = self.tr("Weights of PyTorch (.pt, .pth) that another program learned, for the network chosen here")
            self.setItemData(self.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.addItem(self.tr("Model from a folder…"), _ELSEWHERE)
        self.setCurrentIndex(max(0, self.findData(wanted)))
        self.blockSignals(False)
        self._take(self.currentIndex())
        if dropped:
            self.dropped.emit(dropped)

    def _say(self, row: int, reason: str) -> None:
        """Grey an entry that cannot be chosen, and let it tell why."""
        model = self.model()
        if reason and isinstance(model, QStandardItemModel):
            model.item(row).setEnabled(False)
        self.setItemData(row, plain_tip(reason or self.itemText(row)), Qt.ItemDataRole.ToolTipRole)

    def run_id(self) -> str:
        """Return the run of the model that is chosen; empty for none."""
        return self._wanted

    def _take(self, row: int) -> None:
        data = self.itemData(row)
        self._wanted = data if isinstance(data, str) and data not in _ACTIONS else ""
        self.setToolTip(plain_tip(self.itemText(row)))  # a long name has no room in the box

    def _on_index(self, row: int) -> None:
        if self.itemData(row) not in _ACTIONS:
            self._take(row)
            self.chosen.emit()

    def _on_activated(self, row: int) -> None:
        if self.itemData(row) == _ELSEWHERE:
            self.refill()
            ask_model(self._session, self, self.take)
        elif self.itemData(row) == _WEIGHTS:
            self.refill()
            self.weights_wanted.emit()

    def take(self, run_id: str) -> None:
        """Choose a model that has come from elsewhere."""
        self.refill(run_id)
        self.chosen.emit()


def ask_model(session: Session, parent: QWidget, then: Callable[[str], None]) -> None:
    """Ask for the folder of a model and copy it into the project; `then` gets the id of its run."""
    folder = QFileDialog.getExistingDirectory(parent, parent.tr("Folder of a model or of a training"))
    if not folder:
        return

    def say(run_id: str, added: tuple[str, ...]) -> None:
        run = session.runs.run(run_id)
        if run is not None:
            news = parent.tr("The model {0} is in this project.").format(run.name)
            if added:
                news += parent.tr(" It finds classes that are new here: {0}.").format(", ".join(added))
            session.notice(news, parent.tr("The list of trainings in Train renames and deletes it."), "good")
            then(run_id)

    session.runs.import_model(Path(folder), say)

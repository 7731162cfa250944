"""The trainings of the project: how good each is, and what can be done with it."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QInputDialog,
    QListWidget,
    QListWidgetItem,
    QMessageBox,
)

from segstudio.gui.forms.parts import Section, button, caption, row, tool_button
from segstudio.gui.forms.plain import plain, plain_tip
from segstudio.gui.panels.score_words import score_words
from segstudio.gui.reading_only import allow
from segstudio.session.curves import epoch_words
from segstudio.session.runs import Run
from segstudio.session.session import Session
from segstudio.session.training_longer import longer, more_time

_RUN_ID = Qt.ItemDataRole.UserRole
_ROWS_SHOWN = 5
_ROW_HEIGHT = 40


class RunList(Section):
    """Lists runs; several can be chosen and compared."""

    compare_wanted = Signal()
    """The curves are to be seen: of the chosen runs, or of one that goes on."""

    def __init__(self, session: Session) -> None:
        super().__init__("")
        self._session = session
        self.title.setText(self.tr("Trainings"))
        self.list = QListWidget()
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.itemSelectionChanged.connect(self._on_selection)
        self._none = caption(self.tr("Models that you train appear here."))
        self._compare = button(self.tr("Compare curves"), self.compare, "chart-line")
        self._resume = button(self.tr("Go on"), self.resume, "play")
        self._rename = tool_button("pencil-simple", self.tr("Rename"), self.rename)
        self._delete = tool_button("trash", self.tr("Delete"), self.delete)
        self.body.removeWidget(self.title)
        self.body.addLayout(row(self.title, self._rename, self._delete, stretch=0))
        self.title.show()
        for widget in (self._none, self.list):
            self.body.addWidget(widget)
        self.body.addLayout(row(self._compare, self._resume, stretch=0))
        session.runs.changed.connect(self.refresh)
        session.runs.improved.connect(self.refresh)
        session.jobs.catalogue_changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the runs of the project; what was chosen stays chosen."""
        chosen = {run.id for run in self.selected()}
        runs = self._session.runs.all
        self.list.blockSignals(True)
        self.list.clear()
        for run in runs:
            item = QListWidgetItem(f"{run.name}\n{self._says(run)}")
            item.setData(_RUN_ID, run.id)
            item.setSizeHint(QSize(0, _ROW_HEIGHT))
            item.setToolTip(plain_tip(self._tip(run)))
            self.list.addItem(item)
            item.setSelected(run.id in chosen)
        self.list.blockSignals(False)
        self.list.setFixedHeight(min(len(runs), _ROWS_SHOWN) * _ROW_HEIGHT + 2)
        self.list.setVisible(bool(runs))
        self._none.setVisible(not runs)
        self._on_selection()

    def selected(self) -> list[Run]:
        """Return the chosen runs, from top to bottom."""
        items = sorted(self.list.selectedItems(), key=self.list.row)
        return [run for item in items if (run := self._session.runs.run(item.data(_RUN_ID))) is not None]

    def compare(self) -> None:
        """Show the curves of the chosen runs over one another."""
        self._session.runs.compare(self.selected())
        self.compare_wanted.emit()

    def resume(self) -> None:
        """Go on with the chosen run; with one that is finished, for as long again."""
        for run in self.selected()[:1]:
            if longer(run) is not None:
                self._session.runs.train_longer(run)
            else:
                self._session.runs.resume(run)
            self.compare_wanted.emit()

    def rename(self) -> None:
        """Ask for another name of the chosen run."""
        for run in self.selected()[:1]:
            name, agreed = QInputDialog.getText(self, self.tr("Rename"), self.tr("Name of the model"), text=run.name)
            if agreed and name.strip():
                self._session.runs.rename(run, name.strip())

    def delete(self) -> None:
        """Delete the chosen runs, after naming what will be lost."""
        runs = self.selected()
        names = ", ".join(run.name for run in runs)
        if not runs:
            return
        box = QMessageBox(self)
        box.setObjectName("delete-models")
        box.setWindowTitle(self.tr("Delete models"))
        box.setText(self.tr("Delete {0}?").format(names))
        box.setInformativeText(
            self.tr("The trained models are lost; labels and predictions stay.")
            if any(run.has_model for run in runs)
            else self.tr("There is no model in it: only its curves and its log are lost.")
        )
        plain(box)
        delete = box.addButton(self.tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        box.exec()
        if box.clickedButton() is delete:
            for run in runs:
                self._session.runs.delete(run)

    def _on_selection(self) -> None:
        runs = self.selected()
        active = any(run.active for run in runs)
        self._compare.setVisible(bool(runs))
        self._compare.setText(self.tr("Compare curves") if len(runs) > 1 else self.tr("Show curves"))
        for widget in (self._resume, self._rename, self._delete):
            widget.setVisible(bool(runs))
        lengthens = len(runs) == 1 and longer(runs[0]) is not None
        self._resume.setText(self.tr("Train longer") if lengthens else self.tr("Go on"))
        goes_on = len(runs) == 1 and (runs[0].resumable or lengthens)
        allow(self._resume, self._session, possible=goes_on, tip=self._about_going_on(runs))
        allow(self._rename, self._session, possible=len(runs) == 1, tip=self.tr("Rename"))
        allow(self._delete, self._session, possible=not active, tip=self.tr("Delete"))

    def _about_going_on(self, runs: list[Run]) -> str:
        """Return what Go on does, or why it cannot."""
        if len(runs) != 1 or runs[0].resumable or runs[0].active:
            return self.tr("Go on with this training from its newest checkpoint")
        if longer(runs[0]) is not None:
            more = more_time(runs[0])
            return self.tr(
                "Go on from its end for another {0}. The best weights stay until there are better ones"
            ).format(more)
        if runs[0].status == "done" and runs[0].best is not None:
            return self.tr(
                "It is finished: it has used its time, or got no better any more. To train it further, choose it at "
                "Start from"
            )
        if runs[0].has_model:
            return self.tr("It has no checkpoint to go on from: choose it at Start from to train it further")
        return self.tr("It ended before its first checkpoint: train again")

    def _says(self, run: Run) -> str:
        states = {
            "waiting": self.tr("waits"),
            "running": self.tr("is training"),
            "paused": self.tr("paused"),
            "done": "",
            "stopped": self.tr("stopped"),
            "failed": self.tr("failed"),
            "died": self.tr("was interrupted"),
        }
        words = [score_words(run)]
        words += [states[run.status], run.error.message] if run.error else [*self._titles(run)[:1], states[run.status]]
        return "  ·  ".join(word for word in words if word)

    def _titles(self, run: Run) -> tuple[str, ...]:
        """Return what formulation and network are called; nothing until the engine has told it."""
        catalogue, job = self._session.jobs.catalogue, run.job
        if catalogue is None:
            return ()
        titles = {offer.name: offer.title for offer in (*catalogue.formulations, *catalogue.architectures)}
        return tuple(titles.get(name, name) for name in (job.formulation.name, job.architecture.name))

    def _tip(self, run: Run) -> str:
        train = sum(sample.split == "train" for sample in run.job.samples)
        words = [
            run.name,
            ", ".join(self._titles(run)),
            self.tr("{0} training images, {1} for validation").format(
                train, sum(sample.split == "val" for sample in run.job.samples)
            ),
        ]
        if "f1" in run.scores:
            words.append(
                self.tr("F1 {0:.2f}: on the validation images, with the settings that find objects best there").format(
                    run.scores["f1"]
                )
            )
        elif run.psnr is not None:
            words.append(self.tr("{0}: how near what it makes is to the targets").format(score_words(run)))
        elif run.f1 is not None:
            words.append(self.tr("F1 {0:.2f}: while it trained, with quick settings").format(run.f1))
        if run.error is not None:
            words.append(self.tr("failed: {0}").format(f"{run.error.message} {run.error.hint}".strip()))
        if run.best is not None:
            words.append(self.tr("best after epoch {0}").format(epoch_words(run.best.epoch)))
        return "\n".join(word for word in words if word)

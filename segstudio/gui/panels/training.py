"""The step Train: what to train, on which images, with which settings; then the read-out of the running training."""

from collections.abc import Mapping

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.core.errors import UserError
from segstudio.gui.forms.parts import Column, EmptyState, Footer, button, caption, row
from segstudio.gui.later import later
from segstudio.gui.panels.doctor import DoctorSection
from segstudio.gui.panels.rates import RatesSection
from segstudio.gui.panels.training_advice import TrainingAdvice
from segstudio.gui.panels.training_live import LiveTraining
from segstudio.gui.panels.training_runs import RunList
from segstudio.gui.panels.training_setup import TrainingSetup
from segstudio.gui.reading_only import allow
from segstudio.jobs.spec import TrainJob
from segstudio.project.left_out import left_out_words
from segstudio.session.job_specs import (
    ALL_SET_ASIDE,
    SplitSummary,
    all_saved_first,
    saved_first,
    split_summary,
    training_job,
)
from segstudio.session.offers import no_network
from segstudio.session.session import Session

#: The labels are counted again at most so often, milliseconds.
_PAUSE_MS = 300
#: Left free below a part of the step that is brought in sight and may grow, pixels.
_ROOM_BELOW = 200


class TrainingPanel(QWidget):
    """Starts trainings and shows the one that runs."""

    step_wanted = Signal(int)
    """Number of the step that gets the user on, 0 for Label."""
    curves_wanted = Signal()
    """The user wants to see the curves."""
    images_wanted = Signal()
    """The user wants to add images to the project."""
    compare_wanted = Signal()
    """The user wants several ways to learn compared, or to see how the comparison stands."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._last: SplitSummary | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._summarise)
        self._busy = self._wrong = False
        self._empty = EmptyState("graduation-cap")
        self._empty.wanted.connect(lambda: self.step_wanted.emit(0))
        self.live = LiveTraining(session)
        self.runs = RunList(session)
        self.runs.compare_wanted.connect(self.curves_wanted)
        self._comparison = button(self.tr("Show the comparison…"), self.compare_wanted.emit, "scales")
        self.setup = TrainingSetup(session)
        self.setup.checked.connect(self.show_errors)
        self.setup.changed.connect(self._show_job)
        self._column = column = Column()
        self.rates = RatesSection(session)
        self.doctor, self.doctor_of_chosen = DoctorSection(session), DoctorSection(session)
        self.advice = TrainingAdvice(self, session)
        for widget in (
            self._empty,
            self.live,
            self._comparison,
            self.doctor,
            self.setup,
            self.rates,
            self.runs,
            self.doctor_of_chosen,
        ):
            column.body.addWidget(widget)
        column.body.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(column, 1)
        self._footer = self._make_footer()
        outer.addWidget(self._footer)
        session.project_changed.connect(self._on_project)
        session.images_changed.connect(self.refresh)
        session.runs.changed.connect(self.refresh)
        session.jobs.catalogue_changed.connect(self._show_job)
        session.jobs.changed.connect(self._on_job)
        session.bake_off.runner.changed.connect(self._show_job)
        self._show_job()
        self.refresh()

    def start(self) -> None:
        """Train with the settings of the form, as soon as every label is in its file."""
        session = self._session
        project = session.project
        if project is None or session.jobs.catalogue is None or self._busy:
            return
        wish = self.setup.wish()
        self._set_busy(True)

        def failed(error: UserError) -> None:
            self._set_busy(False)
            session.report(error)

        def begin(job: TrainJob) -> None:
            self._set_busy(False)
            if project is not session.project:
                return  # closed meanwhile
            session.jobs.start_training(job)
            self.curves_wanted.emit()

        session.background.run(all_saved_first(project, lambda: training_job(project, wish)), begin, failed)

    def reveal(self, section: QWidget) -> None:
        """Bring a part of the step in sight, once the layout knows how tall it is."""
        later(section, lambda: self._column.ensureWidgetVisible(section, 0, _ROOM_BELOW))

    def find_rate(self) -> None:
        """Test learning rates with the settings of the form."""
        self.advice.find_rate()

    def refresh(self) -> None:
        """Bring the split, the form and the empty state up to date."""
        project = self._session.project
        self.setup.refresh()
        if project is None:
            self._show_summary(None)
        else:
            self._timer.start(_PAUSE_MS)

    def _summarise(self) -> None:
        """Read the labels of the project again, but only while somebody looks; painting must not wait for it."""
        session, project = self._session, self._session.project
        if project is None or not self.isVisible():
            return

        def take(summary: SplitSummary) -> None:
            if project is session.project:
                labelled = summary.train + summary.val + summary.test
                self.setup.first.suggest(only_targets=bool(summary.pairs) and not labelled)
                self._show_summary(summary)

        session.background.run(saved_first(session.document, lambda: split_summary(project)), take, lane="jobs")

    def summary_text(self) -> str:
        """Return what is said about the split."""
        return f"{self._summary.text()} {self._warning.text()}".strip()

    def _make_footer(self) -> QWidget:
        """Return what stays in sight however far the settings are scrolled: the images, what is wrong, and Train."""
        self._summary, self._warning, self._error = caption(), caption(role="warning"), caption(role="error")
        self._train = button(self.tr("Train"), self.start, "graduation-cap", primary=True)
        self._train.setMinimumHeight(36)
        self._compare = button(self.tr("Compare…"), self.compare_wanted.emit)
        self._compare.setMinimumHeight(36)
        footer = Footer(self._column)
        for widget in (self._summary, self._warning, self._error):
            footer.body.addWidget(widget)
        footer.body.addLayout(row(self._train, self._compare, stretch=0))
        self._warning.hide()
        self._error.hide()
        return footer

    def show_errors(self, errors: Mapping[str, str]) -> None:
        """Show what is wrong with the settings, at the fields where possible."""
        rest = self.setup.show_errors(errors)
        self._error.setText(" ".join(rest.values()))
        self._error.setVisible(bool(rest))
        self._wrong = bool(errors)
        self._show_button()

    def _on_project(self, _project: object) -> None:
        self._last = None
        self.live.preview.forget()
        self.refresh()
        self._show_job()

    def _show_summary(self, summary: SplitSummary | None) -> None:
        self._last = summary
        known = self._session.jobs.catalogue is not None
        usable = known and self.setup.complete
        possible = usable and summary is not None and summary.train + summary.pairs > 0
        running = self._session.runs.training is not None
        self.setup.setVisible(possible and not running)
        self.rates.setVisible(possible and not running)
        self._empty.setVisible(not possible and not running)
        if self._session.project is None:
            self._empty.say(self.tr("Open a folder of images first."))
        elif summary is None:
            self._empty.say(self.tr("Counting the labels …"))
        elif summary.train + summary.pairs == 0 and summary.left_out:
            nothing = self.tr("No labelled image is left to train on.")
            self._empty.say(f"{nothing} {left_out_words(summary.left_out)}")
        elif summary.train + summary.pairs == 0 and summary.val + summary.test:
            self._empty.say(self.tr(ALL_SET_ASIDE))
        elif summary.train + summary.pairs == 0:
            self._empty.say(
                self.tr("Label about 10 cells in 2 images, then train: it takes about a minute."),
                self.tr("Label cells"),
            )
        else:
            waiting = self.tr("Reading which networks there are …")
            self._empty.say(str(no_network(read=True)) if known and not usable else waiting)
            self._say_split(summary)
        # After what it says: a warning that nobody could see takes no room.
        self._footer.setVisible(possible and not running)
        self._show_button()

    def _say_split(self, summary: SplitSummary) -> None:
        if summary.pairs and self.setup.learns_images:
            self._say_pairs(summary)
        elif not summary.train:
            if summary.left_out:
                self._summary.setText(self.tr("No labelled image is left to train on."))
            else:
                self._summary.setText(self.tr("No object is labelled yet."))
            some = self.tr("Label some, or choose Image to image: it learns the images in targets/.")
            self._warn(left_out_words(summary.left_out) or some)
        else:
            self._say_labels(summary)

    def _say_pairs(self, summary: SplitSummary) -> None:
        pairs = self.tr("1 pair") if summary.pairs == 1 else self.tr("{0} pairs").format(summary.pairs)
        text = self.tr("Trains on {0} of images, checks itself on {1}.").format(pairs, summary.pairs_val)
        why = self.tr("No object is labelled yet: it learns the images in targets/.")
        self._summary.setText(f"{why} {text}" if self.setup.first.learns_targets else text)
        alone = self.tr("Add one more pair, so that the best model can be told.")
        self._warn("" if summary.pairs_val else alone)

    def _say_labels(self, summary: SplitSummary) -> None:
        train = self.tr("1 image") if summary.train == 1 else self.tr("{0} images").format(summary.train)
        none = self.tr("no image")
        val = (
            none
            if summary.val == 0
            else self.tr("1 image")
            if summary.val == 1
            else self.tr("{0} images").format(summary.val)
        )
        objects = self.tr("1 object") if summary.objects == 1 else self.tr("{0} objects").format(summary.objects)
        text = self.tr("Trains on {0} with {1}, checks itself on {2}.")
        self._summary.setText(text.format(train, objects, val))
        warnings = [left_out_words(summary.left_out)] if summary.left_out else []
        if self.setup.learns_images:
            warnings.append(
                self.tr(
                    "No image has a target: it would only learn where the objects are. Put the images to be made, "
                    "with the same names, into a folder targets beside the images."
                )
            )
        if summary.val == 0:
            warnings.append(
                self.tr("The validation set is empty: label one more image, so that the best model can be told.")
            )
        if summary.missing:
            warnings.append(self.tr("No training image shows: {0}.").format(", ".join(summary.missing)))
        self._warn(" ".join(warnings))

    def _warn(self, text: str) -> None:
        """Say what is missing; a warning that goes leaves its room, so that nothing moves under the pointer."""
        if not text and self._warning.isVisible():
            self._warning.setMinimumHeight(self._warning.height())
        else:
            self._warning.setMinimumHeight(0)
            self._warning.setVisible(bool(text))
        self._warning.setText(text)

    def _on_job(self, _job_id: str) -> None:
        self._show_job()

    def _show_job(self) -> None:
        job = self._session.runs.training
        self.live.show_job(job)
        self._comparison.setVisible(self._session.bake_off.runner.running)
        self._show_summary(self._last)
        self._show_button()

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self._show_button()

    def _show_button(self) -> None:
        summary = self._last or SplitSummary(0, 0, 0, 0)
        ready = self._session.jobs.catalogue is not None and self.setup.complete and not self._busy
        fits = bool(summary.train or (summary.pairs and self.setup.learns_images))
        allow(self._train, self._session, possible=ready and fits and not self._wrong)
        does = self.tr("Train several ways for the same time and see which is best on your images")
        lacks = self.tr("Label some objects first: ways to find them are compared")
        possible = ready and bool(summary.train)
        allow(self._compare, self._session, possible=possible, tip=does if summary.train else lacks)
        self._train.setText(self.tr("Saving the labels …") if self._busy else self.tr("Train"))

    def hideEvent(self, event: object) -> None:
        """Take back the room of a warning that has gone."""
        self._warning.setMinimumHeight(0)
        self._warning.setVisible(bool(self._warning.text()))

    def showEvent(self, event: object) -> None:
        """Ask what the engine offers when the step is looked at for the first time."""
        self._session.jobs.want_catalogue()
        self.refresh()

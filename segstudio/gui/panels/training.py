"""The step Train: what to train, on which images, with which settings; then the read-out of the running training."""

from collections.abc import Mapping
from dataclasses import replace

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from segstudio.config.form_spec import form_spec
from segstudio.config.run import RunConfig
from segstudio.core.errors import UserError
from segstudio.gui.forms.editors import CalmComboBox
from segstudio.gui.forms.form import Form
from segstudio.gui.forms.parts import Column, EmptyState, Section, button, caption
from segstudio.gui.panels.training_live import LiveTraining
from segstudio.gui.panels.training_runs import RunList
from segstudio.gui.theme import SPACING_GROUP
from segstudio.jobs.catalogue import Catalogue, Offer
from segstudio.jobs.messages import Failed, Finished, Message
from segstudio.jobs.spec import Choice, Device, TrainJob, ValidateJob
from segstudio.session.job import new_job_id
from segstudio.session.job_specs import SplitSummary, TrainingWish, saved_first, split_summary, training_job
from segstudio.session.session import Session

#: Settings in sight, in this order.
_SHOWN = ("training.max_minutes", "training.epochs", "data.patch_size", "augmentation.scale", "data.channels")
#: What is chosen at first: the best for objects from few labels.
_FIRST_CHOICE = {"formulation": "joint", "architecture": "unet"}
#: The labels are counted again at most so often, milliseconds.
_PAUSE_MS = 300
_BOX_WIDTH = 176
_FORMULATION, _ARCHITECTURE = "formulation.", "architecture."


class TrainingPanel(QWidget):
    """Starts trainings and shows the one that runs."""

    step_wanted = Signal(int)
    """Number of the step that gets the user on, 0 for Label."""
    curves_wanted = Signal()
    """The user wants to see the curves."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._validation = ""
        self._last: SplitSummary | None = None
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._summarise)
        self._busy = False
        self._empty = EmptyState("graduation-cap")
        self._empty.wanted.connect(lambda: self.step_wanted.emit(0))
        self.live = LiveTraining(session)
        self.runs = RunList(session)
        self.runs.compare_wanted.connect(self.curves_wanted)
        self.form = Form(())
        self._setup = self._make_setup()
        column = Column()
        for widget in (self._empty, self.live, self._setup, self.runs):
            column.body.addWidget(widget)
        column.body.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(column, 1)
        self._footer = self._make_footer()
        outer.addWidget(self._footer)
        self._connect()
        self._on_catalogue()
        self.refresh()

    # -- what the window calls -----------------------------------------------------------------------

    def start(self) -> None:
        """Train with the settings of the form, as soon as every label is in its file."""
        session = self._session
        project = session.project
        if project is None or session.jobs.catalogue is None or self._busy:
            return
        wish = self.wish()
        self._set_busy(True)

        def failed(error: UserError) -> None:
            self._set_busy(False)
            session.report(error)

        def begin(job: TrainJob) -> None:
            self._set_busy(False)
            session.jobs.start_training(job)
            self.curves_wanted.emit()

        session.background.run(saved_first(session.document, lambda: training_job(project, wish)), begin, failed)

    def wish(self) -> TrainingWish:
        """Return what the form says."""
        settings = self.form.settings()
        return TrainingWish(
            name=self._name.text().strip() or self._name.placeholderText(),
            formulation=Choice(name=self._formulation.currentData(), settings=settings.pop("formulation", {})),
            architecture=Choice(name=self._architecture.currentData(), settings=settings.pop("architecture", {})),
            config=settings,
            start_from=self._start_from.currentData(),
            device=self._chosen_device(),
        )

    def refresh(self) -> None:
        """Bring the split, the name and the empty state up to date."""
        project = self._session.project
        self._name.setPlaceholderText(self._free_name())
        self._fill_start_from()
        if project is None:
            self._show_summary(None)
        else:
            self._timer.start(_PAUSE_MS)

    def _free_name(self) -> str:
        taken = {run.name for run in self._session.runs.all}
        numbers = range(len(taken) + 1, 2 * len(taken) + 2)  # one of them is free: more numbers than names
        return next(name for number in numbers if (name := self.tr("Model {0}").format(number)) not in taken)

    def _summarise(self) -> None:
        """Read the labels of the project again, but only while somebody looks; painting must not wait for it."""
        session, project = self._session, self._session.project
        if project is None or not self.isVisible():
            return

        def take(summary: SplitSummary) -> None:
            if project is session.project:
                self._show_summary(summary)

        session.background.run(saved_first(session.document, lambda: split_summary(project)), take, lane="jobs")

    def summary_text(self) -> str:
        """Return what is said about the split."""
        return f"{self._summary.text()} {self._warning.text()}".strip()

    # -- assembly ------------------------------------------------------------------------------------

    def _make_setup(self) -> QWidget:
        self._name = QLineEdit()
        self._name.setToolTip(self.tr("Name of the new model"))
        self._formulation, self._architecture = CalmComboBox(), CalmComboBox()
        self._formulation.setObjectName("formulation")
        self._architecture.setObjectName("architecture")
        self._start_from, self._device = CalmComboBox(), CalmComboBox()
        self._formulation_says = caption()
        self._summary, self._warning, self._error = caption(), caption(role="warning"), caption(role="error")
        self._train = button(self.tr("Train"), self.start, "graduation-cap", primary=True)
        self._train.setMinimumHeight(36)
        setup = QWidget()
        rows = QVBoxLayout(setup)
        rows.setContentsMargins(0, 0, 0, 0)
        rows.setSpacing(SPACING_GROUP)
        goal, network, settings = (
            Section(self.tr("New model")),
            Section(self.tr("What to find")),
            Section(self.tr("Settings")),
        )
        goal.body.addWidget(self._name)
        network.body.setSpacing(4)
        network.body.addWidget(self._formulation)
        network.body.addWidget(self._formulation_says)
        for title, box in (
            (self.tr("Network"), self._architecture),
            (self.tr("Start from"), self._start_from),
            (self.tr("Device"), self._device),
        ):
            settings.body.addLayout(_line(title, box))
        settings.body.setSpacing(4)
        settings.body.addWidget(self.form)
        self._form_section = settings
        for section in (goal, network, settings):
            rows.addWidget(section)
        return setup

    def _make_footer(self) -> QWidget:
        """Return what stays in sight however far the settings are scrolled: the images, what is wrong, and Train."""
        footer = QFrame()
        column = QVBoxLayout(footer)
        column.setContentsMargins(12, 8, 12, 12)
        column.setSpacing(4)
        for widget in (self._summary, self._warning, self._error, self._train):
            column.addWidget(widget)
        self._warning.hide()
        self._error.hide()
        return footer

    def _connect(self) -> None:
        session = self._session
        self._formulation.currentIndexChanged.connect(self._on_choice)
        self._architecture.currentIndexChanged.connect(self._on_choice)
        session.project_changed.connect(self._on_project)
        session.images_changed.connect(self.refresh)
        session.runs.changed.connect(self.refresh)
        session.jobs.catalogue_changed.connect(self._on_catalogue)
        session.jobs.changed.connect(self._on_job)
        session.jobs.message.connect(self._on_message)

    # -- choices -------------------------------------------------------------------------------------

    def _on_catalogue(self) -> None:
        catalogue = self._session.jobs.catalogue
        if catalogue is None:
            self._error.setText(self.tr("Asking the engine what it offers …"))
        for box, offers in (
            (self._formulation, catalogue.formulations if catalogue else ()),
            (self._architecture, catalogue.architectures if catalogue else ()),
        ):
            box.blockSignals(True)
            box.clear()
            for offer in offers:
                box.addItem(offer.title, offer.name)
            box.setCurrentIndex(max(0, box.findData(_FIRST_CHOICE.get(box.objectName()))))
            box.blockSignals(False)
        self._fill_devices(catalogue)
        self._on_choice()
        self._show_job()

    def _fill_devices(self, catalogue: Catalogue | None) -> None:
        self._device.clear()
        self._device.addItem(self.tr("Automatic"), "auto")
        for offer in catalogue.devices if catalogue else ():
            self._device.addItem(offer.name, offer.device.partition(":")[0])
            self._device.setItemData(self._device.count() - 1, offer.note, 3)

    def _fill_start_from(self) -> None:
        chosen = self._start_from.currentData()
        self._start_from.clear()
        self._start_from.addItem(self.tr("Scratch"), None)
        for run in self._session.runs.all:
            if run.has_model:
                self._start_from.addItem(self.tr("Best of {0}").format(run.name), run.model)
        # Not findData: it compares paths by identity, and every list of runs has new ones.
        data = [self._start_from.itemData(row) for row in range(self._start_from.count())]
        self._start_from.setCurrentIndex(data.index(chosen) if chosen in data else 0)

    def _on_choice(self) -> None:
        catalogue = self._session.jobs.catalogue
        if catalogue is None or not self._formulation.count() or not self._architecture.count():
            return
        formulation = catalogue.formulation(self._formulation.currentData())
        architecture = catalogue.architecture(self._architecture.currentData())
        self._formulation_says.setText(formulation.description)
        self._architecture.setToolTip(architecture.description)
        self._show_form(formulation, architecture, catalogue.sections)

    def _show_form(self, formulation: Offer, architecture: Offer, sections: Mapping[str, object]) -> None:
        """Make the form anew for other plug-ins; settings that both have keep their values."""
        fields = list(form_spec(dict(sections) or RunConfig.model_json_schema()))
        fields = [field for field in fields if not field.path.startswith("prediction.")]
        for prefix, offer in ((_FORMULATION, formulation), (_ARCHITECTURE, architecture)):
            fields += [
                replace(field, path=prefix + field.path, group=field.group or offer.title)
                for field in form_spec(offer.settings)
            ]
        kept = self.form.overrides()
        old, self.form = self.form, Form(fields, _SHOWN)
        self.form.set_values(kept)
        self.form.changed.connect(lambda _path: self.validate())
        self._form_section.body.replaceWidget(old, self.form)
        old.hide()
        old.deleteLater()

    def _chosen_device(self) -> Device:
        device: Device = self._device.currentData() or "auto"
        return device

    # -- checking ------------------------------------------------------------------------------------

    def validate(self) -> None:
        """Let the engine check the settings against each other; what is wrong is shown at the field."""
        if self._session.jobs.catalogue is None:
            return
        wish = self.wish()
        self._validation = new_job_id()
        self._session.jobs.validate(
            ValidateJob(
                job_id=self._validation,
                formulation=wish.formulation,
                architecture=wish.architecture,
                config={section: dict(values) for section, values in wish.config.items()},
            )
        )

    def _on_message(self, job_id: str, message: Message) -> None:
        if job_id != self._validation:
            return
        job = self._session.jobs.job(job_id)
        if isinstance(message, Finished) and job is not None:
            # The hint of each warning names the field, as the engine promises.
            self.show_errors({item.hint: item.message for item in job.warnings if item.code == "setting"})
        elif isinstance(message, Failed):
            self.show_errors({"": message.message})

    def show_errors(self, errors: Mapping[str, str]) -> None:
        """Show what is wrong with the settings, at the fields where possible."""
        rest = self.form.set_errors(errors)
        self._error.setText(" ".join(rest.values()))
        self._error.setVisible(bool(rest))
        self._train.setEnabled(not errors and not self._busy)

    # -- what is shown -------------------------------------------------------------------------------

    def _on_project(self, _project: object) -> None:
        self._last = None
        self.refresh()
        self._show_job()

    def _show_summary(self, summary: SplitSummary | None) -> None:
        self._last = summary
        possible = summary is not None and summary.train > 0
        running = self._session.jobs.training is not None
        self._setup.setVisible(possible and not running)
        self._footer.setVisible(possible and not running)
        self._empty.setVisible(not possible and not running)
        if self._session.project is None:
            self._empty.say(self.tr("Open a folder of images first."))
        elif summary is None:
            self._empty.say(self.tr("Counting the labels …"))
        elif summary.train == 0:
            self._empty.say(
                self.tr("Label about 10 cells in 2 images, then train: it takes about a minute."),
                self.tr("Label cells"),
            )
        else:
            self._say_split(summary)

    def _say_split(self, summary: SplitSummary) -> None:
        train = self.tr("1 image") if summary.train == 1 else self.tr("{0} images").format(summary.train)
        val = self.tr("1 image") if summary.val == 1 else self.tr("{0} images").format(summary.val)
        text = self.tr("Trains on {0} with {1} objects, checks itself on {2}.")
        self._summary.setText(text.format(train, summary.objects, val))
        warnings = []
        if summary.val == 0:
            warnings.append(
                self.tr("The validation set is empty: label one more image, so that the best model can be told.")
            )
        if summary.missing:
            warnings.append(self.tr("No training image shows: {0}.").format(", ".join(summary.missing)))
        self._warning.setText(" ".join(warnings))
        self._warning.setVisible(bool(warnings))

    def _on_job(self, _job_id: str) -> None:
        self._show_job()

    def _show_job(self) -> None:
        job = self._session.jobs.training
        self.live.show_job(job)
        self._show_summary(self._last)
        self._train.setEnabled(self._session.jobs.catalogue is not None and not self._busy)

    def _set_busy(self, busy: bool) -> None:
        self._busy = busy
        self._train.setEnabled(not busy)
        self._train.setText(self.tr("Saving the labels …") if busy else self.tr("Train"))

    def showEvent(self, event: object) -> None:
        """Ask what the engine offers when the step is looked at for the first time."""
        self._session.jobs.want_catalogue()
        self.refresh()


def _line(title: str, box: QWidget) -> QHBoxLayout:
    label = QLabel(title)
    label.setBuddy(box)
    box.setFixedWidth(_BOX_WIDTH)
    line = QHBoxLayout()
    line.setContentsMargins(0, 2, 0, 2)
    line.addWidget(label, 1)
    line.addWidget(box)
    return line

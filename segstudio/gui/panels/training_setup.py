"""What a new model is to find, with which network and settings: the form of the step Train, checked by the engine."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QVBoxLayout, QWidget

from segstudio.config.form_spec import form_spec
from segstudio.config.run import RunConfig
from segstudio.gui.forms.form import Form
from segstudio.gui.forms.offer_box import OfferBox
from segstudio.gui.forms.parts import Section, button, caption, keys_after, row
from segstudio.gui.panels.choice_line import ChoiceLine
from segstudio.gui.panels.device_box import DeviceBox
from segstudio.gui.panels.first_choice import FirstChoice
from segstudio.gui.panels.start_model import StartModel
from segstudio.gui.theme import SPACING_GROUP
from segstudio.jobs.catalogue import Offer
from segstudio.jobs.messages import Failed, Finished, Message
from segstudio.jobs.spec import Choice, TrainJob
from segstudio.session.job_specs import TrainingWish, validation_job
from segstudio.session.network_words import BLENDED
from segstudio.session.offers import FIRST_ARCHITECTURE, FIRST_FORMULATION, by_result, by_sight, no_network
from segstudio.session.session import Session

_MINUTES, _EPOCHS, _CHANNELS = "training.max_minutes", "training.epochs", "data.channels"
#: Settings in sight, in this order.
_SHOWN = (_MINUTES, _EPOCHS, "data.patch_size", "augmentation.scale", _CHANNELS)
_FORMULATION, _ARCHITECTURE = "formulation.", "architecture."


class TrainingSetup(QWidget):
    """Asks for everything that a training needs besides the images."""

    checked = Signal(object)
    """What the engine says is wrong: sentences by the path of the setting, ``""`` for the whole; empty when nothing."""
    changed = Signal()
    """Something of `wish` is another now."""
    network_wanted = Signal()
    """The user wants to know more about the network."""
    patches_wanted = Signal()
    """The user wants to see patches made with these settings."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._validation = ""
        self._lifted = False
        self.form = Form(())
        self._build()
        self.first = FirstChoice(session, self._formulation)
        self._formulation.currentIndexChanged.connect(self._on_formulation)
        self._architecture.currentIndexChanged.connect(self._on_choice)
        session.jobs.catalogue_changed.connect(self._on_catalogue)
        session.jobs.message.connect(self._on_message)
        self._on_catalogue()

    def wish(self) -> TrainingWish:
        """Return what the form says; raise `WrongUsage` when there is no network to choose."""
        if not self.complete:
            raise no_network(read=self._session.jobs.catalogue is not None)
        settings = self.form.settings()
        start = self._start.run
        return TrainingWish(
            name=self._name.text().strip() or self._name.placeholderText(),
            formulation=Choice(name=self._formulation.currentData(), settings=settings.pop("formulation", {})),
            architecture=Choice(name=self._architecture.currentData(), settings=settings.pop("architecture", {})),
            config=settings,
            start_from=start.model if start is not None else None,
            device=self._session.devices.chosen,
            learns_images=self.learns_images,
        )

    @property
    def complete(self) -> bool:
        """Whether there is something to find and a network; plug-ins that cannot be loaded may leave none."""
        return bool(self._formulation.currentData() and self._architecture.currentData())

    @property
    def learns_images(self) -> bool:
        """Whether what is chosen can learn target images instead of labels."""
        chosen = self._offer()
        return chosen is not None and chosen.result == "image"

    def _offer(self) -> Offer | None:
        """Return what is known of the chosen formulation; ``None`` while nothing is."""
        catalogue, chosen = self._session.jobs.catalogue, self._formulation.currentData()
        return catalogue.formulation(chosen) if catalogue is not None and chosen else None

    def fill(self, job: TrainJob, changes: Mapping[str, Any]) -> None:
        """Show the settings of an earlier training, with `changes` by dotted path."""
        self.first.over = True
        for box, name in ((self._formulation, job.formulation.name), (self._architecture, job.architecture.name)):
            if box.findData(name) >= 0:
                box.setCurrentIndex(box.findData(name))
        sections = {**job.config, "formulation": job.formulation.settings, "architecture": job.architecture.settings}
        known = {f"{section}.{name}": value for section, values in sections.items() for name, value in values.items()}
        self.form.set_values({**known, **changes})
        self._show_that_epochs_rule()
        self._start.show_of(job)
        self.validate()

    def change(self, changes: Mapping[str, Any]) -> None:
        """Change settings by dotted path, as if the user had; the others stay."""
        self.first.over = True
        self.form.set_values({**self.form.overrides(), **changes})
        self.validate()

    def refresh(self) -> None:
        """Bring the name that is offered and the models to start from up to date."""
        self._name.setPlaceholderText(self._free_name())
        self._start.refresh()

    def show_errors(self, errors: Mapping[str, str]) -> dict[str, str]:
        """Show what is wrong at the fields; return what belongs to none of them."""
        return self.form.set_errors(errors)

    def _chosen(self) -> tuple[str, str, str]:
        """Return formulation, architecture and channels as they are chosen; no plug-in may be there."""
        channels = self.form.settings().get("data", {}).get("channels", "auto")
        return self._formulation.currentData() or "", self._architecture.currentData() or "", channels

    def _free_name(self) -> str:
        taken = {run.name for run in self._session.runs.all}
        numbers = range(len(taken) + 1, 2 * len(taken) + 2)  # one of them is free: more numbers than names
        return next(name for number in numbers if (name := self.tr("Model {0}").format(number)) not in taken)

    def _build(self) -> None:
        self._name = QLineEdit()
        self._name.setToolTip(self.tr("Name of the new model"))
        self._formulation, self._architecture = OfferBox(), OfferBox()
        self._formulation.setObjectName("formulation")
        self._architecture.setObjectName("architecture")
        self._start = StartModel(self._session, self._chosen, self.wish)
        self._start.changed.connect(self._on_start)
        self._device = DeviceBox(self._session)
        self._formulation_says, self._architecture_says = caption(), caption()
        self._broken = caption(role="warning")
        more = button(self.tr("Network…"), self.network_wanted.emit, "tree-structure")
        more.setToolTip(self.tr("Layers, size, memory and receptive field; feature maps of a trained model"))
        rows = QVBoxLayout(self)
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
        network.body.addWidget(self._broken)
        self._network = ChoiceLine(self.tr("Network"), self._architecture)
        settings.body.addWidget(self._network)
        settings.body.addWidget(self._architecture_says)
        settings.body.addWidget(self._start)
        settings.body.addWidget(ChoiceLine(self.tr("Device"), self._device))
        settings.body.setSpacing(4)
        settings.body.addWidget(self.form)
        patches = button(self.tr("Patches…"), self.patches_wanted.emit, "squares-four")
        patches.setToolTip(self.tr("Eight patches with their labels, as the network would see them"))
        self.looks = row(patches, more)
        """Buttons that show what the settings mean, quiet, below them."""
        settings.body.addSpacing(4)
        settings.body.addLayout(self.looks)
        self._form_section = settings
        for section in (goal, network, settings):
            rows.addWidget(section)

    def _on_catalogue(self) -> None:
        catalogue = self._session.jobs.catalogue
        if catalogue is not None:
            self._formulation.show_offers(by_result(catalogue.formulations), FIRST_FORMULATION)
            self._architecture.show_offers(by_sight(catalogue.architectures), FIRST_ARCHITECTURE)
            self._say_broken(catalogue.broken)
            self.first.suggest()
        self._on_choice()

    def _say_broken(self, broken: Mapping[str, str]) -> None:
        self._broken.setText(self.tr("Not offered, because it cannot be loaded: {0}.").format(", ".join(broken)))
        self._broken.setToolTip("\n".join(f"{name}: {reason}" for name, reason in broken.items()))
        self._broken.setVisible(bool(broken))

    def _on_formulation(self) -> None:
        self.first.over = True
        self._on_choice()

    def _on_choice(self) -> None:
        catalogue = self._session.jobs.catalogue
        if catalogue is None or not self.complete:
            return
        formulation = catalogue.formulation(self._formulation.currentData())
        architecture = catalogue.architecture(self._architecture.currentData())
        self._formulation_says.setText(formulation.description)
        self._architecture.setToolTip(architecture.description)
        self._network.setVisible(not formulation.own_network)
        self._say_sight(own=formulation.own_network, blended=architecture.sees_whole)
        self._show_form(formulation, None if formulation.own_network else architecture, catalogue.sections)
        self._start.refresh()
        self._validation = ""  # an answer on its way is about another choice
        if any(path.startswith(_ARCHITECTURE) for path in self.form.overrides()):
            self.validate()  # settings that were kept may let this network see the whole tile
        self.changed.emit()

    def _say_sight(self, *, own: bool, blended: bool) -> None:
        """Say whether the formulation brings its own network, or tiles of a large image have to be blended."""
        words = self.tr(BLENDED) if blended else ""
        self._architecture_says.setText(self.tr("It brings its own network.") if own else words)
        self._architecture_says.setVisible(own or blended)

    def _on_start(self) -> None:
        self.validate()  # the network is another one now
        self.changed.emit()

    def _show_form(self, formulation: Offer, architecture: Offer | None, sections: Mapping[str, object]) -> None:
        """Make the form anew for other plug-ins; settings that both have keep their values."""
        fields = list(form_spec(dict(sections) or RunConfig.model_json_schema()))
        fields = [field for field in fields if not field.path.startswith("prediction.")]
        for prefix, offer in ((_FORMULATION, formulation), (_ARCHITECTURE, architecture)):
            if offer is not None:
                fields += [
                    replace(field, path=prefix + field.path, group=field.group or offer.title)
                    for field in form_spec(offer.settings)
                ]
        kept = self.form.overrides()
        old, self.form = self.form, Form(fields, _SHOWN)
        self.form.set_values(kept)
        self.form.changed.connect(self._on_changed)
        self._form_section.body.replaceWidget(old, self.form)
        old.hide()
        old.deleteLater()
        keys_after(self._device, self.form)
        self.checked.emit({})

    def _on_changed(self, path: str) -> None:
        self.first.over = True
        if path == _EPOCHS:
            self._show_that_epochs_rule()
        if path == _CHANNELS:
            self._start.say()
        self.validate()
        self.changed.emit()

    def _show_that_epochs_rule(self) -> None:
        """Show no limit of minutes while epochs are set and the minutes are untouched, as the engine does."""
        minutes, epochs = self.form.rows[_MINUTES], self.form.rows[_EPOCHS].editor.value()
        if epochs and not minutes.is_changed:
            minutes.set_value(0.0)
            self._lifted = True
        elif not epochs and self._lifted and minutes.editor.value() == 0:
            minutes.set_value(minutes.field.default or 0.0)
            self._lifted = False

    def validate(self) -> None:
        """Let the engine check the settings against each other; what is wrong is shown at the field."""
        if self._session.jobs.catalogue is None or not self.complete:
            return
        job = validation_job(self._session.project, self.wish())
        self._validation = job.job_id
        self._session.jobs.validate(job)

    def _on_message(self, job_id: str, message: Message) -> None:
        if job_id != self._validation:
            return
        job = self._session.jobs.job(job_id)
        if isinstance(message, Finished) and job is not None:
            # The hint of each warning names the field, as the engine promises.
            self.checked.emit({item.hint: item.message for item in job.warnings if item.code == "setting"})
            formulation = self._offer()
            if formulation is not None and "sees_whole" in message.summary:
                self._say_sight(own=formulation.own_network, blended=bool(message.summary["sees_whole"]))
        elif isinstance(message, Failed):
            self.checked.emit({"": message.message})

"""The step Predict: which model on which images, how sure it must be, and the proposals to review."""

from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from segstudio.core.errors import UserError
from segstudio.gui.forms.parts import Column, EmptyState, Section, button, row
from segstudio.gui.panels.decode_settings import DecodeSettings
from segstudio.gui.panels.device_box import DeviceBox
from segstudio.gui.panels.image_scope import CURRENT, ImageScope
from segstudio.gui.panels.made_image import MadeImageSection
from segstudio.gui.panels.model_box import ModelBox, ask_model
from segstudio.gui.panels.prediction_progress import PredictionProgress
from segstudio.gui.panels.proposals import Proposals
from segstudio.gui.panels.score_words import score_words
from segstudio.gui.reading_only import allow
from segstudio.jobs.messages import Artifact, Failed, Message, Warned
from segstudio.jobs.spec import DecodeJob, PredictJob
from segstudio.project.manifest import image_and_plane
from segstudio.session.job import Job
from segstudio.session.job_specs import all_saved_first, decode_job, predict_job
from segstudio.session.notice import Notice
from segstudio.session.runs import Run
from segstudio.session.session import Session

#: A slider at rest for so long, milliseconds, starts decoding.
_DEBOUNCE_MS = 120
#: Labelled images from which a model can be trained: one to learn from, one to check itself on.
_ENOUGH = 2
#: Code of the warning that an image looks unlike those that the model learned from.
_UNLIKE = "unlike-training"


class PredictionPanel(QWidget):
    """Starts predictions, moves their thresholds, and steps through what they propose."""

    step_wanted = Signal(int)
    """Number of the step that gets the user on, 1 for Train."""
    asked = Signal()
    """A prediction was asked for: the keys are for the proposals now, not for the field beside the button."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._job_id = ""
        self._asked = False
        self._empty = EmptyState("magic-wand")
        self._empty.wanted.connect(lambda: self.step_wanted.emit(1))
        self.decode = DecodeSettings()
        self.decode.changed.connect(self._on_decode_changed)
        self.proposals = Proposals(session)
        self.proposals.keys_left.connect(self.asked)
        self.made = MadeImageSection(session)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._decode_again)
        self._setup = self._make_setup()
        column = Column()
        self._elsewhere = button(self.tr("Model from a folder…"), self._ask_model, "folder-open")
        for widget in (self._empty, self._elsewhere, self._setup, self.made, self.decode, self.proposals):
            column.body.addWidget(widget)
        column.body.addStretch(1)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(column)
        self._connect()
        self.refresh()

    def predict_current(self) -> None:
        """Predict the image in front."""
        self._scope.button(CURRENT).click()
        self.predict()

    def predict(self) -> None:
        """Predict the chosen images with the chosen model."""
        session, run, entries = self._session, self._run(), self._scope.entries()
        if session.project is None or run is None or not entries or self._asked or self._running() is not None:
            return
        project, decode, device = session.project, self.decode.values(), session.devices.chosen
        title = entries[0].name if len(entries) == 1 else self.tr("{0} images").format(len(entries))

        def begin(job: PredictJob) -> None:
            self._set_asked(False)
            if project is not session.project:
                return  # closed meanwhile
            self._started(session.jobs.predict(job, self.tr("Predict {0}").format(title)))

        def failed(error: UserError) -> None:
            self._set_asked(False)
            session.report(error)

        self.asked.emit()
        self._set_asked(True)
        work = all_saved_first(project, lambda: predict_job(project, run, entries, decode, device))
        session.background.run(work, begin, failed)

    def set_selected(self, image_ids: Iterable[str]) -> None:
        """Say which images are selected in the list."""
        self._scope.set_selected(image_ids)
        self._show_scope()

    def refresh(self) -> None:
        """Bring models, scope and the empty state up to date."""
        models = any(run.predicts for run in self._session.runs.all)
        self._model.refill(self._session.models.run_id)
        ready = models and self._session.project is not None
        self._empty.setVisible(not ready)
        self._elsewhere.setVisible(not ready and self._session.project is not None)
        self._setup.setVisible(ready)
        self._say_empty()
        self._on_model()
        self._show_scope()
        self._show_job()

    def _unfit(self, run: Run) -> str:
        """Return why nothing can be predicted with a model."""
        return "" if run.predicts else self.tr("It has random weights in part: start a training from it first.")

    def _ask_model(self) -> None:
        ask_model(self._session, self, self._session.models.choose)

    def _say_empty(self) -> None:
        """Say what has to come before there is something to predict with."""
        if self._empty.isHidden():
            return  # it is asked at every stroke
        if self._session.project is None:
            self._empty.say(self.tr("Open a folder of images first."))
            return
        labelled, _ = self._session.states.labelled_count()
        if labelled >= _ENOUGH:
            before = self.tr("Train one on the {0} images that are labelled: it takes about a minute.")
            before = before.format(f"{labelled:,}")
        else:
            before = self.tr("Label about 10 cells in 2 images, then train: it takes about a minute.")
        self._empty.say(self.tr("There is no model yet. {0}").format(before), self.tr("Go to Train"))

    def _make_setup(self) -> QWidget:
        self._model = ModelBox(self._session, _words, unfit=self._unfit)
        self._scope = ImageScope(self._session)
        self._predict = button(self.tr("Predict"), self.predict, "magic-wand", primary=True)
        self._predict.setMinimumHeight(36)
        self._progress = PredictionProgress(self._session)
        model = Section(self.tr("Model"))
        model.body.addWidget(self._model)
        device = DeviceBox(self._session)
        title = QLabel(self.tr("Device"))
        title.setBuddy(device)
        model.body.addLayout(row(title, device, stretch=1))
        images = Section(self.tr("Images"))
        images.body.addWidget(self._scope)
        images.body.addWidget(self._predict)
        images.body.addWidget(self._progress)
        setup = QWidget()
        column = QVBoxLayout(setup)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(16)
        column.addWidget(model)
        column.addWidget(images)
        return setup

    def _connect(self) -> None:
        session = self._session
        self._model.chosen.connect(lambda: session.models.choose(self._model.run_id()))
        self._scope.changed.connect(self._show_scope)
        session.project_changed.connect(self._on_project)
        session.document_changed.connect(self._on_document)
        session.images_changed.connect(self._show_scope)
        session.images_changed.connect(self._say_empty)
        session.image_changed.connect(lambda _image: self._say_empty())
        session.models.changed.connect(self.refresh)
        session.jobs.catalogue_changed.connect(self._on_model)
        session.jobs.changed.connect(self._on_job)
        session.jobs.message.connect(self._on_message)
        session.review.changed.connect(self._on_review)

    def _run(self) -> Run | None:
        return self._session.models.run

    def _show_scope(self) -> None:
        self._scope.refresh()
        count = len(self._scope.entries())
        allow(self._predict, self._session, possible=count > 0 and not self._asked and self._running() is None)
        self._predict.setText(self.tr("Predict") if count < 2 else self.tr("Predict {0} images").format(count))

    def _on_model(self) -> None:
        run, catalogue = self._run(), self._session.jobs.catalogue
        if run is None or catalogue is None or run.makes_images:
            self.decode.clear()
        else:
            offers = {offer.name: offer for offer in catalogue.formulations}
            offer = offers.get(run.job.formulation.name)
            self.decode.show_schema(run.id, offer.decode if offer else {}, run.decode)
        self._on_review()

    def _running(self) -> Job | None:
        job = self._session.jobs.job(self._job_id)
        return None if job is None or job.ended else job

    def _set_asked(self, asked: bool) -> None:
        """Wait for the labels to be saved; meanwhile nothing else starts."""
        self._asked = asked
        self._show_job()

    def _started(self, job_id: str) -> None:
        self._job_id = job_id
        self._show_job()

    def _on_job(self, job_id: str) -> None:
        if job_id == self._job_id:
            self._show_job()

    def _show_job(self) -> None:
        self._progress.show_job(self._session.jobs.job(self._job_id))
        self._predict.setVisible(self._running() is None)
        allow(self._predict, self._session, possible=bool(self._scope.entries()) and not self._asked)

    def _on_message(self, job_id: str, message: Message) -> None:
        job = self._session.jobs.job(job_id)
        if job is None or not isinstance(job.spec, PredictJob | DecodeJob):
            return
        if isinstance(message, Artifact) and message.role == "labels":
            project, folder = self._session.project, Path(message.path).parent
            if project is None or folder.parent != project.predictions_folder:
                return  # of a project that was closed meanwhile
            fresh = isinstance(job.spec, PredictJob)
            self._session.review.predicted(message.image_id, folder.name, begin=fresh)
            if fresh:
                self._session.images_changed.emit()
        elif isinstance(message, Warned):
            self._warn(job.spec, message)
        elif isinstance(message, Failed) and isinstance(job.spec, DecodeJob):
            self._session.notice(message.message, message.hint, "error")

    def _warn(self, job: PredictJob | DecodeJob, warned: Warned) -> None:
        """Tell what a job says; that the model may not suit comes before what can be expected of every such image."""
        images = job.images if isinstance(job, PredictJob) else ()
        ids = {image_and_plane(image.image_id)[0] for image in images}
        only = ids.pop() if len(ids) == 1 else ""
        weight = 1 if warned.code == _UNLIKE else 0
        notice = Notice(warned.message, warned.hint, "warning", group=job.job_id, image=only, weight=weight)
        self._session.noticed.emit(notice)

    def _on_decode_changed(self) -> None:
        prediction, run = self._session.review.prediction, self._run()
        if prediction is not None and run is not None and prediction.run == run.folder.name:
            self._timer.start(_DEBOUNCE_MS)

    def _decode_again(self) -> None:
        prediction = self._session.review.prediction
        if prediction is None:
            return
        session = self._session

        def decode(possible: bool) -> None:
            if prediction is not session.review.prediction:
                return
            if possible:
                session.jobs.decode(decode_job(prediction, self.decode.values()))
            else:
                session.notice(
                    self.tr("What the network saw in this image is not on the disk any more."),
                    self.tr("Predict the image again to move the thresholds."),
                    "warning",
                )

        session.background.run(prediction.maps.is_file, decode)

    def _on_review(self, _window: object = None) -> None:
        run, prediction = self._run(), self._session.review.prediction
        live = run is not None and prediction is not None and prediction.run == run.folder.name
        self.decode.setVisible(run is not None and not self.decode.is_empty)
        made_by = prediction.run if prediction is not None and self._session.review.pending_count else ""
        others = (other.name for other in self._session.runs.all if other.folder.name == made_by)
        self.decode.say_live(live, next(others, ""))

    def _on_project(self, _project: object) -> None:
        self._job_id = ""
        self._scope.set_selected(())
        self.refresh()

    def _on_document(self, _document: object) -> None:
        self._show_scope()

    def showEvent(self, event: object) -> None:
        """Ask for the settings of decoders when the step is looked at for the first time."""
        self._session.jobs.want_catalogue()


def _words(run: Run) -> str:
    return "  ·  ".join(word for word in (run.name, score_words(run)) if word)

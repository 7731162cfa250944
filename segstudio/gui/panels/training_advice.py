"""What the buttons of findings do: fill the form, train again, measure learning rates, go where something helps."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from segstudio.jobs.spec import TrainJob
from segstudio.session.doctor import Remedy
from segstudio.session.job_specs import all_saved_first, training_job
from segstudio.session.session import Session

if TYPE_CHECKING:
    from segstudio.gui.panels.training import TrainingPanel

_RATE = "training.learning_rate"


class TrainingAdvice(QObject):
    """Decides of which training findings are shown in the step Train, and does what their buttons say."""

    def __init__(self, panel: "TrainingPanel", session: Session) -> None:
        super().__init__(panel)
        self._panel = panel
        self._session = session
        self._newest = self._shown = ""
        for section in (panel.doctor, panel.doctor_of_chosen):
            section.remedy_wanted.connect(self.apply)
        panel.rates.wanted.connect(self.find_rate)
        panel.rates.taken.connect(lambda rate: panel.setup.change({_RATE: rate}))
        panel.runs.list.itemSelectionChanged.connect(self.refresh)
        session.jobs.changed.connect(self._on_job)
        session.runs.changed.connect(self.refresh)
        session.project_changed.connect(self._on_project)
        self.refresh()

    def refresh(self) -> None:
        """Show the findings about the newest training of this sitting, and those about the one picked in the list."""
        chosen = self._panel.runs.selected()
        picked = chosen[0].id if len(chosen) == 1 and chosen[0].id != self._shown else ""
        self._panel.doctor.show_run(self._shown, self._title(self._shown))
        self._panel.doctor_of_chosen.show_run(picked, self._title(picked))

    def speak_of(self, run_id: str) -> None:
        """Show the findings about this training, until another one begins."""
        self._shown = run_id
        self.refresh()

    def apply(self, run_id: str, remedy: Remedy) -> None:
        """Do what the button of a finding about a training says."""
        session, run = self._session, self._session.runs.run(run_id)
        match remedy.action:
            case "label":
                self._panel.step_wanted.emit(0)
            case "label-another":
                self._label_another()
            case "add-images":
                self._panel.images_wanted.emit()
            case "show-image":
                session.select(remedy.target)
            case "resume" | "longer" as how:
                if run is not None:
                    (session.runs.resume if how == "resume" else session.runs.train_longer)(run)
                    self._panel.curves_wanted.emit()
            case "use-start":
                self._use(Path(remedy.target))
            case "range-test":
                self._fill(run_id, Remedy(""))
                self.find_rate()
            case _:
                self._train_again(run_id, remedy)

    def _use(self, model: Path) -> None:
        """Let another model predict, or say that it is not among those of the project."""
        session = self._session
        run = next((run for run in session.runs.all if run.has_model and model in (run.model, run.folder)), None)
        if run is None:
            session.notice(
                self.tr("The earlier model is not in the list of this project any more."),
                self.tr("Choose another one in the step Predict."),
                "warning",
            )
            return
        session.models.choose(run.id)
        session.notice(self.tr("{0} predicts from now on.").format(run.name), level="good")

    def _label_another(self) -> None:
        """Go to the step Label and to an image without labels, or say that there is none."""
        session = self._session
        self._panel.step_wanted.emit(0)
        free = session.states.unlabelled()
        if not free:
            session.notice(
                self.tr("Every image has labels already."), self.tr("Add more images with + above the list of images.")
            )
        elif session.front.wanted not in free:
            session.select(free[0])

    def find_rate(self) -> None:
        """Test learning rates with the settings of the form, as soon as every label is in its file."""
        session = self._session
        project = session.project
        if project is None or session.jobs.catalogue is None:
            return
        wish = self._panel.setup.wish()

        def begin(job: TrainJob) -> None:
            if project is session.project:
                session.rates.start(job, self.tr("Learning rates"))
                self._panel.reveal(self._panel.rates)

        session.background.run(all_saved_first(project, lambda: training_job(project, wish)), begin)

    def _train_again(self, run_id: str, remedy: Remedy) -> None:
        live = self._session.jobs.live(run_id)
        self._fill(run_id, remedy)
        if live:
            self._session.jobs.stop(run_id)
        elif remedy.starts and self._session.runs.training is None:
            self._panel.start()

    def _fill(self, run_id: str, remedy: Remedy) -> None:
        job = self._session.doctor.job(run_id)
        if job is not None:
            self._panel.setup.fill(job, remedy.settings)

    def _title(self, run_id: str) -> str:
        run = self._session.runs.run(run_id)
        job = self._session.jobs.job(run_id)
        name = run.name if run is not None else job.title if job is not None else ""
        return self.tr("About {0}").format(name) if name else ""

    def _on_job(self, job_id: str) -> None:
        job = self._session.jobs.job(job_id)
        if job is None or job_id == self._newest or job.state == "queued":
            return
        if isinstance(job.spec, TrainJob) and self._session.runs.owns(job):
            self._newest = job_id
            self.speak_of(job_id)

    def _on_project(self, _project: object) -> None:
        self._newest = ""
        self.speak_of("")

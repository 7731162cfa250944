"""How far a prediction is, with the button that ends it; then why it failed."""

from PySide6.QtWidgets import QProgressBar, QVBoxLayout, QWidget

from segstudio.gui.forms.parts import button, caption
from segstudio.gui.theme import SPACING
from segstudio.session.job import Job
from segstudio.session.session import Session


class PredictionProgress(QWidget):
    """Seen while a prediction runs, or after it has failed."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._job_id = ""
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._words, self._problem = caption(), caption(role="error")
        self._cancel = button(self.tr("Cancel"), self._on_cancel, "x")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        for widget in (self._bar, self._words, self._cancel, self._problem):
            column.addWidget(widget)

    def show_job(self, job: Job | None) -> None:
        """Follow a job; ``None`` for none."""
        running = job is not None and not job.ended
        for widget in (self._bar, self._words, self._cancel):
            widget.setVisible(running)
        error = job.error if job is not None else None
        self._problem.setText(f"{error.message} {error.hint}".strip() if error else "")
        self._problem.setVisible(error is not None)
        self.setVisible(running or error is not None)
        if job is None or not running:
            return
        self._job_id = job.id
        progress = job.progress
        self._bar.setRange(0, progress.total if progress else 0)
        self._bar.setValue(progress.done if progress else 0)
        self._words.setText(self._say(job))

    def _say(self, job: Job) -> str:
        if job.waits_for:
            return self.tr("Waits for {0}. Pause it in Train to predict now.").format(job.waits_for)
        if job.progress is None:
            return self.tr("Starting …")
        left = self.tr("{0} left").format(job.left) if job.left else ""
        # Not the name of the image: no room is sure to be enough for it, and the status bar has it.
        image = self.tr("Image {0}").format(job.counted) if job.counted else self.tr("Predicting …")
        return "  ·  ".join(word for word in (image, left) if word)

    def _on_cancel(self) -> None:
        self._session.jobs.stop(self._job_id)

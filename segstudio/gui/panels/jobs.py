"""The jobs of this sitting: what runs, how far it is, how it ended; stop it or read its log."""

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QSizePolicy,
    QStackedLayout,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.forms.parts import Column, ElidedLabel, EmptyState, button, caption, set_role, tool_button
from segstudio.gui.forms.plain import plain
from segstudio.gui.report import Failure, ReportBox
from segstudio.gui.theme import icon
from segstudio.jobs.spec import TrainJob
from segstudio.session.curves import epoch_words
from segstudio.session.job import Job
from segstudio.session.job_list import ENDED_KEPT
from segstudio.session.session import Session

_TITLE_WIDTH = 200


class JobsPanel(QWidget):
    """One line for each job that goes on, and for the last that ended; the newest first.

    Parameters
    ----------
    program_log
        For reports about jobs that have no log of their own.
    """

    def __init__(self, session: Session, program_log: Path | None = None) -> None:
        super().__init__()
        self._session, self._program_log = session, program_log
        self.rows: dict[str, JobRow] = {}
        self._empty = EmptyState("stack")
        says = self.tr("Trainings and predictions appear here while they run. The last {0} stay until you quit.")
        self._empty.say(says.format(ENDED_KEPT))
        self._column = Column()
        self._column.body.setSpacing(0)
        self._column.body.addStretch(1)
        self._pages = QStackedLayout(self)
        self._pages.addWidget(self._empty)
        self._pages.addWidget(self._column)
        session.jobs.changed.connect(self._on_changed)
        for job in reversed(session.jobs.jobs):
            self._on_changed(job.id)

    def _on_changed(self, job_id: str) -> None:
        job = next((job for job in self._session.jobs.jobs if job.id == job_id), None)
        if job is None:
            self._remove(job_id)
            return
        if job_id not in self.rows:
            self.rows[job_id] = JobRow(self._session, self._program_log)
            self._column.body.insertWidget(0, self.rows[job_id])
        self.rows[job_id].show_job(job)
        self._pages.setCurrentIndex(1)

    def _remove(self, job_id: str) -> None:
        row = self.rows.pop(job_id, None)
        if row is None:
            return
        self._column.body.removeWidget(row)
        row.hide()
        row.deleteLater()
        self._pages.setCurrentIndex(1 if self.rows else 0)


class JobRow(QFrame):
    """One job."""

    def __init__(self, session: Session, program_log: Path | None) -> None:
        super().__init__()
        self._session, self._program_log = session, program_log
        self._job: Job | None = None
        self._picture = QLabel()
        self._title = ElidedLabel()
        self._title.setFixedWidth(_TITLE_WIDTH)
        self._state = plain(QLabel())
        self._state.setProperty("role", "secondary")
        self._words = caption()
        self._words.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._bar = QProgressBar()
        self._bar.setTextVisible(False)
        self._bar.setFixedWidth(140)
        self._details = button(self.tr("Details"), self._show_details)
        self._log = tool_button("file-text", self.tr("Open the log"), self._open_log)
        self._stop = button(self.tr("Stop"), self._on_stop, "stop")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 6, 0, 6)
        line.setSpacing(12)
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(self._title)
        names.addWidget(self._state)
        line.addWidget(self._picture)
        line.addLayout(names)
        line.addWidget(self._words, 1)
        for widget in (self._bar, self._details, self._log, self._stop):
            line.addWidget(widget, 0, Qt.AlignmentFlag.AlignVCenter)

    def words(self) -> str:
        """Return what is said about the job."""
        return f"{self._state.text()} {self._words.text()}".strip()

    def show_job(self, job: Job) -> None:
        """Show the state of a job."""
        self._job = job
        train = isinstance(job.spec, TrainJob)
        colour = {"failed": "error", "done": "good"}.get(job.state, "accent" if not job.ended else "secondary")
        self._picture.setPixmap(icon("graduation-cap" if train else "magic-wand", colour).pixmap(20, 20))
        self._title.setText(job.title)
        self._state.setText(self._state_words(job))
        set_role(self._words, "error" if job.error else "secondary")
        self._words.setText(self._say(job))
        known = job.progress is not None and job.progress.total > 0
        self._bar.setVisible(not job.ended and job.state != "queued")
        self._bar.setRange(0, job.progress.total if job.progress and known else 0)
        self._bar.setValue(job.progress.done if job.progress else 0)
        self._details.setVisible(job.error is not None and bool(job.error.details))
        self._log.setVisible(job.log is not None and job.state not in ("queued", "starting"))
        self._stop.setVisible(not job.ended)
        self._stop.setEnabled(job.state != "stopping")
        self._stop.setText(self.tr("Remove") if job.state == "queued" else self.tr("Stop"))

    def _state_words(self, job: Job) -> str:
        words = {
            "queued": self.tr("waits"),
            "starting": self.tr("starts"),
            "running": self.tr("runs"),
            "paused": self.tr("paused"),
            "stopping": self.tr("stops"),
            "done": self.tr("done"),
            "stopped": self.tr("stopped"),
            "failed": self.tr("failed"),
        }[job.state]
        return f"{words} · {job.device_name}" if job.device_name and not job.ended else words

    def _say(self, job: Job) -> str:
        if job.error is not None:
            return f"{job.error.message} {job.error.hint}".strip()
        if job.waits_for:
            return self.tr("Waits for {0}.").format(job.waits_for)
        if job.ended:
            return f"{job.warnings[-1].message}" if job.warnings else self._result(job)
        if job.progress is None:
            return ""
        left = self.tr("{0} left").format(job.left) if job.left else ""
        return "  ·  ".join(word for word in (job.progress.stage, job.counted, left) if word)

    def _result(self, job: Job) -> str:
        if isinstance(job.spec, TrainJob):
            score = job.best.values.get("val_f1") if job.best else None
            return (
                self.tr("Best F1 {0:.3f} after epoch {1}").format(score, epoch_words(job.best.epoch))
                if score and job.best
                else ""
            )
        count = sum(artifact.role in ("labels", "image") for artifact in job.artifacts)
        if count < 2:
            return self.tr("1 image predicted") if count else ""
        return self.tr("{0} images predicted").format(count)

    def _on_stop(self) -> None:
        if self._job is not None:
            self._session.jobs.stop(self._job.id)

    def _open_log(self) -> None:
        if self._job is None or self._job.log is None:
            return
        log, session, title = self._job.log, self._session, self._job.title

        def show(is_there: bool) -> None:
            if is_there:
                if not QDesktopServices.openUrl(QUrl.fromLocalFile(str(log))):
                    says = self.tr("This desktop has no program that shows the log of {0}.").format(title)
                    hint = self.tr("Open it with a text editor: {0}").format(log)
                    session.notice(says, hint, "warning")
            else:
                session.notice(self.tr("{0} has no log.").format(title), self.tr("It ended before it began to write."))

        session.background.run(log.is_file, show)

    def _show_details(self) -> None:
        if self._job is None or self._job.error is None:
            return
        error = self._job.error
        failure = Failure(
            title=self._job.title,
            message=error.message,
            hint=error.hint,
            report=f"{error.code}: {error.message}\n{error.hint}\n\n{error.details}",
            leave=self.tr("Close"),
        )
        box = ReportBox(failure, self._job.log or self._program_log, self._session.background, self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.open()

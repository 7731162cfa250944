"""What all panels have in common, on a real project: empty states, room, jobs, imports."""

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QApplication
from studio import ROOT, Studio, message, training_job

from segstudio.gui.forms.parts import Column, EmptyState
from segstudio.gui.panels.jobs import JobRow, JobsPanel
from segstudio.gui.panels.prediction import PredictionPanel
from segstudio.gui.panels.training import TrainingPanel
from segstudio.gui.theme import apply_theme
from segstudio.jobs.messages import Failed, Progress, Started
from segstudio.session.notice import Notice

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def test_a_step_that_cannot_work_yet_says_why_and_offers_the_way(studio: Studio) -> None:
    training = studio.show(TrainingPanel(studio.session))
    prediction = studio.show(PredictionPanel(studio.session))
    assert "Open a folder" in training._empty.text()
    studio.open()
    studio.until(lambda: "Label about 10 cells" in training._empty.text())
    with studio.qtbot.waitSignal(training.step_wanted) as wanted:
        training._empty.press()
    assert wanted.args == [0]
    assert "There is no model yet. Label about 10 cells" in prediction._empty.text()
    with studio.qtbot.waitSignal(prediction.step_wanted) as wanted:
        prediction._empty.press()
    assert wanted.args == [1]
    studio.label_images()
    studio.until(lambda: "Train one on the 2 images" in prediction._empty.text())


def test_nothing_is_cut_off_beside_a_scroll_bar(studio: Studio, qapp: QApplication) -> None:
    apply_theme(qapp)  # its buttons are wider than plain ones
    studio.open()
    panel = studio.show(TrainingPanel(studio.session), 320, 400)
    studio.model()
    studio.label_images()
    studio.until(lambda: panel.summary_text().startswith("Trains on"))
    panel.runs.list.selectAll()
    column = panel.findChild(Column)
    studio.until(lambda: column.verticalScrollBar().isVisible())
    studio.until(lambda: column.widget().width() <= column.viewport().width())


def test_a_long_name_of_a_device_is_cut_and_told_by_the_tooltip(studio: Studio) -> None:
    studio.open()
    panel = studio.show(TrainingPanel(studio.session))
    job = training_job(studio.runs_folder / "run")
    studio.session.jobs.start_training(job)
    name = "NVIDIA RTX 6000 Ada Generation Laptop GPU with a very long name indeed"
    studio.session.jobs.handle(message(job, Started(device="cuda", device_name=name, pid=1)))
    label = panel.live._figures._labels["device"]
    studio.until(lambda: label.text().endswith("…"))
    assert len(label.text()) > 20
    assert name in label.toolTip()


def test_where_the_log_of_a_job_is_is_said_when_nothing_can_show_it(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = studio.show(JobsPanel(studio.session), 900, 260)
    job = training_job(tmp_path / "run")
    studio.session.jobs.start_training(job)
    log = tmp_path / "run" / "log.txt"
    log.parent.mkdir(exist_ok=True)
    log.touch()
    said: list[Notice] = []
    studio.session.noticed.connect(said.append)
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda _url: False)
    panel.rows["run-1"]._open_log()
    studio.until(lambda: any(str(log) in notice.hint for notice in said))


def test_the_list_of_jobs_says_what_runs_and_why_it_failed(studio: Studio, tmp_path: Path) -> None:
    panel = studio.show(JobsPanel(studio.session), 900, 260)
    jobs = studio.session.jobs
    job = training_job(tmp_path / "run")
    jobs.start_training(job)
    jobs.handle(message(job, Progress(stage="Training", done=3, total=20, remaining_s=250)))
    assert panel.rows["run-1"].words() == "runs Training  ·  3/20  ·  4:10 left"
    jobs.handle(message(job, Failed(code="out-of-memory", message="The memory is full.", hint="Take fewer patches.")))
    assert panel.rows["run-1"].words() == "failed The memory is full. Take fewer patches."


def test_the_list_of_jobs_holds_no_more_rows_than_there_are_jobs(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.session.job_queue.ENDED_KEPT", 2)
    panel = studio.show(JobsPanel(studio.session), 900, 260)
    jobs = studio.session.jobs
    trainings = [training_job(tmp_path / f"run-{number}", f"run-{number}") for number in range(4)]
    for job in trainings:
        jobs.start_training(job)
        jobs.handle(message(job, Failed(code="out-of-memory", message="The memory is full.", hint="")))
    assert list(panel.rows) == ["run-2", "run-3"]
    studio.until(lambda: len(panel.findChildren(JobRow)) == 2)
    for job in trainings:
        jobs.forget(job.job_id)
    assert not panel.rows
    assert "appear here" in panel.findChildren(EmptyState)[0].text()
    assert panel.findChildren(EmptyState)[0].isVisible()


PROGRAM = """
import sys
from PySide6.QtWidgets import QApplication
app = QApplication([])
from segstudio.session.session import Session
from segstudio.jobs.messages import Metric
from segstudio.gui.panels.label_step import LabelPanel
from segstudio.gui.panels.training import TrainingPanel
from segstudio.gui.theme import apply_theme
from segstudio.gui.panels.prediction import PredictionPanel
from segstudio.gui.panels.measure import MeasurePanel
from segstudio.gui.panels.instances import InstancesPanel
from segstudio.gui.panels.jobs import JobsPanel
from segstudio.gui.panels.curves import CurvesPanel
session = Session()
panels = [P(session) for P in (LabelPanel, TrainingPanel, PredictionPanel, MeasurePanel, InstancesPanel, JobsPanel)]
panel = CurvesPanel(session)
assert "pyqtgraph" not in sys.modules, "pyqtgraph is imported before the first curve"
panel.show()
session.jobs.curves.add("a", Metric(epoch=1, step=1, elapsed_s=1, values={"train_loss": 1.0}))
session.jobs.curves.show(["a"])
panel.draw()
assert panel.plotted() == ["training"]
assert "torch" not in sys.modules
session.close()
"""


def test_panels_never_import_torch_and_import_the_plotter_for_the_first_curve_only() -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr

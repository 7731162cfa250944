"""What the program makes of a training, in the real window: findings are in sight, their buttons do what they say."""

from pathlib import Path

import numpy as np
import pytest
from pyqtgraph import InfiniteLine, InfLineLabel, PlotWidget
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel
from recorded_runs import recorded
from window_driver import Driver, run_program

from segstudio.config.run import RunConfig
from segstudio.gui.panels.curve_plot import CurvePlot
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key, store_catalogue
from segstudio.jobs.messages import Facts, Finished, Message, Metric, Progress, Started
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import RangeTestJob, TrainJob
from segstudio.project.sample_project import copy_sample
from segstudio.session.runs import Run

_RATE = "training.learning_rate"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    def offers(*names: str) -> list[Offer]:
        return [Offer(name=name, title=name, description="", settings={}, decode={}) for name in names]

    store_catalogue(
        Catalogue(
            key=catalogue_key(),
            formulations=offers("joint", "boundary"),
            architectures=offers("unet"),
            sections=RunConfig.model_json_schema(),
        )
    )
    return copy_sample(tmp_path)


class Hand:
    """Trains without a process: the messages come from recorded runs."""

    def __init__(self, hand: Driver, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hand, self.folder = hand, folder
        self.started: list[TrainJob] = []
        self.tested: list[RangeTestJob] = []
        session, panel = hand.session, hand.window.training
        monkeypatch.setattr(session.jobs.trainings, "start", lambda spec, *_: self.started.append(spec))
        monkeypatch.setattr(session.jobs._worker, "submit", self._submit)
        hand.wait(lambda: session.document is not None, what="the image")
        hand.window.show_step(1)
        hand.wait(lambda: panel.summary_text().startswith("Trains on"), what="the form")

    def _submit(self, spec: object) -> None:
        if isinstance(spec, RangeTestJob):
            self.tested.append(spec)

    def train(self, name: str) -> list[Message]:
        """Start a recorded training; return what it will say."""
        job, messages = recorded(name)
        job = job.model_copy(update={"run_folder": self.folder / "runs" / name})
        self.hand.session.jobs.start_training(job)
        self.say(name, Started(device="cpu", device_name="a processor", pid=1))
        return messages

    def say(self, job_id: str, *messages: Message) -> None:
        for message in messages:
            self.hand.session.jobs.handle(message.model_copy(update={"job_id": job_id}))

    def rate(self) -> object:
        return self.hand.window.training.setup.form.rows[_RATE].editor.value()

    def words(self) -> str:
        section = self.hand.window.training.doctor
        return " ".join(label.text() for label in section.findChildren(QLabel) if label.isVisible())


def _marks(driver: Driver) -> list[str]:
    """Return what is said in the plot of the curves besides the best epoch."""
    plots = driver.window.curves.findChildren(CurvePlot)
    items = [item for plot in plots for item in plot.findChildren(PlotWidget)[0].getPlotItem().items]
    lines = [item for item in items if isinstance(item, InfiniteLine)]
    words = [part.format for line in lines for part in line.childItems() if isinstance(part, InfLineLabel)]
    return [text for text in words if not text.startswith("best")]


def test_a_finding_of_a_training_that_is_over_trains_again_with_another_rate(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(driver: Driver) -> None:
        hand = Hand(driver, folder, monkeypatch)
        messages = hand.train("rate-too-high")
        hand.say("rate-too-high", *messages)
        driver.wait(lambda: "The learning rate is too high" in hand.words(), what="the finding")
        assert "The validation loss was 13000 at epoch 1" in hand.words()
        driver.click(driver.window.training.doctor, "Use rate 0.005 and train again")
        driver.wait(lambda: len(hand.started) == 2, what="the second training")
        assert hand.started[1].formulation.name == "boundary"
        assert hand.started[1].config["training"]["epochs"] == 16
        assert hand.started[1].config["training"].get("learning_rate", 0.005) == 0.005
        assert hand.started[1].job_id != "rate-too-high"
        hand.say(hand.started[1].job_id, Finished(outcome="stopped"))

    run_program([str(folder)], script)


def test_a_finding_of_a_training_that_runs_stops_it_and_fills_the_form(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[tuple[str, str]] = []

    def script(driver: Driver) -> None:
        hand = Hand(driver, folder, monkeypatch)
        monkeypatch.setattr(driver.session.jobs.trainings, "send", lambda *words: sent.append(words))
        messages = hand.train("rate-too-low")
        hand.say("rate-too-low", *[message for message in messages if not isinstance(message, Finished)])
        driver.wait(lambda: "seems too low" in hand.words(), what="the finding")
        driver.click(driver.window.training.doctor, "Stop it and change the setting")
        assert sent == [("rate-too-low", "stop")]
        hand.say("rate-too-low", Finished(outcome="stopped"))
        driver.wait(driver.window.training.setup.isVisible, what="the form")
        assert hand.rate() == 5e-3
        assert len(hand.started) == 1, "the user starts the next one"

    run_program([str(folder)], script)


def test_a_model_worse_than_its_start_lets_the_earlier_one_predict(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(driver: Driver) -> None:
        hand, runs = Hand(driver, folder, monkeypatch), driver.session.runs
        monkeypatch.setattr(runs, "refresh", lambda: None)
        hand.say("worse-than-its-start", *hand.train("worse-than-its-start"))
        job = driver.session.doctor.job("worse-than-its-start")
        assert job is not None
        assert job.start_from is not None
        runs.all = (
            Run("new", "New", folder / "runs" / "new", "done", job, best=None, has_model=True),
            Run("old", "Old", job.start_from, "done", job, best=None, has_model=True),
        )
        runs.changed.emit()
        assert driver.session.models.run_id == "new"
        driver.wait(lambda: "worse than the one it started from" in hand.words(), what="the finding")
        driver.click(driver.window.training.doctor, "Predict with the earlier model")
        assert driver.session.models.wish == "old"
        assert "Old predicts from now on." in [notice.text for notice in driver.window.banners.messages()]

    run_program([str(folder)], script)


def test_all_is_quiet_about_a_healthy_training(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(driver: Driver) -> None:
        hand = Hand(driver, folder, monkeypatch)
        messages = hand.train("sample-project")
        assert not driver.window.training.doctor.isVisible()
        hand.say("sample-project", *messages)
        driver.wait(lambda: hand.words() == "About sample-project Nothing looks wrong.", what="the silence")

    run_program([str(folder)], script)


def test_nothing_found_after_a_look_or_two_is_no_good_news(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(driver: Driver) -> None:
        hand = Hand(driver, folder, monkeypatch)
        messages = hand.train("healthy")
        first = next(number for number, item in enumerate(messages) if isinstance(item, Metric)) + 1
        section = driver.window.training.doctor
        hand.say("healthy", *messages[:first])
        early = "Too early to tell: 1 look at the validation images so far, and it takes 6."
        driver.wait(lambda: hand.words() == f"About healthy {early}", what="that it is too early")
        (said,) = [label for label in section.findChildren(QLabel) if label.text() == early]
        assert said.property("role") == "secondary", "not in green"
        hand.say("healthy", *messages[first:])
        driver.wait(lambda: hand.words() == "About healthy Nothing looks wrong.", what="the good news")
        assert said.property("role") == "good"

    run_program([str(folder)], script)


def test_what_is_put_away_comes_back_when_there_is_something_new(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(driver: Driver) -> None:
        hand = Hand(driver, folder, monkeypatch)
        messages = hand.train("overfitting")
        section = driver.window.training.doctor
        hand.say("overfitting", *messages[:6])
        driver.wait(section.isVisible, what="the section")
        section.put_away()
        hand.say("overfitting", *messages[6:9])
        QTest.qWait(600)
        assert not section.isVisible()
        hand.say("overfitting", *messages[9:])
        driver.wait(lambda: "learn its training images by heart" in hand.words(), what="the finding")

    run_program([str(folder)], script)


def test_a_chosen_run_is_explained_below_the_list(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job, messages = recorded("overfitting")
    run = RunFolder.create(job.model_copy(update={"run_folder": folder / "runs" / "old", "name": "Old one"}))
    for message in messages:
        run.append(message)

    def script(driver: Driver) -> None:
        Hand(driver, folder, monkeypatch)
        panel = driver.window.training
        driver.wait(lambda: panel.runs.list.count() == 1, what="the list")
        assert not panel.doctor_of_chosen.isVisible()
        panel.runs.list.setCurrentRow(0)
        driver.wait(panel.doctor_of_chosen.isVisible, what="the findings")
        assert "overfitting" in [finding.code for finding in panel.doctor_of_chosen.findings()]
        panel.runs.compare()
        driver.wait(lambda: driver.session.jobs.curves.shown == ("overfitting",), what="the curves")
        driver.window.show_drawer(1)
        driver.wait(lambda: _marks(driver) == ["by heart from here"], what="the mark in the curves")
        panel.runs.list.clearSelection()
        driver.wait(lambda: not panel.doctor_of_chosen.isVisible(), what="the silence")

    run_program([str(folder)], script)


def test_a_learning_rate_is_found_and_taken_with_two_clicks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def script(driver: Driver) -> None:
        hand = Hand(driver, folder, monkeypatch)
        panel = driver.window.training
        driver.window.resize(1280, 640)  # the test lies far below the settings
        driver.window.show_step(0)
        driver.action("train.rates")
        driver.wait(lambda: hand.tested, what="the test")
        driver.wait(lambda: panel.rates._bar.visibleRegion().boundingRect().height() > 0, what="its progress in sight")
        job_id = hand.tested[0].job_id
        assert hand.tested[0].training.samples
        hand.say(job_id, Started(device="cpu", device_name="a processor", pid=2))
        for step, rate in enumerate(np.geomspace(1e-6, 1e-2, 30)):
            values = {"learning_rate": float(rate), "train_loss": 1 - step / 40, "smooth_loss": 1 - step / 40}
            hand.say(job_id, Metric(epoch=step, step=step, elapsed_s=0, values=values))
            hand.say(job_id, Progress(stage="Trying learning rates", done=step, total=100))
        QTest.qWait(50)
        assert panel.rates.words().startswith("Trying learning rates")
        hand.say(job_id, Finished(outcome="done", summary={"suggested_rate": 0.0074}))
        driver.wait(panel.rates.isVisible, what="the curve")
        assert "falls well" in panel.rates.words()
        driver.click(panel.rates, "Use 0.0074")
        assert panel.rates.words() == "The form has a rate of 0.0074 now, under Advanced › Training."
        assert hand.rate() == 0.0074
        assert hand.started == []

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_a_validation_too_small_to_believe_leads_to_an_image_to_label(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def script(driver: Driver) -> None:
        hand, session = Hand(driver, folder, monkeypatch), driver.session
        hand.say("one-validation-image", *hand.train("one-validation-image"))
        section = driver.window.training.doctor
        driver.wait(lambda: "too small to believe" in hand.words(), what="the finding")
        driver.click(section, "Label another image")
        assert driver.window.steps.currentIndex() == 0
        driver.wait(lambda: session.states.state(session.front.wanted) == "empty", what="an image without labels")
        monkeypatch.setattr(session.states, "unlabelled", list)
        driver.window.show_step(1)
        driver.click(section, "Label another image")
        said = [notice.text for notice in driver.window.banners.messages()]
        assert any(text.startswith("Every image has labels already.") for text in said)

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_too_few_pairs_lead_to_the_choice_of_more_images(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        "segstudio.gui.opening.QFileDialog.getOpenFileNames", lambda _parent, title, *_: (asked.append(title) or [], "")
    )

    def script(driver: Driver) -> None:
        hand = Hand(driver, folder, monkeypatch)
        job, _ = recorded("healthy")
        pair = job.samples[0].model_copy(update={"target": Path("targets/a.tif")})
        job = job.model_copy(update={"samples": (pair,), "run_folder": folder / "runs" / "pairs", "job_id": "pairs"})
        driver.session.jobs.start_training(job)
        hand.say("pairs", Started(device="cpu", device_name="a processor", pid=1))
        hand.say("pairs", Facts(values={"validation_images": 1, "result": "image"}), Finished(outcome="done"))
        driver.wait(lambda: "too small to believe" in hand.words(), what="the finding")
        driver.click(driver.window.training.doctor, "Add images…")
        assert len(asked) == 1

    run_program([str(folder)], script)

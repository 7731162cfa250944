"""A model from a folder elsewhere, taken by the window for predicting and to start a training from."""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QFileDialog
from window_driver import Driver, run_program

from segstudio.jobs.model_folder import CARD_NAME, WEIGHTS_NAME
from segstudio.project.project import Project


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((64, 64), np.uint8))
    project, _ = Project.create(tmp_path / "project", [tmp_path / "a.tif"])
    project.close()
    return tmp_path / "project"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    made = tmp_path / "a model"
    made.mkdir()
    card = {
        "format": "segstudio-model",
        "schema_version": 1,
        "name": "Theirs",
        "formulation": {"name": "joint"},
        "architecture": {"name": "unet"},
        "classes": [{"id": 1, "name": "cell"}],
    }
    (made / CARD_NAME).write_text(json.dumps(card))
    (made / WEIGHTS_NAME).write_bytes(b"weights")
    return made


def _last(box: QComboBox) -> None:
    """Go to the last entry with the keyboard, as one who does not see the list."""
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_End)


@pytest.mark.timeout(60)
def test_a_model_from_a_folder_predicts_and_starts_a_training(
    folder: Path, model: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [str(model.parent), str(model)]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: answers.pop(0))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        window = hand.window
        window.show_step(2)
        hand.click(window.prediction, "Model from a folder…")  # there is none yet
        hand.wait(lambda: window.banners.messages(), what="what is wrong")
        assert "is not a model" in window.banners.messages()[0].message
        hand.click(window.prediction, "Model from a folder…")
        hand.wait(lambda: window.prediction._model.isVisible(), what="the list of models")
        assert window.prediction._model.currentText() == "Theirs"
        (run,) = hand.session.runs.all
        start = window.training.setup._start.box
        start.setCurrentIndex(start.findText("Theirs"))
        assert start.run_id() == run.id
        assert run.model.is_relative_to(folder)

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_after_a_click_on_predict_the_arrow_keys_move_no_threshold(
    folder: Path, model: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(model))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        window, asked = hand.window, []
        monkeypatch.setattr(hand.session.jobs, "predict", lambda job, _title: asked.append(job) or job.job_id)
        window.show_step(2)
        hand.click(window.prediction, "Model from a folder…")
        hand.wait(lambda: window.prediction._model.isVisible(), what="the list of models")
        window.prediction._predict.setFocus()
        hand.click(window.prediction, "Predict")
        hand.wait(lambda: asked, what="the prediction")
        assert window.canvas.hasFocus()

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_both_lists_offer_it_and_cancelling_changes_nothing(
    folder: Path, model: Path, qapp: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [str(model), "", ""]
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: answers.pop(0))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        window = hand.window
        start, predict = window.training.setup._start.box, window.prediction._model
        _last(start)
        hand.wait(lambda: start.currentText() == "Theirs", what="the model, chosen where it was asked for")
        for box in (start, predict):
            _last(box)
            assert box.currentText() == "Theirs"
        assert not answers

    run_program([str(folder)], script)

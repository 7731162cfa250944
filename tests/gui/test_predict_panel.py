"""The step Predict: models, thresholds, proposals."""

from typing import Any

import numpy as np
import pytest
from factories import cells, discs
from studio import Studio

from segstudio.gui.panels.prediction import PredictionPanel
from segstudio.gui.panels.training import TrainingPanel
from segstudio.io.disk import DiskError
from segstudio.jobs.spec import DecodeJob

pytestmark = pytest.mark.qt_log_ignore("propagateSizeHints")


def test_proposals_are_counted_accepted_and_come_back_with_undo(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.propose(discs((96, 96), [(20, 20), (20, 60), (60, 20)], 8))
    assert panel.proposals.counter() == "Proposals: 3 of 3 left"
    studio.until(lambda: panel.proposals._accept_all.text() == "Accept all 3")
    document = studio.session.document
    assert document is not None
    panel.proposals.accept_all()
    assert len(document.planes.objects) == 3
    assert panel.proposals.counter() == "Proposals: 0 of 3 left"
    document.undo()
    assert panel.proposals.counter() == "Proposals: 3 of 3 left"


def _many() -> np.ndarray:
    return np.pad(np.arange(1, 82, dtype=np.int32).reshape(9, 9).repeat(10, 0).repeat(10, 1), (0, 6))


def test_many_are_accepted_without_the_window_waiting(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.propose(_many())
    document, button = studio.session.document, panel.proposals._accept_all
    assert document is not None
    studio.until(lambda: button.text() == "Accept all 81")
    panel.proposals.accept_all()
    assert (button.text(), button.isEnabled()) == ("Accepting …", False)
    assert not document.planes.objects
    assert panel.proposals.counter() == "Proposals: 81 of 81 left"
    studio.until(lambda: not studio.session.ahead.busy)
    assert (button.text(), len(document.planes.objects)) == ("All decided", 81)
    document.undo()
    assert panel.proposals.counter() == "Proposals: 81 of 81 left"
    studio.until(lambda: button.text() == "Accept all 81")


def test_what_is_drawn_while_many_are_accepted_stays(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.propose(_many())
    document, button = studio.session.document, panel.proposals._accept_all
    assert document is not None
    panel.proposals.accept_all()
    studio.label(np.where(_many() == 41, 1, 0).astype(np.int32))
    studio.until(lambda: not studio.session.ahead.busy)
    assert panel.proposals.counter() == "Proposals: 1 of 81 left"
    assert "1 proposal was left" in studio.notices[-1]
    assert document.history.undo_name == "Accept 81 proposals"
    studio.until(lambda: button.text() == "None is free to accept")


def test_many_that_are_being_accepted_can_be_given_up(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.propose(_many())
    button = panel.proposals._accept_all
    panel.proposals.accept_all()
    assert studio.session.ahead.cancel()
    studio.until(lambda: button.text() == "Accept all 81" and button.isEnabled())
    assert studio.session.document is not None
    assert not studio.session.document.planes.objects


def test_editing_a_proposal_selects_the_new_object_with_the_brush(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.propose(discs((96, 96), [(20, 20), (20, 60)], 8))
    studio.session.walk.next_pending()
    panel.proposals.edit_current()
    view = studio.session.view
    assert view.selected == {view.current_object}
    assert view.tool == "brush"


def test_proposals_on_hand_drawn_objects_are_left_and_the_user_is_told(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.label(discs((96, 96), [(20, 20)], 8))
    studio.propose(discs((96, 96), [(20, 20), (60, 60)], 8))
    studio.until(lambda: panel.proposals._accept_all.text() == "Accept 1 of 2")
    panel.proposals.accept_all()
    assert panel.proposals.counter() == "Proposals: 1 of 2 left"
    studio.until(lambda: not panel.proposals._accept_all.isEnabled())
    assert "1 proposal was left" in studio.notices[-1]


def test_the_keys_of_a_button_that_turns_grey_do_not_go_to_its_neighbour(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.label(discs((96, 96), [(20, 20)], 8))
    studio.propose(discs((96, 96), [(20, 20), (60, 60)], 8))
    studio.until(lambda: panel.proposals._accept_all.text() == "Accept 1 of 2")
    panel.activateWindow()
    panel.proposals._accept_all.setFocus()
    studio.until(panel.proposals._accept_all.hasFocus)
    with studio.qtbot.waitSignal(panel.asked):  # the window gives the keys to the image
        panel.proposals._accept_all.click()


def test_editing_a_proposal_on_a_hand_drawn_object_says_why_nothing_happens(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.label(discs((96, 96), [(20, 20)], 8))
    studio.propose(discs((96, 96), [(20, 20)], 8))
    studio.session.walk.next_pending()
    panel.proposals.edit_current()
    assert studio.session.review.pending_count == 1
    assert "1 proposal was left" in studio.notices[-1]


def test_a_slider_decodes_again_with_the_settings_of_the_model(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.model()
    studio.until(lambda: not panel.decode.is_empty)
    studio.propose(discs((96, 96), [(20, 20)], 8))
    asked: list[DecodeJob] = []
    monkeypatch.setattr(studio.session.jobs, "decode", asked.append)
    assert panel.decode.values() == {"threshold": 0.6, "min_size": 15}
    slider = panel.decode.slider("threshold")
    for place in (20, 30, 40):
        slider._slider.setValue(place)
    studio.until(lambda: asked)
    assert len(asked) == 1
    assert asked[0].decode["threshold"] == pytest.approx(slider.value(), abs=1e-4)


def test_all_images_are_predicted_with_the_chosen_model(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.open(3)
    panel = studio.show(PredictionPanel(studio.session))
    studio.model()
    asked: list[Any] = []
    monkeypatch.setattr(studio.session.jobs, "predict", lambda job, _title: asked.append(job) or job.job_id)
    panel._scope.button(2).click()
    studio.session.devices.choose("cpu")
    assert panel._predict.text() == "Predict 3 images"
    panel.predict()
    studio.until(lambda: asked)
    project = studio.session.project
    assert project is not None
    assert asked[0].model == project.runs_folder / "run-1" / "model"
    assert asked[0].device == "cpu"
    assert [image.image_id for image in asked[0].images] == [entry.id for entry in project.images]
    assert all(image.output.parent == project.predictions_folder / "run-1" for image in asked[0].images)


def test_labels_are_in_their_file_before_a_prediction_and_a_training_begin(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", hint="Make room.", code="disk-full")

    studio.open(2)
    predict, train = studio.show(PredictionPanel(studio.session)), studio.show(TrainingPanel(studio.session))
    studio.model()
    studio.until(lambda: studio.session.jobs.catalogue)
    project, document = studio.session.project, studio.session.document
    assert project is not None
    assert document is not None
    began: list[bool] = []
    drawn = project.label_path(document.entry.id)
    monkeypatch.setattr(studio.session.jobs, "predict", lambda job, _t: began.append(drawn.is_file()) or job.job_id)
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.publisher.write_tiles", refuse)
        studio.label(cells((96, 96), seed=1).labels)
        predict.predict()
        assert not predict._predict.isEnabled(), "a second click would predict twice"
        studio.until(lambda: any("could not be saved" in sentence for sentence in studio.notices))
        assert document.entry.name in studio.notices[-1]
        studio.notices.clear()
        train.start()
        studio.until(lambda: any("could not be saved" in sentence for sentence in studio.notices))
        assert not began
        assert not studio.launcher.started
    studio.until(predict._predict.isEnabled)
    predict.predict()
    studio.until(lambda: began)
    assert began == [True]


def test_nothing_starts_in_a_project_that_was_closed_while_its_labels_were_saved(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open(2)
    predict, train = studio.show(PredictionPanel(studio.session)), studio.show(TrainingPanel(studio.session))
    studio.label_images(2)
    studio.model()
    studio.until(lambda: studio.session.jobs.catalogue)
    asked: list[Any] = []
    monkeypatch.setattr(studio.session.jobs, "predict", lambda job, _title: asked.append(job) or job.job_id)
    predict.predict()
    train.start()
    studio.session.close_project()
    studio.until(lambda: not (predict._asked or train._busy))
    assert not asked
    assert not studio.launcher.started


def test_a_new_model_is_offered_unless_proposals_of_another_are_reviewed(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.model("run-0")
    assert panel._model.currentData() == "run-0"
    studio.model("run-1")
    assert panel._model.currentData() == "run-1"
    studio.propose(discs((96, 96), [(20, 20)], 8))
    studio.model("run-2")
    assert panel._model.currentData() == "run-1"
    panel.proposals.accept_all()
    studio.model("run-3")
    assert panel._model.currentData() == "run-3"


def test_a_model_that_the_user_chose_stays(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    for run in ("run-1", "run-2"):
        studio.model(run)
    panel._model.setCurrentIndex(panel._model.findData("run-1"))
    studio.model("run-3")
    assert (panel._model.currentData(), studio.session.models.run_id) == ("run-1", "run-1")
    studio.propose(discs((96, 96), [(20, 20)], 8))
    studio.session.models.choose("run-2")
    assert panel._model.currentData() == "run-2"
    assert f"The proposals in sight are of {studio.session.runs.run('run-1').name}." in panel.decode.words()
    studio.session.models.choose("run-1")
    assert "The proposals in sight" not in panel.decode.words()


def test_thresholds_of_a_prediction_whose_maps_are_gone_say_so(studio: Studio) -> None:
    studio.open()
    panel = studio.show(PredictionPanel(studio.session))
    studio.model()
    studio.until(lambda: not panel.decode.is_empty)
    studio.propose(discs((96, 96), [(20, 20)], 8))
    studio.session.review.prediction.maps.unlink()
    panel.decode.slider("threshold")._slider.setValue(20)
    studio.until(lambda: studio.notices and "not on the disk any more" in studio.notices[-1])

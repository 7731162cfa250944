"""Trainings that were broken on purpose are recognised by what they said, and healthy ones are left in peace.

The runs are recorded, see ``tests/doctor_runs/record.py``.
"""

from pathlib import Path

import pytest
from recorded_runs import a_job, recorded

from segstudio.config.form_spec import form_spec
from segstudio.config.run import RunConfig
from segstudio.jobs.messages import Facts, Failed, Finished, Message, Metric, Warned
from segstudio.jobs.spec import Choice, SampleRecord, TrainJob
from segstudio.session.doctor import Case, Finding, examine

#: What each run is expected to be told, the worst first; the notes about few images are told of several.
EXPECTED = {
    "rate-too-high": "rate-too-high",
    "rate-too-low": "rate-too-low",
    "overfitting": "overfitting",
    "stuck-at-background": "stuck-at-background",
    "one-validation-image": "small-validation",
    "no-validation": "no-validation",
    "swapped-validation": "unlike-training",
    "rare-class": "few-labels-of-class",
    "few-labels": "few-labels",
    "too-short": "too-short",
    "small-patch": "small-patch",
    "short-sight": "short-sight",
    "worse-than-its-start": "no-better-than-start",
    "other-normalisation": "other-normalisation",
}


def found(name: str) -> dict[str, Finding]:
    return {finding.code: finding for finding in examine(Case.of(*recorded(name)))}


def told(*messages: Message, job: TrainJob | None = None) -> dict[str, Finding]:
    return {finding.code: finding for finding in examine(Case.of(job or a_job(), messages))}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_broken_run_is_recognised_with_its_evidence(name: str) -> None:
    finding = found(name)[EXPECTED[name]]
    assert any(letter.isdigit() for letter in finding.evidence)
    assert finding.sentence.endswith(".")
    assert finding.advice.endswith(".")
    assert finding.remedy is not None


@pytest.mark.parametrize("name", ["healthy", "sample-project"])
def test_a_healthy_run_is_not_warned_of(name: str) -> None:
    assert [finding.code for finding in found(name).values() if finding.severity != "note"] == []


@pytest.mark.parametrize("name", ["healthy", "sample-project"])
def test_a_healthy_run_is_not_warned_of_at_any_moment(name: str) -> None:
    job, messages = recorded(name)
    for said in range(len(messages)):
        codes = [finding.code for finding in examine(Case.of(job, messages[:said])) if finding.severity != "note"]
        assert codes == [], f"after {said} messages"


@pytest.mark.parametrize("name", EXPECTED)
def test_only_what_is_wrong_is_warned_of(name: str) -> None:
    also = {"worse-than-its-start": {"rate-too-high"}, "short-sight": {"small-patch"}}.get(name, set())
    warned = {code for code, finding in found(name).items() if finding.severity != "note"}
    assert warned <= {EXPECTED[name]} | also


@pytest.mark.parametrize("name", EXPECTED)
def test_the_form_knows_every_setting_that_a_remedy_changes(name: str) -> None:
    known = {field.path for field in form_spec(RunConfig.model_json_schema())} | {"architecture.depth"}
    for finding in found(name).values():
        assert finding.remedy is None or set(finding.remedy.settings) <= known


def test_the_overfitting_says_where_it_began() -> None:
    finding = found("overfitting")["overfitting"]
    assert finding.epoch == pytest.approx(9, abs=2)
    assert finding.evidence.startswith("The validation loss rose from 0.66 at epoch 9 to 0.79 at epoch 40;")
    assert finding.evidence.endswith("the training loss fell from 0.21 to 0.019.")


def test_a_rate_too_high_explains_what_follows_from_it() -> None:
    assert "stuck-at-background" not in found("rate-too-high")
    assert found("rate-too-high")["rate-too-high"].remedy.settings == {"training.learning_rate": 5e-3}


def test_where_nothing_is_to_be_found_nothing_is_missed() -> None:
    job, messages = recorded("stuck-at-background")
    values = Facts(values={"result": "image"})
    assert "stuck-at-background" not in {f.code for f in examine(Case.of(job, [*messages, values]))}
    empty = [_metric(epoch, train_loss=1 / epoch, val_iou=0.0, val_objects=0.0) for epoch in range(1, 9)]
    assert told(*empty) == {}


def test_one_odd_validation_within_the_first_epoch_is_no_explosion() -> None:
    first, second = {"train_loss": 2.7, "val_loss": 35.0}, {"train_loss": 1.7, "val_loss": 2.0}
    assert "rate-too-high" not in told(_metric(0.12, **first), _metric(0.46, **second))
    assert "rate-too-high" in told(_metric(0.12, **first), _metric(0.46, **first))
    assert "rate-too-high" in told(_metric(1, **first), _metric(2, **second))


def test_pairs_of_images_need_no_labels() -> None:
    pair = SampleRecord(image_id="a", image=Path("images/a.tif"), target=Path("targets/a.tif"))
    job = a_job(formulation=Choice(name="regression"), samples=(pair,))
    few = told(Facts(values={"validation_images": 1, "validation_objects": 0}), job=job)["small-validation"]
    none = told(Facts(values={"own_validation": False, "train_images": 1}), job=job)["no-validation"]
    for finding in (few, none):
        words = f"{finding.evidence} {finding.advice}"
        assert "pairs" in words
        assert "label" not in words.lower()
        assert "object" not in words
        assert finding.remedy is not None
        assert finding.remedy.action == "add-images"


def test_a_score_that_better_settings_raised_is_told_as_that_of_the_training() -> None:
    values = {"val_f1": 0.32, "val_f1_low": 0.08, "val_f1_high": 0.75}
    said = [Facts(values={"validation_images": 2, "validation_objects": 83})]
    said.append(Metric(epoch=1, step=1, elapsed_s=1, values=values))
    assert told(*said)["small-validation"].evidence.startswith("F1 is 0.32 on 2 images")
    evidence = told(*said, Finished(outcome="done", summary={"f1": 0.75}))["small-validation"].evidence
    assert evidence.startswith("While it trained, with quick settings, F1 was 0.32 on 2 images")
    assert told(*said, Finished(outcome="done", summary={"f1": 0.32}))["small-validation"].evidence.startswith("F1 is")
    said[1] = said[1].model_copy(update={"best": True})
    said.append(Metric(epoch=2, step=2, elapsed_s=2, values={"val_f1": 0.1, "val_f1_low": 0.0, "val_f1_high": 0.4}))
    assert told(*said)["small-validation"].evidence.startswith("F1 is 0.32 on 2 images")  # the weights that are kept


def test_one_change_is_offered_once() -> None:
    both = found("worse-than-its-start")
    assert both["rate-too-high"].remedy.settings == {"training.learning_rate": 5e-3}
    assert both["no-better-than-start"].remedy.action == "use-start"


def test_a_model_is_compared_with_its_start_by_the_score_that_is_told() -> None:
    facts = Facts(values={"start_f1": 0.83, "validation_images": 9, "validation_objects": 90})
    end = Finished(outcome="done", summary={"f1": 0.81})

    def validated(low: float, high: float) -> Metric:
        return _metric(1, val_f1=0.77, val_f1_low=low, val_f1_high=high)

    finding = told(facts, validated(0.74, 0.8), end)["no-better-than-start"]
    assert (finding.severity, "no better" in finding.sentence) == ("note", True)
    assert "0.83, the new model 0.81" in finding.evidence
    better = Finished(outcome="done", summary={"f1": 0.86})
    assert "no-better-than-start" not in told(facts, validated(0.74, 0.8), better)
    assert "no-better-than-start" not in told(facts, validated(0.6, 0.9), end), "too few images to tell"


def test_sgd_is_given_a_larger_rate_than_adam() -> None:
    job, messages = recorded("rate-too-low")
    config = {**job.config, "training": {**job.config["training"], "optimiser": "sgd"}}
    finding = {f.code: f for f in examine(Case.of(job.model_copy(update={"config": config}), messages))}["rate-too-low"]
    assert finding.remedy.settings == {"training.learning_rate": 0.05}


def test_a_patch_is_made_large_enough_and_a_network_deep_enough() -> None:
    assert found("small-patch")["small-patch"].remedy.settings == {"data.patch_size": 64}
    assert found("short-sight")["short-sight"].remedy.settings == {"architecture.depth": 4}


def test_any_network_whose_levels_can_be_set_is_offered_more() -> None:
    seen = {"object_diameter_px": 300.0, "stride": 8, "reach_px": 50, "sees_whole": False}
    levels = {"levels_setting": "encoder_depth", "levels": 3, "most_levels": 5}
    offered = told(Facts(values={**seen, **levels}))["short-sight"].remedy
    assert offered.settings == {"architecture.encoder_depth": 5}
    assert told(Facts(values={**seen, **levels, "most_levels": 4}))["short-sight"].remedy.settings == {
        "architecture.encoder_depth": 4
    }
    for fixed in ({}, {**levels, "levels": 5}):
        finding = told(Facts(values={**seen, **fixed}))["short-sight"]
        assert finding.remedy is None
        assert "Choose a network that looks farther" in finding.advice


def test_a_detector_is_told_to_look_for_objects_as_large_as_they_are() -> None:
    seen = {"object_diameter_px": 400.0, "object_diameter_p90_px": 500.0, "stride": 32, "reach_px": 92}
    detector = {"largest_setting": "largest", "largest_px": 128}
    codes = told(Facts(values={**seen, **detector, "patch_px": 512}))
    assert set(codes) == {"small-boxes"}
    assert "wider than 500 px; the setting largest says 128 px" in codes["small-boxes"].evidence
    assert codes["small-boxes"].remedy.settings == {"formulation.largest": 768}
    assert not told(Facts(values={**seen, **detector, "largest_px": 512}))
    near = told(Facts(values={**seen, **detector, "most_px": 600}))["small-boxes"]
    assert near.remedy is not None
    assert near.remedy.settings == {"formulation.largest": 600}
    far = told(Facts(values={**seen, **detector, "most_px": 400}))["small-boxes"]
    assert far.remedy is None
    assert "Make the images smaller" in far.advice


def test_patches_that_cannot_grow_further_are_not_offered_again() -> None:
    finding = told(Facts(values={"object_diameter_p90_px": 1500.0, "patch_px": 1024}))["small-patch"]
    assert finding.remedy is None
    assert finding.advice.startswith("Make the images smaller")


def test_networks_that_see_the_whole_tile_are_not_called_short_sighted() -> None:
    facts = {"object_diameter_px": 90.0, "stride": 4, "reach_px": None, "sees_whole": True}
    assert told(Facts(values=facts)) == {}
    assert "short-sight" in told(Facts(values={**facts, "reach_px": 20, "sees_whole": False}))


def test_areas_are_not_judged_by_the_size_of_objects() -> None:
    sizes = {"patch_px": 32, "object_diameter_p90_px": 500.0, "object_diameter_px": 400.0, "reach_px": 9}
    assert set(told(Facts(values=sizes))) == {"small-patch", "short-sight"}
    for areas in ({"separates": False}, {"result": "image"}):
        # A formulation that nobody here knows by name.
        assert told(Facts(values={**sizes, **areas}), job=a_job(formulation={"name": "tissue"})) == {}


def _metric(epoch: float, **values: float) -> Metric:
    return Metric(epoch=epoch, step=round(10 * epoch), elapsed_s=epoch, values=values)


def test_a_training_that_was_given_up_is_an_error_with_a_lower_rate() -> None:
    restart = Warned(code="not-finite", message="The loss was no finite number.")
    given_up = Failed(code="diverged", message="Given up.")
    finding = told(_metric(1, train_loss=1.0), restart, given_up)["not-finite"]
    assert finding.severity == "error"
    assert finding.remedy.settings == {"training.learning_rate": 5e-4}
    assert told(restart)["not-finite"].severity == "warning"


def test_one_step_left_out_of_many_is_a_note() -> None:
    left_out = Warned(code="step-left-out", message="Left out.")
    done = Finished(outcome="done", summary={"steps_left_out": 1})
    finding = told(_metric(10, train_loss=0.4), left_out, done)["not-finite"]
    assert (finding.severity, finding.remedy) == ("note", None)
    many = Finished(outcome="done", summary={"steps_left_out": 30})
    assert told(_metric(10, train_loss=0.4), left_out, many)["not-finite"].severity == "warning"


def test_a_training_that_was_stopped_while_it_got_better_can_go_on() -> None:
    job, messages = recorded("too-short")
    stopped = [m.model_copy(update={"outcome": "stopped"}) if isinstance(m, Finished) else m for m in messages]
    finding = {f.code: f for f in examine(Case.of(job, stopped))}["too-short"]
    assert finding.remedy.action == "resume"


def test_a_finished_training_that_got_better_goes_on_where_it_can_and_is_trained_again_where_not() -> None:
    job, messages = recorded("too-short")
    goes_on, again = (
        {f.code: f for f in examine(Case.of(job, messages, lengthens=can))}["too-short"] for can in (True, False)
    )
    assert (goes_on.remedy.label, goes_on.remedy.action) == ("Train longer", "longer")
    assert goes_on.advice.startswith("Train longer: it goes on from its end")
    assert (goes_on.remedy.settings, goes_on.remedy.starts) == ({}, False)
    assert (again.remedy.label, again.remedy.action) == ("Train again with 8 epochs", "")
    assert again.advice.startswith("Train again:")


def test_a_training_without_a_limit_that_got_better_gets_more_patience() -> None:
    job, messages = recorded("too-short")
    unlimited = job.model_copy(update={"config": {"training": {"max_minutes": 0, "patience": 30}}})
    finding = {f.code: f for f in examine(Case.of(unlimited, messages))}["too-short"]
    assert finding.remedy.settings == {"training.patience": 60}
    assert finding.advice == "Train again with more patience."


@pytest.mark.parametrize(("minutes", "action"), [(1.0, ""), (10.0, "longer")])
def test_a_training_that_has_hardly_begun_goes_on_where_that_is_long_enough(minutes: float, action: str) -> None:
    job = a_job(config={"training": {"max_minutes": minutes}})
    said = [Facts(values={"validation_objects": 9}), _metric(0.7, val_f1=0.02), Finished(outcome="done")]
    finding = {f.code: f for f in examine(Case.of(job, said, lengthens=True))}["too-short"]
    assert finding.remedy.action == action
    assert finding.advice.startswith("Train longer:" if action else "Train again:")


def test_a_poor_score_after_a_few_steps_is_not_called_well() -> None:
    facts, end = Facts(values={"validation_objects": 141}), Finished(outcome="done")
    poor = told(facts, _metric(0.7, val_f1=0.02), end)["too-short"]
    assert poor.evidence == "F1 is 0.02 after 7 steps."
    assert poor.remedy.settings == {"training.max_minutes": 20.0}
    hasty = told(facts, _metric(0.7, val_f1=0.02), end, job=a_job(config={"training": {"max_minutes": 0.4}}))
    assert hasty["too-short"].remedy.settings == {"training.max_minutes": 5.0}
    one_epoch = told(facts, _metric(0.7, val_f1=0.02), end, job=a_job(config={"training": {"epochs": 1}}))
    assert one_epoch["too-short"].remedy.settings == {"training.max_minutes": 5.0, "training.epochs": 0}
    assert "too-short" not in told(facts, _metric(0.7, val_f1=0.8), end)
    better = Finished(outcome="done", summary={"f1": 0.6})
    assert "too-short" not in told(facts, _metric(0.7, val_f1=0.4), better)
    assert "too-short" not in told(Facts(values={"validation_objects": 0}), _metric(0.7, val_f1=0.0), end)
    made = told(_metric(0.7, val_ssim=0.03), Finished(outcome="done", summary={"ssim": 0.05}))["too-short"]
    assert made.evidence == "The similarity to the targets is 0.05 after 7 steps."
    assert "too-short" not in told(*(_metric(epoch, val_ssim=0.2) for epoch in range(1, 6)), end)


def test_what_is_not_over_is_not_called_too_short() -> None:
    job, messages = recorded("too-short")
    running = [message for message in messages if not isinstance(message, Finished)]
    assert "too-short" not in {f.code for f in examine(Case.of(job, running))}


def test_runs_of_earlier_versions_that_told_no_facts_are_examined() -> None:
    job, messages = recorded("overfitting")
    old = [message for message in messages if not isinstance(message, Facts)]
    assert "overfitting" in {finding.code for finding in examine(Case.of(job, old))}
    assert examine(Case.of(job, [])) == ()


def test_settings_of_another_version_do_not_prevent_an_examination() -> None:
    job, messages = recorded("rate-too-high")
    foreign = job.model_copy(update={"config": {"training": {"unheard_of": 1}}})
    assert "rate-too-high" in {finding.code for finding in examine(Case.of(foreign, messages))}


def test_figures_that_are_none_do_not_prevent_an_examination() -> None:
    odd = [_metric(epoch, train_loss=float("nan"), val_loss=float("inf"), val_f1=0.0) for epoch in range(1, 9)]
    assert told(*odd) == {}


def test_a_resumed_run_that_says_epochs_again_counts_them_once() -> None:
    job, messages = recorded("healthy")
    twice = [m for m in messages if not isinstance(m, Finished)] + messages
    case = Case.of(job, twice)
    assert len(case.curve("val_f1")) == len(Case.of(job, messages).curve("val_f1"))

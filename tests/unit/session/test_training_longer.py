"""Which finished trainings can go on for as long again, and for how long."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from recorded_runs import a_job

from segstudio.jobs.messages import Facts
from segstudio.jobs.run_folder import RunStatus
from segstudio.jobs.spec import SampleRecord
from segstudio.session.runs import Run
from segstudio.session.training_longer import longer, more_time


def _run(training: dict[str, Any], status: RunStatus = "done", labels: str = "labels/a.tif", kept: bool = True) -> Run:
    sample = SampleRecord(image_id="a", image=Path("a.tif"), labels=Path(labels))
    job = a_job(samples=(sample,), config={"training": training, "data": {"patch_size": 64}})
    return Run("1", "a", Path("moved"), status, job, best=None, has_model=True, has_checkpoint=kept)


@pytest.mark.parametrize(
    ("training", "limits", "words"),
    [
        ({}, {"max_minutes": 20}, "10 minutes"),
        ({"epochs": 40}, {"epochs": 80}, "40 epochs"),
        ({"max_minutes": 1.0}, {"max_minutes": 2}, "1 minute"),
        (
            {"epochs": 40, "max_minutes": 2.5, "seed": 3},
            {"epochs": 80, "max_minutes": 5, "seed": 3},
            "40 epochs or 2.5 minutes",
        ),
    ],
)
def test_a_finished_training_goes_on_with_twice_its_limits(
    training: dict[str, Any], limits: dict[str, Any], words: str
) -> None:
    run = _run(training)
    job = longer(run)
    assert job is not None
    assert job.resume
    assert job.run_folder == Path("moved")
    assert job.config == {"training": limits, "data": {"patch_size": 64}}
    assert more_time(run) == words


def test_a_click_after_a_process_that_never_began_does_not_double_again() -> None:
    run = replace(_run({"max_minutes": 10.0}), events=(Facts(values={"minutes": 10.0, "epochs": 0}),))
    job = longer(run)
    assert job is not None
    never_began = longer(replace(run, job=job))
    assert never_began is not None
    assert never_began.config["training"] == {"max_minutes": 20}
    assert more_time(replace(run, job=job)) == "10 minutes"
    went_on = longer(replace(run, job=job, events=(*run.events, Facts(values={"minutes": 20.0, "epochs": 0}))))
    assert went_on is not None
    assert went_on.config["training"] == {"max_minutes": 40}
    limited = _run({"max_minutes": 10.0, "epochs": 3}).job  # by hand, for a process that never began
    freed = longer(replace(run, job=limited))
    assert freed is not None
    assert freed.config["training"] == {"max_minutes": 20, "epochs": 0}


@pytest.mark.parametrize(
    "run",
    [
        _run({}, status="stopped"),
        _run({}, kept=False),
        _run({"max_minutes": 0.0}),
        _run({"schedule": "plateau"}),
        _run({"epochs": 900_000}),
        _run({}, labels="runs/x.labels/0000-labels.tif"),
        _run({"of": "another version"}),
    ],
    ids=["stopped", "no checkpoint", "no limit", "ends when no better", "too long", "a candidate", "another version"],
)
def test_more_time_is_offered_only_where_it_helps(run: Run) -> None:
    assert longer(run) is None

"""The learning-rate range test: a rate that suits is found, and where none does that is said."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells
from hypothesis import given
from hypothesis import strategies as st

from segstudio.engine.run import run_job
from segstudio.engine.training.range_test import suggested_rate
from segstudio.jobs.messages import Finished, Message, Metric, Progress, Warned
from segstudio.jobs.spec import Choice, ClassSpec, RangeTestJob, SampleRecord, TrainJob, job_from_json

RATES = np.geomspace(1e-6, 1, 100)

pytestmark = pytest.mark.usefixtures("one_thread")


def _losses(best: float, rng: np.random.Generator) -> np.ndarray:
    """Return a loss that falls around a tenth of `best`, is lowest about there, and then explodes."""
    fall = 0.6 / (1 + (best / 10 / RATES) ** 1.5)
    return 1.5 - fall + (RATES / best / 5) ** 2 + rng.normal(0, 0.02, len(RATES))


@given(st.floats(-3.5, -0.8), st.integers(0, 20))
def test_the_rate_lies_where_the_loss_falls(exponent: float, seed: int) -> None:
    best = 10**exponent
    found = suggested_rate(RATES, _losses(best, np.random.default_rng(seed)))
    assert found is not None
    assert best / 40 < found < best


@pytest.mark.parametrize("falls_at", [1e-5, 1e-4, 3e-3])
@pytest.mark.parametrize("seed", range(5))
def test_no_rate_is_suggested_at_which_the_loss_has_become_flat_again(falls_at: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    fallen = 1 / (1 + (falls_at / RATES) ** 2)
    # Flat, a steep fall, then for decades hardly lower, and an explosion.
    losses = 1 - 0.6 * fallen - 0.01 * np.log10(RATES / 1e-6) + (RATES / 0.4) ** 4 + rng.normal(0, 0.01, len(RATES))
    found = suggested_rate(RATES, losses)
    assert found is not None
    assert 0.1 < np.interp(found, RATES, fallen) < 0.93


def test_a_loss_that_never_falls_suggests_nothing() -> None:
    rng = np.random.default_rng(0)
    assert suggested_rate(RATES, 1 + rng.normal(0, 0.01, len(RATES))) is None
    assert suggested_rate(RATES, 1 + RATES) is None
    assert suggested_rate(RATES[:5], np.linspace(1, 0.1, 5)) is None


def _job(folder: Path) -> RangeTestJob:
    samples = []
    for index in range(2):
        made = cells((96, 96), 10, seed=index)
        tifffile.imwrite(folder / f"{index}.tif", made.image)
        tifffile.imwrite(folder / f"{index}-labels.tif", made.labels.astype(np.uint16))
        samples.append(
            SampleRecord(
                image_id=str(index),
                image=folder / f"{index}.tif",
                labels=folder / f"{index}-labels.tif",
                complete=True,
                split="train",
            )
        )
    training = TrainJob(
        job_id="t",
        name="t",
        run_folder=folder / "run",
        samples=tuple(samples),
        classes=(ClassSpec(id=1, name="cell"),),
        formulation=Choice(name="semantic"),
        architecture=Choice(name="unet", settings={"width": 4, "depth": 1}),
        config={"data": {"patch_size": 32}, "training": {"batch_size": 4, "precision": "float32"}},
        device="cpu",
    )
    return RangeTestJob(job_id="r", training=training, steps=40)


def _said(messages: list[Message]) -> tuple[list[Metric], Finished]:
    assert isinstance(messages[-1], Finished)
    return [m for m in messages if isinstance(m, Metric)], messages[-1]


def test_a_real_network_gets_a_rate_that_suits_and_no_run_is_made(tmp_path: Path) -> None:
    job = _job(tmp_path)
    assert job_from_json(job.model_dump_json()) == job
    messages = list(run_job(job))
    metrics, finished = _said(messages)
    assert any(isinstance(m, Progress) and m.remaining_s for m in messages)
    rates = [m.values["learning_rate"] for m in metrics]
    assert rates == sorted(rates)
    assert rates[0] == pytest.approx(1e-6)
    assert all({"train_loss", "smooth_loss"} <= m.values.keys() for m in metrics)
    assert 1e-4 < float(finished.summary["suggested_rate"]) < 0.5
    assert not (tmp_path / "run").exists()


def test_no_rate_is_suggested_when_none_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.engine.training.range_test.HIGHEST_RATE", 2e-6)
    messages = list(run_job(_job(tmp_path)))
    _metrics, finished = _said(messages)
    assert "suggested_rate" not in finished.summary
    assert [m.code for m in messages if isinstance(m, Warned) and m.code.startswith("range")] == ["range-test-flat"]

"""The learning rate over a training."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.config.training import TrainingConfig
from segstudio.core.errors import WrongUsage
from segstudio.engine.training.schedule import (
    LearningRate,
    Length,
    Plateau,
    chosen_schedule,
    cosine,
    one_cycle,
    warmed_up,
)


def test_a_cycle_rises_from_a_twenty_fifth_to_the_peak_and_falls_to_nothing() -> None:
    rates = [one_cycle(fraction, 5e-3, 0.1) for fraction in (0.0, 0.05, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([5e-3 / 25, 5e-3 * 0.52, 5e-3, 2.5e-3, 0.0])


@given(st.floats(0.02, 0.5), st.integers(3, 40))
def test_a_cycle_warms_up_and_then_falls(warm_up: float, steps: int) -> None:
    rising = [one_cycle(warm_up * step / steps, 1.0, warm_up) for step in range(steps + 1)]
    falling = [one_cycle(warm_up + (1 - warm_up) * step / steps, 1.0, warm_up) for step in range(steps + 1)]
    assert rising == sorted(rising)
    assert rising[0] == pytest.approx(0.04)
    assert falling == sorted(falling, reverse=True)
    assert rising[-1] == pytest.approx(falling[0]) == pytest.approx(1.0)


def test_without_warm_up_a_cycle_begins_at_its_peak() -> None:
    assert one_cycle(0.0, 2.0, 0.0) == pytest.approx(2.0)


def test_a_training_without_a_length_warms_up_and_stays() -> None:
    # A tenth of 100 epochs of 10 steps: 100 steps.
    rates = [warmed_up(step, 1.0, 0.1, 10) for step in (0, 49, 99, 100, 5000)]
    assert rates == pytest.approx([0.01, 0.5, 1.0, 1.0, 1.0])
    assert warmed_up(249, 1.0, 0.5, 1000) == pytest.approx(0.5), "at most 500 steps"
    assert warmed_up(0, 1.0, 0.0, 10) == 1.0


def test_a_plateau_halves_the_rate_again_and_again() -> None:
    state = Plateau(patience=3, stop_after=100)
    factors = []
    for epoch in range(1, 10):
        state = state.after(epoch, 0.5 if epoch == 1 else 0.4)
        factors.append(state.factor)
    assert factors == [1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25]


def test_a_better_score_starts_the_patience_anew() -> None:
    state = Plateau(patience=2, stop_after=3).after(1, 0.5).after(2, 0.6).after(3, 0.6)
    assert state.factor == 1
    assert (state.should_stop(4), state.should_stop(5)) == (False, True)
    assert state.after(4, 0.6).factor == 0.5
    assert not Plateau(2, 0).after(1, 0.5).should_stop(1000)


def test_the_limit_that_is_reached_first_ends_a_training() -> None:
    both = Length(seconds=100, steps=50)
    assert both.fraction(25, 10) == 0.5
    assert both.fraction(5, 90) == 0.9
    assert both.fraction(60, 0) == 1.0
    assert both.remaining(25, 10) == pytest.approx(10)
    assert Length(0, 0).remaining(5, 5) is None


def test_a_cosine_rises_straight_and_falls_from_its_peak() -> None:
    rates = [cosine(fraction, 2.0, 0.2) for fraction in (0.0, 0.1, 0.2, 0.6, 1.0)]
    assert rates == pytest.approx([0.08, 1.04, 2.0, 1.0, 0.0])
    assert cosine(0.0, 2.0, 0.0) == pytest.approx(2.0)


KNOWN, OPEN = Length(0, 100), Length(0, 0)


@pytest.mark.parametrize("schedule", ["one-cycle", "cosine"])
def test_a_schedule_that_falls_needs_a_length(schedule: str) -> None:
    config = TrainingConfig.model_validate({"schedule": schedule})
    assert chosen_schedule(config, KNOWN) == schedule
    with pytest.raises(WrongUsage, match=f"{schedule} needs to know how long"):
        chosen_schedule(config, OPEN)


def test_the_automatic_schedule_follows_the_length() -> None:
    assert chosen_schedule(TrainingConfig(), KNOWN) == "one-cycle"
    assert chosen_schedule(TrainingConfig(), OPEN) == "plateau"


def test_each_schedule_goes_its_way() -> None:
    halved = Plateau(1, 9, best=1.0, factor=0.5)
    found = {
        schedule: [LearningRate(schedule, 0.1, 10, KNOWN).at(step, 0.0, 1.0, halved) for step in (0, 10, 55, 500)]
        for schedule in ("one-cycle", "cosine", "plateau", "constant")
    }
    assert found["one-cycle"] == pytest.approx([0.04, 1.0, 0.5, 0.0])
    assert found["cosine"] == pytest.approx([0.04, 1.0, 0.5, 0.0])
    assert found["plateau"] == pytest.approx([0.005, 0.055, 0.28, 0.5])
    assert found["constant"] == pytest.approx([0.01, 0.11, 0.56, 1.0])

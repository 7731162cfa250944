"""One training step: clipping, what is not finite, and the scale of float16."""

from typing import Any

import numpy as np
import pytest
import torch
from factories import cells

from segstudio.config.training import TrainingConfig
from segstudio.engine.architectures.unet import UNet, UNetConfig
from segstudio.engine.data.crops import Batch
from segstudio.engine.data.normalise import normalise
from segstudio.engine.formulations import formulations
from segstudio.engine.training.checkpoint import capture
from segstudio.engine.training.stepper import Stepper

CPU = torch.device("cpu")


def a_stepper(**settings: Any) -> Stepper:
    torch.manual_seed(0)
    joint = formulations.get("joint")()
    network = UNet(UNetConfig(width=4, depth=1)).build(1, joint.out_channels)
    return Stepper(network, joint, TrainingConfig(**settings), CPU)


def a_batch() -> Batch:
    made = [cells((32, 32), 3, seed) for seed in range(2)]
    targets = [formulations.get("joint")().encode(one.labels) for one in made]
    stacked = {name: np.stack([target[name] for target in targets]) for name in targets[0]}
    return Batch(np.stack([normalise(one.image) for one in made]), stacked)


def gradient_length(stepper: Stepper) -> float:
    squares = [float(weight.grad.square().sum()) for weight in stepper.network.parameters() if weight.grad is not None]
    return float(np.sqrt(sum(squares)))


def test_a_gradient_longer_than_the_limit_is_shortened_to_it() -> None:
    free, held, loose = (a_stepper(gradient_clip=limit) for limit in (0.0, 0.05, 1000.0))
    for stepper in (free, held, loose):
        stepper.step(a_batch(), 1e-3)
    assert gradient_length(free) > 0.1
    assert gradient_length(held) == pytest.approx(0.05, rel=1e-3)
    assert gradient_length(loose) == pytest.approx(gradient_length(free))
    long, short = (next(stepper.network.parameters()).grad for stepper in (free, held))
    assert long is not None
    assert short is not None
    assert torch.nn.functional.cosine_similarity(long.flatten(), short.flatten(), dim=0) > 0.999


def test_a_step_follows_the_rate_it_is_given() -> None:
    moved = []
    for rate in (1e-3, 2e-3):
        stepper = a_stepper(weight_decay=0.0)
        before = next(stepper.network.parameters()).detach().clone()
        assert stepper.step(a_batch(), rate).taken
        moved.append(float((next(stepper.network.parameters()).detach() - before).norm()))
    assert moved[1] == pytest.approx(2 * moved[0], rel=0.01)


def test_a_loss_that_is_not_finite_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stepper = a_stepper()
    before = {name: tensor.clone() for name, tensor in stepper.network.state_dict().items()}
    batch = a_batch()
    batch.image[:] = np.nan
    result = stepper.step(batch, 1e-2)
    assert (result.finite, result.taken) == (False, False)
    assert all(torch.equal(before[name], tensor) for name, tensor in stepper.network.state_dict().items())


def test_float16_learns_as_float32_does() -> None:
    losses, batch = {}, a_batch()
    for precision in (torch.float32, torch.float16):
        stepper = a_stepper()
        stepper.precision = precision
        results = [stepper.step(batch, 5e-3) for _ in range(12)]
        losses[precision] = np.mean([result.losses["loss"] for result in results if result.taken][-3:])
        assert all(weight.dtype == torch.float32 for weight in stepper.network.parameters())
        assert stepper.scaler.is_enabled() == (precision == torch.float16)
        assert sum(result.taken for result in results) >= 8
    assert losses[torch.float16] == pytest.approx(losses[torch.float32], rel=0.25)


def test_too_large_a_scale_is_lowered_and_is_no_fault_of_the_training() -> None:
    stepper = a_stepper()
    stepper.precision = torch.float16
    stepper.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    before = {name: tensor.clone() for name, tensor in stepper.network.state_dict().items()}
    result = stepper.step(a_batch(), 5e-3)
    assert (result.finite, result.taken) == (True, False)
    assert stepper.scaler.get_scale() == 2.0**39
    assert all(torch.equal(before[name], tensor) for name, tensor in stepper.network.state_dict().items())
    batch = a_batch()
    assert any(stepper.step(batch, 5e-3).taken for _ in range(40))


def test_gradients_that_no_scale_helps_are_a_fault_and_the_training_goes_on() -> None:
    stepper = a_stepper()
    stepper.precision = torch.float16
    stepper.scaler = torch.amp.GradScaler("cpu", init_scale=1.0)
    broken = next(stepper.network.parameters()).register_hook(lambda gradient: gradient * float("inf"))
    for _ in range(2):
        result = stepper.step(a_batch(), 5e-3)
        assert (result.finite, result.taken) == (False, False)
    broken.remove()
    assert stepper.step(a_batch(), 5e-3).taken


def test_the_scale_is_kept_in_the_checkpoint_of_the_stepper() -> None:
    first, second = a_stepper(), a_stepper()
    for stepper in (first, second):
        stepper.precision = torch.float16
    first.scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40)
    first.step(a_batch(), 5e-3)
    second.scaler.load_state_dict(first.scaler.state_dict())
    assert second.scaler.get_scale() == 2.0**39
    assert capture(first, None, {"step": 1}).tensors

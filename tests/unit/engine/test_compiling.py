"""Compiling the network, and computing repeatably."""

from typing import Any

import pytest
import torch
from torch import nn

from segstudio.config.training import TrainingConfig
from segstudio.core.errors import JobFailed
from segstudio.engine.architectures.unet import UNet, UNetConfig
from segstudio.engine.data.crops import Batch
from segstudio.engine.formulations import formulations
from segstudio.engine.training.compiling import compile_network
from segstudio.engine.training.determinism import deterministic
from segstudio.engine.training.stepper import Stepper
from segstudio.jobs.messages import Warned

CPU = torch.device("cpu")


def a_stepper() -> Stepper:
    torch.manual_seed(0)
    semantic = formulations.get("semantic")()
    return Stepper(UNet(UNetConfig(width=4, depth=1)).build(1, semantic.out_channels), semantic, TrainingConfig(), CPU)


def a_batch() -> Batch:
    image = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(1)).numpy()
    ones = torch.ones(2, 1, 16, 16).numpy()
    return Batch(image, {"class": ones, "valid": ones})


def test_without_a_compiler_it_says_so_and_trains_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_compiler(network: nn.Module) -> None:
        def fail(*arguments: Any) -> None:
            raise RuntimeError("No working C++ compiler found in the path.\n\nYou can suppress this exception")

        network._compiled_call_impl = fail  # what a compiled module calls first

    monkeypatch.setattr(nn.Module, "compile", no_compiler)
    stepper, batch = a_stepper(), a_batch()
    before = {name: tensor.clone() for name, tensor in stepper.network.state_dict().items()}
    warnings = [message for message in compile_network(stepper, batch) if isinstance(message, Warned)]
    assert [warning.code for warning in warnings] == ["not-compiled"]
    assert "No working C++ compiler" in warnings[0].message
    assert "C++ compiler" in warnings[0].hint
    assert all(torch.equal(before[name], tensor) for name, tensor in stepper.network.state_dict().items())
    assert stepper.step(batch, 1e-3).taken


def test_a_compiled_network_is_used_and_starts_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def compiled(network: nn.Module) -> None:
        network._compiled_call_impl = lambda *arguments: (calls.append(1), network._call_impl(*arguments))[1]

    monkeypatch.setattr(nn.Module, "compile", compiled)
    stepper, batch = a_stepper(), a_batch()
    before = {name: tensor.clone() for name, tensor in stepper.network.state_dict().items()}
    random = torch.get_rng_state()
    assert not [message for message in compile_network(stepper, batch) if isinstance(message, Warned)]
    assert all(torch.equal(before[name], tensor) for name, tensor in stepper.network.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())
    tried = len(calls)
    stepper.step(batch, 1e-3)
    assert len(calls) == tried + 1


def test_memory_that_does_not_suffice_is_no_fault_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    def compiled(network: nn.Module) -> None:
        def fail(*arguments: Any) -> None:
            raise torch.OutOfMemoryError("CUDA out of memory.")

        network._compiled_call_impl = fail

    monkeypatch.setattr(nn.Module, "compile", compiled)
    with pytest.raises(torch.OutOfMemoryError):
        list(compile_network(a_stepper(), a_batch()))


def test_the_mode_is_left_as_it_was_found() -> None:
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(True):
        assert torch.are_deterministic_algorithms_enabled()
    assert not torch.are_deterministic_algorithms_enabled()
    with deterministic(False):
        assert not torch.are_deterministic_algorithms_enabled()


def test_what_cannot_be_computed_repeatably_is_told() -> None:
    with pytest.raises(JobFailed, match="cannot be computed repeatably") as refused, deterministic(True):
        raise RuntimeError("grid_sampler_2d_backward_cuda does not have a deterministic implementation, but you set")
    assert refused.value.code == "not-deterministic"
    with pytest.raises(RuntimeError, match="another"), deterministic(True):
        raise RuntimeError("another fault")

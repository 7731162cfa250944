"""Checkpoints: everything that a training needs to go on exactly, in one safetensors file, written atomically."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from segstudio.engine.training.average import Weights
from segstudio.engine.training.stepper import Stepper
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import make_one_folder

_KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """State of a training after a step.

    Attributes
    ----------
    tensors
        Names begin with ``network.``, ``average.``, ``best.``, ``optimiser.`` or ``rng.``.
    state
        JSON values: step, epoch, seconds, best score ...
    """

    tensors: dict[str, Tensor]
    state: dict[str, Any]

    def part(self, prefix: str) -> Weights:
        """Return the tensors whose names begin with `prefix` and a dot, without it."""
        start = len(prefix) + 1
        return {name[start:]: tensor for name, tensor in self.tensors.items() if name.startswith(prefix + ".")}


def write_checkpoint(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write `checkpoint` into `folder`, made in that of the run, and remove all but the newest two."""
    make_one_folder(folder)
    path = folder / f"step-{checkpoint.state['step']:09d}.safetensors"
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in checkpoint.tensors.items()}
    write_atomic(path, save(tensors, {"state": json.dumps(checkpoint.state)}))
    for old in _files(folder)[_KEPT:]:
        old.unlink(missing_ok=True)
    return path


def read_newest(folder: Path) -> Checkpoint | None:
    """Return the newest checkpoint that can be read whole, ``None`` when there is none."""
    for path in _files(folder):
        try:
            with safe_open(path, framework="pt") as file:
                state = json.loads(file.metadata()["state"])
                return Checkpoint({name: file.get_tensor(name) for name in file.keys()}, state)  # noqa: SIM118
        except (SafetensorError, OSError, ValueError, KeyError, TypeError):
            continue
    return None


def capture(stepper: Stepper, best: Weights | None, state: dict[str, Any]) -> Checkpoint:
    """Return the present state of a training."""
    tensors = {f"network.{name}": tensor for name, tensor in stepper.network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in stepper.average.weights.items()}
    tensors |= {f"best.{name}": tensor for name, tensor in (best or {}).items()}
    tensors |= {f"optimiser.{name}": tensor for name, tensor in _optimiser_tensors(stepper)}
    tensors["rng.torch"] = torch.get_rng_state()
    if stepper.device.type == "cuda":
        tensors["rng.cuda"] = torch.cuda.get_rng_state(stepper.device)
    return Checkpoint(tensors, {**state, "average_steps": stepper.average.steps})


def restore(stepper: Stepper, checkpoint: Checkpoint) -> Weights | None:
    """Bring `stepper` to the state of `checkpoint` and return the best weights, if there were any.

    Raises
    ------
    RuntimeError, KeyError
        The checkpoint is of another network.
    """
    stepper.network.load_state_dict(checkpoint.part("network"))
    stepper.average.restart(checkpoint.part("average"))
    stepper.average.steps = int(checkpoint.state["average_steps"])
    _restore_optimiser(stepper, checkpoint.part("optimiser"))
    torch.set_rng_state(checkpoint.tensors["rng.torch"])
    if stepper.device.type == "cuda" and "rng.cuda" in checkpoint.tensors:
        torch.cuda.set_rng_state(checkpoint.tensors["rng.cuda"], stepper.device)
    best = checkpoint.part("best")
    device = stepper.device
    return {name: tensor.to(device) for name, tensor in best.items()} or None


def _optimiser_tensors(stepper: Stepper) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in stepper.network.named_parameters():
        for key, value in stepper.optimiser.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                yield f"{name}.{key}", value


def _restore_optimiser(stepper: Stepper, saved: Weights) -> None:
    entries: dict[str, dict[str, Tensor]] = {}
    for path, value in saved.items():
        name, _, key = path.rpartition(".")
        entries.setdefault(name, {})[key] = value
    names = {id(parameter): name for name, parameter in stepper.network.named_parameters()}
    groups = stepper.optimiser.param_groups
    state = {}
    # torch numbers the weights in the order of the groups.
    for index, parameter in enumerate(parameter for group in groups for parameter in group["params"]):
        if entry := entries.get(names[id(parameter)]):
            state[index] = {key: _as_in(parameter, value) for key, value in entry.items()}
    own = stepper.optimiser.state_dict()["param_groups"]
    stepper.optimiser.load_state_dict({"state": state, "param_groups": own})


def _as_in(parameter: Tensor, value: Tensor) -> Tensor:
    """Return `value` laid out in memory as the weight it belongs to, so that steps are as fast and exact as before."""
    if value.shape != parameter.shape:
        return value.clone()
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.safetensors"), reverse=True)

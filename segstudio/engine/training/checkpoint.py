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
from segstudio.io.atomic import make_folders, write_atomic

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
    """Write `checkpoint` into `folder` and remove all but the newest two."""
    make_folders(folder)
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
    return Checkpoint(tensors, {**state, "average_steps": stepper.average.steps})


def restore(stepper: Stepper, checkpoint: Checkpoint) -> Weights | None:
    """Bring `stepper` to the state of `checkpoint` and return the best weights, if there were any.

    Raises
    ------
    RuntimeError
        The checkpoint is of another network.
    """
    stepper.network.load_state_dict(checkpoint.part("network"))
    stepper.average.restart(checkpoint.part("average"))
    stepper.average.steps = int(checkpoint.state["average_steps"])
    names = [name for name, _ in stepper.network.named_parameters()]
    saved = checkpoint.part("optimiser")
    entries = {
        index: {
            key: saved[f"{name}.{key}"].clone() for key in ("step", "exp_avg", "exp_avg_sq") if f"{name}.{key}" in saved
        }
        for index, name in enumerate(names)
    }
    groups = stepper.optimiser.state_dict()["param_groups"]
    state = {index: entry for index, entry in entries.items() if entry}
    stepper.optimiser.load_state_dict({"state": state, "param_groups": groups})
    torch.set_rng_state(checkpoint.tensors["rng.torch"])
    best = checkpoint.part("best")
    device = stepper.device
    return {name: tensor.to(device) for name, tensor in best.items()} or None


def _optimiser_tensors(stepper: Stepper) -> Iterator[tuple[str, Tensor]]:
    for name, parameter in stepper.network.named_parameters():
        for key, value in stepper.optimiser.state.get(parameter, {}).items():
            yield f"{name}.{key}", value


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*.safetensors"), reverse=True)

"""Which numbers a training computes with on this device; whether bfloat16 is worth it is tried, not guessed."""

import time

import torch

from segstudio.config.training import TrainingConfig
from segstudio.engine.data.crops import Batch
from segstudio.engine.training.average import snapshot
from segstudio.engine.training.stepper import Stepper

_STEPS = 3
#: The precisions by the names of the setting.
BY_NAME = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
#: NVIDIA cards from this on (V100, T4, RTX 20) multiply matrices of float16 fast; those before do so slowly.
_HALF_FROM = (7, 0)
#: bfloat16 must be at least this much faster than float32.
_GAIN = 1.15
#: On a small patch conversions weigh more; slower than so many times float32 is more than that: emulated.
_SLOW = 3.0
#: Instruction sets of processors that emulate bfloat16, so that trying it would only take time.
_EMULATED = ("DEFAULT", "NO AVX", "AVX", "AVX2")


def choose_precision(stepper: Stepper, batch: Batch, config: TrainingConfig, *, measure: bool = True) -> torch.dtype:
    """Return the precision for this training; weights, optimiser and average are as before afterwards.

    On CUDA bfloat16 is taken when the card computes it, else float16 when it has matrix units for that. On a processor
    that may have matrix units for bfloat16 both are timed, if `measure`, since without them it is slower than float32,
    on some processors twenty times.
    """
    settled = settled_precision(config, stepper.device)
    if settled is not None:
        return settled
    return _timed(stepper, batch) if measure else torch.float32


def settled_precision(config: TrainingConfig, device: torch.device) -> torch.dtype | None:
    """Return the precision of a training on `device`; ``None`` where it must be measured."""
    if config.precision == "float32" or device.type == "mps":
        return torch.float32
    if config.precision != "auto":
        return BY_NAME[config.precision]
    if device.type == "cuda":
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16
        return torch.float16 if torch.cuda.get_device_capability() >= _HALF_FROM else torch.float32
    return torch.float32 if torch.backends.cpu.get_cpu_capability() in _EMULATED else None


def _timed(stepper: Stepper, batch: Batch) -> torch.dtype:
    before = snapshot(stepper.network)
    try:
        # One small patch first: where bfloat16 is emulated, whole batches would take half a minute.
        patch = Batch(batch.image[:1, :, :64, :64], {name: t[:1, :, :64, :64] for name, t in batch.targets.items()})
        plain = _seconds(stepper, patch, torch.float32, _STEPS)
        if _seconds(stepper, patch, torch.bfloat16, 1) * _STEPS > plain * _SLOW:
            return torch.float32
        plain = _seconds(stepper, batch, torch.float32, _STEPS)
        half = _seconds(stepper, batch, torch.bfloat16, _STEPS)
        return torch.bfloat16 if half * _GAIN < plain else torch.float32
    finally:
        stepper.precision = torch.float32
        stepper.restart(before)
        stepper.average.steps = 0


def _seconds(stepper: Stepper, batch: Batch, precision: torch.dtype, steps: int) -> float:
    stepper.precision = precision
    stepper.step(batch, 0.0)
    start = time.perf_counter()
    for _ in range(steps):
        stepper.step(batch, 0.0)
    return time.perf_counter() - start

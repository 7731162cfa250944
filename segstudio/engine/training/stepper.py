"""One training step: forward, loss, backward, clip, update; non-finite steps are skipped."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segstudio.config.training import TrainingConfig
from segstudio.engine.data.crops import Batch
from segstudio.engine.formulations import Formulation
from segstudio.engine.network import Network
from segstudio.engine.training.average import Average, Weights

#: Gradients that are not finite at this scale are so by themselves.
_LEAST_SCALE = 1.0


@dataclass(frozen=True)
class StepResult:
    """What a step gave.

    Attributes
    ----------
    losses
        Loss terms by name, with ``"loss"`` as their sum.
    finite
        Whether loss and gradient were finite numbers.
    taken
        Whether the weights were changed. A finite step of float16 is left out when its scale was too large.
    """

    losses: dict[str, float]
    finite: bool
    taken: bool


class Stepper:
    """The network with its optimiser and average.

    Attributes
    ----------
    precision
        ``torch.float32``, ``torch.bfloat16`` or ``torch.float16`` for the forward pass; the weights stay float32.
    scaler
        Scales the loss so that small gradients do not vanish in float16; off for the others.
    """

    def __init__(
        self, network: Network, formulation: Formulation, config: TrainingConfig, device: torch.device
    ) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.formulation = formulation
        self.config = config
        self.device = device
        self.precision = torch.float32
        self.average = Average(self.network, config.ema_decay)
        self.optimiser = self._new_optimiser()

    @property
    def precision(self) -> torch.dtype:
        """The type of numbers in the forward pass."""
        return self._precision

    @precision.setter
    def precision(self, precision: torch.dtype) -> None:
        self._precision = precision
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == torch.float16)

    def step(self, batch: Batch, rate: float) -> StepResult:
        """Learn from one batch with the learning rate `rate`; a step that is not finite changes nothing.

        Raises
        ------
        RuntimeError
            Memory did not suffice; gradients are freed.
        """
        self.network.train()
        buffers = [(buffer, buffer.detach().clone()) for buffer in self.network.buffers()]
        self.optimiser.zero_grad(set_to_none=True)
        try:
            terms = self._losses(batch)
            total = torch.stack(list(terms.values())).sum()
            scaled = finite = taken = bool(torch.isfinite(total))
            if scaled:
                self.scaler.scale(total).backward()  # type: ignore[no-untyped-call]
                self.scaler.unscale_(self.optimiser)
                taken = self._clip()
                finite = taken or self.scaler.get_scale() > _LEAST_SCALE
        except (RuntimeError, MemoryError):
            self.optimiser.zero_grad(set_to_none=True)
            raise
        if taken:
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self.scaler.step(self.optimiser)
            self.scaler.update()
            self.average.update(self.network)
        else:
            if scaled:
                self.scaler.update()  # it lowers the scale, and must come between two steps
            # The forward pass has already put what is not finite into the running statistics.
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)
        losses = {name: float(term.detach()) for name, term in terms.items()}
        return StepResult({"loss": float(total.detach()), **losses}, finite, taken)

    @torch.no_grad()
    def validation_loss(self, batches: list[Batch], weights: Weights) -> float:
        """Return the mean loss of `weights` on fixed batches."""
        own = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.network.load_state_dict(weights)
        self.network.eval()
        losses = [float(sum(term.item() for term in self._losses(batch).values())) for batch in batches]
        self.network.load_state_dict(own)
        return sum(losses) / len(losses)

    def restart(self, weights: Weights) -> None:
        """Go on from `weights` with a fresh optimiser, as after a training that left the finite numbers."""
        self.network.load_state_dict(weights)
        self.average.restart(weights)
        self.optimiser = self._new_optimiser()

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        image = self._tensor(batch.image).to(memory_format=torch.channels_last)
        targets = {name: self._tensor(planes) for name, planes in batch.targets.items()}
        with self._autocast():
            return self.formulation.training_loss(self.network, image, targets)

    def _tensor(self, array: object) -> Tensor:
        return torch.as_tensor(array).to(self.device, non_blocking=True)

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    def _clip(self) -> bool:
        limit = self.config.gradient_clip or float("inf")
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        return bool(torch.isfinite(norm))

    def _new_optimiser(self) -> torch.optim.AdamW:
        return torch.optim.AdamW(
            self.network.parameters(), lr=self.config.learning_rate, weight_decay=self.config.weight_decay
        )

"""One training step: forward, loss, backward, clip, update; non-finite steps are skipped."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segstudio.config.training import TrainingConfig
from segstudio.engine.data.crops import Batch
from segstudio.engine.formulations import Formulation
from segstudio.engine.training.average import Average, Weights


@dataclass(frozen=True)
class StepResult:
    """What a step gave: loss terms by name with ``"loss"`` as their sum, and whether all was finite."""

    losses: dict[str, float]
    finite: bool


class Stepper:
    """The network with its optimiser and average.

    Attributes
    ----------
    precision
        ``torch.float32`` or ``torch.bfloat16`` for the forward pass; the weights stay float32.
    """

    def __init__(
        self, network: nn.Module, formulation: Formulation, config: TrainingConfig, device: torch.device
    ) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.formulation = formulation
        self.config = config
        self.device = device
        self.precision = torch.float32
        self.average = Average(self.network, config.ema_decay)
        self.optimiser = self._new_optimiser()

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
            finite = bool(torch.isfinite(total))
            if finite:
                total.backward()  # type: ignore[no-untyped-call]
                finite = self._clip()
        except (RuntimeError, MemoryError):
            self.optimiser.zero_grad(set_to_none=True)
            raise
        if finite:
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self.optimiser.step()
            self.average.update(self.network)
        else:
            # The forward pass has already put what is not finite into the running statistics.
            with torch.no_grad():
                for buffer, before in buffers:
                    buffer.copy_(before)
        losses = {name: float(term.detach()) for name, term in terms.items()}
        return StepResult({"loss": float(total.detach()), **losses}, finite)

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
            maps = self.network(image)
        return self.formulation.loss(maps.float(), targets)

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

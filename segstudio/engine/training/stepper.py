"""One training step: forward, loss, backward, clip, update; non-finite steps are skipped."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from segstudio.config.training import TrainingConfig
from segstudio.engine.data.crops import Batch
from segstudio.engine.formulations import Formulation
from segstudio.engine.network import Network
from segstudio.engine.training.average import Average, Weights
from segstudio.engine.training.crew import ALONE, Crew
from segstudio.engine.training.encoder import Encoder
from segstudio.engine.training.optimisers import build_optimiser, set_rate

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
        self,
        network: Network,
        formulation: Formulation,
        config: TrainingConfig,
        device: torch.device,
        crew: Crew = ALONE,
    ) -> None:
        if not crew.alone and device.type == "cuda":
            network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.formulation = formulation
        self.config = config
        self.device = device
        self.encoder = Encoder(self.network)
        self.precision = torch.float32
        self.average = Average(self.network, config.ema_decay)
        self.optimiser = build_optimiser(self.network, config)
        self._crew = crew
        self._losses_of = self._parallel()

    @property
    def precision(self) -> torch.dtype:
        """The type of numbers in the forward pass."""
        return self._precision

    @precision.setter
    def precision(self, precision: torch.dtype) -> None:
        self._precision = precision
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=precision == torch.float16)

    def freeze_encoder(self, *, frozen: bool) -> None:
        """Hold the encoder's weights and running statistics, or let them go."""
        if frozen != self.encoder.frozen:
            self.encoder.freeze(frozen=frozen)
            self._losses_of = self._parallel()  # which weights move is looked at only once

    def step(self, batch: Batch, rate: float) -> StepResult:
        """Learn from one batch with the learning rate `rate`; a step that is not finite changes nothing.

        The batch is seen in as many portions as the settings say, whose gradients are averaged.

        Raises
        ------
        RuntimeError
            Memory did not suffice; gradients are freed.
        """
        self.network.train()
        self.encoder.keep_still()
        buffers = [(buffer, buffer.detach().clone()) for buffer in self.network.buffers()]
        self.optimiser.zero_grad(set_to_none=True)
        taken = False
        try:
            losses, finite = self._gradients(batch)
            scaled = finite
            if scaled:
                self.scaler.unscale_(self.optimiser)
                taken = self._clip()
                finite = taken or self.scaler.get_scale() > _LEAST_SCALE
        except (RuntimeError, MemoryError):
            self.optimiser.zero_grad(set_to_none=True)
            raise
        if taken:
            set_rate(self.optimiser, rate)
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
        return StepResult(losses, finite, taken)

    @torch.no_grad()
    def validation_loss(self, batches: list[Batch], weights: Weights) -> float:
        """Return the mean loss of `weights` on fixed batches."""
        own = {name: tensor.clone() for name, tensor in self.network.state_dict().items()}
        self.network.load_state_dict(weights)
        self.network.eval()
        losses = [float(sum(term.item() for term in self.losses(batch).values())) for batch in batches]
        self.network.load_state_dict(own)
        return sum(losses) / len(losses)

    def restart(self, weights: Weights) -> None:
        """Go on from `weights` with a fresh optimiser, as after a training that left the finite numbers."""
        self.network.load_state_dict(weights)
        self.average.restart(weights)
        self.optimiser = build_optimiser(self.network, self.config)

    def _gradients(self, batch: Batch) -> tuple[dict[str, float], bool]:
        """Gather the gradients of all portions; return the losses by name, and whether all were finite."""
        portions = list(_portions(batch, self.config.accumulate))
        sums: dict[str, float] = {}
        for number, portion in enumerate(portions, start=1):
            with self._among_all(number == len(portions)):
                terms = self.losses(portion)
                total = torch.stack(list(terms.values())).sum()
                for name, term in {"loss": total, **terms}.items():
                    sums[name] = sums.get(name, 0.0) + float(term.detach()) / len(portions)
                if not self._crew.agree(bool(torch.isfinite(total))):
                    return sums, False
                self.scaler.scale(total / len(portions)).backward()  # type: ignore[no-untyped-call]
        return sums, True

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Return the loss terms of a batch; in training mode, so that gradients are averaged over all processes."""
        image = self._tensor(batch.image).to(memory_format=torch.channels_last)
        targets = {name: self._tensor(planes) for name, planes in batch.targets.items()}
        with self._autocast():
            if self.network.training:
                losses: dict[str, Tensor] = self._losses_of(image, targets)
                return losses
            return self.formulation.training_loss(self.network, image, targets)

    def _parallel(self) -> nn.Module:
        losses = _Losses(self.network, self.formulation)
        if self._crew.alone:
            return losses
        return self._crew.parallel(losses, self.device, some_unused=self.formulation.own_network)

    def _among_all(self, last: bool) -> AbstractContextManager[object]:
        """Let the gradients of a portion be averaged over all processes only with the last one."""
        module = self._losses_of
        waits = isinstance(module, nn.parallel.DistributedDataParallel) and not last
        return module.no_sync() if waits else nullcontext()  # type: ignore[operator]

    def _tensor(self, array: object) -> Tensor:
        # Targets travel as they were kept, most of them in 16 bits; the device widens them faster than numpy.
        return torch.as_tensor(array).to(self.device, non_blocking=True).float()

    def _autocast(self) -> AbstractContextManager[object]:
        if self.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.precision)

    def _clip(self) -> bool:
        limit = self.config.gradient_clip or float("inf")
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        return bool(torch.isfinite(norm))


class _Losses(nn.Module):
    """The network and its losses as one module, whose forward pass torch can watch."""

    def __init__(self, network: Network, formulation: Formulation) -> None:
        super().__init__()
        self.network = network
        self._formulation = formulation

    def forward(self, image: Tensor, targets: dict[str, Tensor]) -> dict[str, Tensor]:
        return self._formulation.training_loss(self.network, image, targets)


def _portions(batch: Batch, number: int) -> Iterator[Batch]:
    """Cut `batch` into `number` parts of the same size, or as many as it has patches."""
    size = -(-len(batch.image) // number)
    for start in range(0, len(batch.image), size):
        part = slice(start, start + size)
        yield Batch(batch.image[part], {name: planes[part] for name, planes in batch.targets.items()})

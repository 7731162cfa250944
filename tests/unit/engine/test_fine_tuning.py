"""What moves which weights: optimisers, the encoder's own rate, frozen epochs, batches that are added up."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from factories import cells
from torch import Tensor, nn

from segstudio.config.training import TrainingConfig
from segstudio.engine.data.crops import Batch
from segstudio.engine.data.normalise import normalise
from segstudio.engine.formulations import formulations
from segstudio.engine.network import Network
from segstudio.engine.training.optimisers import build_optimiser, set_rate
from segstudio.engine.training.stepper import Stepper

CPU = torch.device("cpu")


class TwoParts(Network):
    """An encoder with normalisation and a decoder with dropout."""

    stride, in_channels, out_channels = 1, 1, 2

    def __init__(self, *, normalised: bool = True) -> None:
        super().__init__()
        norm = nn.BatchNorm2d(4) if normalised else nn.Identity()
        self.encoder = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), norm, nn.ReLU())
        self.decoder = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4) if normalised else nn.Identity())
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, image: Tensor) -> Tensor:
        found: Tensor = self.head(self.decoder(self.encoder(image)))
        return found

    def encoder_parameters(self) -> Iterator[nn.Parameter]:
        yield from self.encoder.parameters()


def a_stepper(*, normalised: bool = True, **settings: Any) -> Stepper:
    torch.manual_seed(0)
    semantic = formulations.get("semantic")
    formulation = semantic(semantic.Config.model_validate({"region_loss": "none"}))
    return Stepper(TwoParts(normalised=normalised), formulation, TrainingConfig(**settings), CPU)


def a_batch(size: int = 4) -> Batch:
    made = [cells((16, 16), 2, seed, diameter=6) for seed in range(size)]
    targets = [formulations.get("semantic")().encode(one.labels) for one in made]
    stacked = {name: np.stack([target[name] for target in targets]) for name in targets[0]}
    return Batch(np.stack([normalise(one.image) for one in made]), stacked)


def state(stepper: Stepper) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in stepper.network.state_dict().items()}


def changed(before: dict[str, Tensor], after: dict[str, Tensor]) -> set[str]:
    return {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}


def test_a_frozen_encoder_keeps_weights_and_statistics_until_it_is_let_go() -> None:
    stepper, batch = a_stepper(weight_decay=0.1), a_batch()
    stepper.freeze_encoder(frozen=True)
    before = state(stepper)
    for _ in range(3):
        assert stepper.step(batch, 1e-2).taken
    assert changed(before, state(stepper)) == {"decoder", "head"}
    stepper.freeze_encoder(frozen=False)
    before = state(stepper)
    stepper.step(batch, 1e-2)
    assert changed(before, state(stepper)) == {"encoder", "decoder", "head"}


def test_the_encoder_moves_at_its_own_rate() -> None:
    moved = {}
    for factor in (1.0, 0.1):
        stepper, batch = a_stepper(encoder_rate=factor, weight_decay=0.0), a_batch()
        before = state(stepper)
        stepper.step(batch, 1e-2)
        after = state(stepper)
        moved[factor] = {
            name: float((after[name] - before[name]).norm()) for name in ("encoder.0.weight", "head.weight")
        }
    assert moved[0.1]["head.weight"] == pytest.approx(moved[1.0]["head.weight"], rel=1e-5)
    assert moved[0.1]["encoder.0.weight"] == pytest.approx(0.1 * moved[1.0]["encoder.0.weight"], rel=1e-3)


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, torch.optim.AdamW),
        ({"optimiser": "adam"}, torch.optim.Adam),
        ({"optimiser": "sgd", "learning_rate": 0.1}, torch.optim.SGD),
        ({"optimiser": "sgd", "momentum": 0.0, "learning_rate": 0.1}, torch.optim.SGD),
    ],
    ids=["AdamW", "Adam", "SGD", "SGD without momentum"],
)
def test_each_optimiser_lowers_the_loss(settings: dict[str, Any], kind: type) -> None:
    stepper, batch = a_stepper(**settings), a_batch()
    assert type(stepper.optimiser) is kind
    rate = stepper.config.learning_rate
    losses = [stepper.step(batch, rate).losses["loss"] for _ in range(25)]
    assert losses[-1] < 0.8 * losses[0]


def test_the_settings_of_sgd_reach_it() -> None:
    network = TwoParts()
    plain = build_optimiser(network, TrainingConfig(optimiser="sgd", momentum=0.5, nesterov=False, weight_decay=0.2))
    ahead = build_optimiser(network, TrainingConfig(optimiser="sgd"))
    assert [plain.defaults[name] for name in ("momentum", "nesterov", "weight_decay")] == [0.5, False, 0.2]
    assert (ahead.defaults["momentum"], ahead.defaults["nesterov"]) == (0.9, True)
    slow = build_optimiser(network, TrainingConfig(encoder_rate=0.25))
    set_rate(slow, 4e-3)
    assert sorted(group["lr"] for group in slow.param_groups) == pytest.approx([1e-3, 4e-3])
    assert sum(len(group["params"]) for group in slow.param_groups) == len(list(network.parameters()))


def test_portions_that_are_added_up_are_one_large_batch() -> None:
    batch, after = a_batch(6), []
    for portions in (1, 2, 3):
        stepper = a_stepper(normalised=False, accumulate=portions, optimiser="sgd", weight_decay=0.0)
        result = stepper.step(batch, 0.1)
        after.append((result.losses["loss"], state(stepper)))
    for loss, weights in after[1:]:
        assert loss == pytest.approx(after[0][0], rel=1e-5)
        for name, tensor in weights.items():
            torch.testing.assert_close(tensor, after[0][1][name], rtol=1e-4, atol=1e-6)


def test_a_portion_that_is_not_finite_spoils_the_step() -> None:
    stepper, batch = a_stepper(accumulate=2), a_batch()
    before = state(stepper)
    batch.image[3] = np.nan
    result = stepper.step(batch, 1e-2)
    assert (result.finite, result.taken) == (False, False)
    assert not changed(before, state(stepper))

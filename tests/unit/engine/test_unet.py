"""The U-Net and how far it sees."""

import pytest
import torch
from torch import nn

from segstudio.engine.architectures.unet import UNet, UNetConfig
from segstudio.engine.network import Network
from segstudio.engine.prediction.halo import halo_of, measure_reach


def build(**settings: object) -> Network:
    torch.manual_seed(0)
    return UNet(UNetConfig.model_validate(settings)).build(1, 2)


def test_default_network_is_small_enough_for_a_processor() -> None:
    assert sum(weight.numel() for weight in build().parameters()) < 600_000


@pytest.mark.parametrize("settings", [{"upsampling": "transposed"}, {"normalisation": "none"}, {"depth": 1}])
def test_every_setting_gives_a_working_network(settings: dict[str, object]) -> None:
    net = build(**settings).eval()
    side = 4 * net.stride
    assert net(torch.randn(1, 1, side, side)).shape == (1, 2, side, side)


def test_dropout_acts_in_training_only() -> None:
    net, image = build(dropout=0.5), torch.randn(1, 1, 32, 32)
    net.train()
    assert not torch.equal(net(image), net(image))
    net.eval()
    assert torch.equal(net(image), net(image))


# Two 3x3 convolutions a level reach 2 pixels of that level on the way down and again on the way up;
# bilinear up-sampling adds one pixel of the deeper level.
@pytest.mark.parametrize(
    ("settings", "reach"),
    [
        ({"depth": 1, "upsampling": "transposed"}, 8),
        ({"depth": 2, "upsampling": "transposed"}, 22),
        ({"depth": 3, "upsampling": "transposed"}, 46),
        ({"depth": 2, "upsampling": "bilinear"}, 26),
        ({"depth": 3, "upsampling": "bilinear"}, 54),
    ],
)
def test_reach_is_measured_on_the_network(settings: dict[str, object], reach: int) -> None:
    assert measure_reach(build(width=4, **settings)) == reach


def test_nothing_outside_the_measured_reach_changes_a_block() -> None:
    net = build(width=4, depth=2).double().eval()
    reach = measure_reach(net)
    assert reach is not None
    image = torch.randn(1, 1, 128, 128, dtype=torch.float64)
    changed = image.clone()
    changed[..., : 64 - reach] += 1
    changed[..., 64 + net.stride + reach :] += 1
    block = (..., slice(64, 64 + net.stride))
    with torch.no_grad():
        assert torch.equal(net(image)[block], net(changed)[block])


class _SeesAll(Network):
    def __init__(self) -> None:
        super().__init__()
        self.stride, self.in_channels, self.out_channels = 4, 1, 1
        self.conv = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.conv(image) + image.mean((2, 3), keepdim=True)
        return found


def test_global_pooling_is_found_out() -> None:
    assert measure_reach(_SeesAll()) is None


@pytest.mark.parametrize(("reach", "stride", "halo"), [(0, 8, 0), (1, 8, 8), (54, 8, 56), (16, 16, 16)])
def test_halo_is_the_next_multiple_of_the_stride(reach: int, stride: int, halo: int) -> None:
    assert halo_of(reach, stride) == halo

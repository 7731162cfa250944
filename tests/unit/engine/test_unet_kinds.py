"""The relatives of the U-Net: residual and dense blocks, nesting, normalisations, ways up."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.nn import functional

from segstudio.config.problems import sentence
from segstudio.engine.architectures.unet import UNet, UNetConfig
from segstudio.engine.architectures.unet_blocks import fill_bilinear
from segstudio.engine.network import Network
from segstudio.engine.prediction.halo import measure_reach

#: One of each kind, small.
KINDS: dict[str, dict[str, object]] = {
    "plain": {},
    "residual": {"block": "residual", "upsampling": "transposed"},
    "dense": {"block": "dense", "dense_layers": 2},
    "dense up": {"block": "dense", "dense_layers": 1, "upsampling": "transposed", "normalisation": "none"},
    "nested": {"nested": True},
    "nested residual": {"nested": True, "block": "residual", "upsampling": "transposed-bilinear"},
    "bilinear start": {"upsampling": "transposed-bilinear", "activation": "ELU"},
    "PReLU": {"activation": "PReLU", "normalisation": "none"},
    "instance": {"normalisation": "instance", "activation": "LeakyReLU"},
    "group": {"normalisation": "group", "block": "residual"},
    "nested group": {"normalisation": "group", "nested": True},
    "dense instance": {"normalisation": "instance", "block": "dense", "dense_layers": 1},
}


def build(in_channels: int = 1, out_channels: int = 2, **settings: object) -> Network:
    torch.manual_seed(0)
    return UNet(UNetConfig.model_validate(settings)).build(in_channels, out_channels)


def small(kind: str, in_channels: int = 1) -> Network:
    return build(in_channels, **{"width": 4, "depth": 2, **KINDS[kind]})


class FirstVersion(nn.Module):
    """The default U-Net as it was when the first models were trained."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        widths = [16, 32, 64, 128]
        self.encoder = nn.ModuleList(
            self.twice(before, after) for before, after in zip([in_channels, *widths], widths, strict=False)
        )
        self.decoder = nn.ModuleList(self.twice(3 * flat, flat) for flat in (64, 32, 16))
        self.head = nn.Conv2d(16, out_channels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    @staticmethod
    def twice(before: int, after: int) -> nn.Sequential:
        layers: list[nn.Module] = []
        for channels in (before, after):
            layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
        return nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        kept = []
        for level, block in enumerate(self.encoder):
            x = block(functional.max_pool2d(x, 2) if level else x)
            kept.append(x)
        kept.pop()
        for block in self.decoder:
            up = functional.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            x = block(torch.cat([up, kept.pop()], dim=1))
        maps: Tensor = self.head(x)
        return maps


def test_the_default_network_is_still_that_of_the_first_models() -> None:
    torch.manual_seed(3)
    old = FirstVersion(3, 5)
    torch.manual_seed(3)
    new = UNet().build(3, 5)
    assert list(old.state_dict()) == list(new.state_dict())
    image = torch.randn(2, 3, 64, 40)
    assert torch.equal(old(image), new(image))


@pytest.mark.parametrize(("batch_norm", "normalisation"), [(True, "batch"), (False, "none")])
def test_settings_of_the_first_models_are_understood(batch_norm: bool, normalisation: str) -> None:
    config = UNetConfig.model_validate({"width": 8, "batch_norm": batch_norm})
    assert (config.width, config.normalisation) == (8, normalisation)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_learns_with_all_its_weights_at_any_size(kind: str) -> None:
    net = small(kind, 7).train()
    maps = net(torch.randn(2, 7, 24, 12))
    assert maps.shape == (2, 2, 24, 12)
    maps.square().mean().backward()
    assert all(weight.grad is not None and torch.isfinite(weight.grad).all() for weight in net.parameters())
    assert net.eval()(torch.randn(1, 7, 4, 4)).shape == (1, 2, 4, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_sees_the_whole_tile_exactly_when_it_says_so(kind: str) -> None:
    net = small(kind)
    over_tile = KINDS[kind].get("normalisation") in ("instance", "group")
    assert (measure_reach(net, limit=64) is None, net.sees_whole) == (over_tile, over_tile)


@pytest.mark.parametrize("kind", ["dense", "dense up", "nested", "residual", "bilinear start"])
def test_nothing_outside_the_measured_reach_changes_a_block(kind: str) -> None:
    net = small(kind).double().eval()
    reach = measure_reach(net)
    assert reach is not None
    start = -(-reach // 4) * 4 + 8
    image = torch.randn(1, 1, 4, 2 * start + 4, dtype=torch.float64)
    changed = image.clone()
    changed[..., : start - reach] += 1
    changed[..., start + net.stride + reach :] += 1
    block = (..., slice(start, start + net.stride))
    with torch.no_grad():
        assert torch.equal(net(image)[block], net(changed)[block])


@pytest.mark.parametrize("kind", KINDS)
def test_batch_normalisation_can_be_shared_by_several_graphics_cards(kind: str) -> None:
    net = small(kind)
    plain = sum(isinstance(module, nn.BatchNorm2d) for module in net.modules())
    shared = nn.SyncBatchNorm.convert_sync_batchnorm(net)
    assert sum(isinstance(module, nn.SyncBatchNorm) for module in shared.modules()) == plain
    assert (plain > 0) == (KINDS[kind].get("normalisation", "batch") == "batch")


@pytest.mark.parametrize("kind", KINDS)
def test_the_encoder_is_a_part_of_the_network_that_can_be_frozen(kind: str) -> None:
    net = small(kind)
    encoder = {id(weight) for weight in net.encoder_parameters()}
    every = {id(weight): name for name, weight in net.named_parameters()}
    assert encoder < set(every)
    assert not any(every[key].startswith(("decoder", "head", "lifts", "nodes", "raise_")) for key in encoder)


def test_the_paper_s_fc_densenet_has_the_paper_s_size() -> None:
    net = build(3, 12, width=48, depth=5, block="dense", dense_layers=4, upsampling="transposed")
    # Jégou et al. (2017) give 1.5 million for FC-DenseNet56.
    assert 1.3e6 < sum(weight.numel() for weight in net.parameters()) < 1.5e6


def test_nesting_adds_a_block_for_each_pair_of_levels() -> None:
    nodes = [name for name, _ in build(nested=True, depth=3, width=4).named_parameters() if name.startswith("nodes")]
    names = {name.split(".")[1] for name in nodes}
    assert names == {"0_1", "1_1", "2_1", "0_2", "1_2", "0_3"}


@pytest.mark.parametrize(("channels", "groups"), [((3, 3), 1), ((4, 2), 1), ((2, 2), 2)])
def test_a_transposed_convolution_begins_as_bilinear_interpolation(channels: tuple[int, int], groups: int) -> None:
    layer = nn.ConvTranspose2d(*channels, 4, stride=2, padding=1, bias=False, groups=groups)
    fill_bilinear(layer)
    rows, columns = torch.meshgrid(torch.arange(9.0), torch.arange(7.0), indexing="ij")
    image = torch.stack([rows + 2 * columns + 5] * channels[0])[None]
    expected = functional.interpolate(image[:, : channels[1]], scale_factor=2, mode="bilinear", align_corners=False)
    np.testing.assert_allclose(layer(image).detach()[..., 2:-2, 2:-2], expected[..., 2:-2, 2:-2], rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"width": 1000}, "it must be at most 128"),
        ({"width": 2}, "it must be 0 (automatic) or at least 4"),
        ({"depth": -1}, "it must be at least 0"),
        ({"block": "dense", "nested": True}, "it is for plain and residual blocks"),
        ({"activation": "Sine"}, "it must be one of 'ReLU'"),
    ],
)
def test_settings_that_make_no_network_are_refused_in_one_sentence(settings: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        UNetConfig.model_validate(settings)
    (problem,) = caught.value.errors()
    assert sentence(problem).startswith(words)

"""What every network must do, ours or a plug-in's: no test here names one."""

import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from segstudio.config.form_spec import form_spec
from segstudio.config.prediction import PredictionConfig
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.engine.network import Network
from segstudio.engine.prediction.halo import measure_reach
from segstudio.engine.prediction.stitch_maps import predict_maps

every = pytest.mark.parametrize("name", architectures.names())

#: Float32 rounding; anything above is a seam.
TOLERANCE = 1e-5


def network(name: str, in_channels: int = 1, out_channels: int = 5) -> Network:
    """The smallest network of a family, in eval mode."""
    torch.manual_seed(0)
    kind = architectures.get(name)
    return kind(kind.smallest()).build(in_channels, out_channels).eval()


@cache
def trained(name: str) -> Network:
    """Like one after training: its statistics are not 0 and 1. Not to be changed."""
    built = network(name)
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return built


@every
@pytest.mark.parametrize("channels", [(1, 5), (7, 2)])
def test_maps_have_the_images_size(name: str, channels: tuple[int, int]) -> None:
    net = network(name, *channels)
    assert (net.in_channels, net.out_channels) == channels
    sides = 2 * net.stride, 3 * net.stride
    with torch.no_grad():
        assert net(torch.randn(2, channels[0], *sides)).shape == (2, channels[1], *sides)
        # The smallest that there is.
        assert net(torch.randn(1, channels[0], net.stride, net.stride)).isfinite().all()


@every
def test_settings_promise_what_the_network_is(name: str) -> None:
    kind, net = architectures.get(name), trained(name)
    assert net.stride == kind.stride(kind.smallest())
    assert net.sees_whole == kind.sees_whole(kind.smallest())


@every
def test_a_network_sees_the_whole_tile_exactly_when_it_says_so(name: str) -> None:
    net = trained(name)
    if net.sees_whole:
        assert measure_reach(net, limit=64) is None
    else:
        assert measure_reach(net) is not None


@every
def test_tiles_give_the_same_as_the_whole_image(name: str) -> None:
    net, formulation = trained(name), formulations.get("joint")()
    image = np.random.default_rng(0).normal(0.5, 0.4, (1, 83, 150)).astype(np.float32)
    whole = predict_maps(net, formulation, image, PredictionConfig(tile_size=8192))
    tiled = predict_maps(net, formulation, image, PredictionConfig(tile_size=64, batch_size=3))
    assert np.isfinite(tiled).all()
    if not net.sees_whole:
        assert np.abs(whole - tiled).max() <= TOLERANCE


@every
def test_settings_round_trip_and_make_forms(name: str) -> None:
    kind = architectures.get(name)
    for settings in (kind.Config(), kind.smallest()):
        assert kind.Config.model_validate_json(settings.model_dump_json()) == settings
    fields = form_spec(kind.Config.model_json_schema())
    assert len(fields) == len(kind.Config.model_fields)
    assert all(field.title and field.help.endswith(".") for field in fields)
    with pytest.raises(ValidationError):
        kind.Config.model_validate({"no_such_setting": 1})
    assert kind.title
    assert kind.description.endswith(".")
    assert ("whole tile" in kind.description) == kind.sees_whole(kind.Config())


@every
def test_gradients_reach_all_weights_and_some_are_the_encoder(name: str) -> None:
    net = network(name).train()
    net(torch.randn(2, 1, 2 * net.stride, 2 * net.stride)).square().mean().backward()
    for key, weight in net.named_parameters():
        assert weight.grad is not None, key
        assert torch.isfinite(weight.grad).all(), key
    encoder = {id(weight) for weight in net.encoder_parameters()}
    assert encoder < {id(weight) for weight in net.parameters()}


@every
def test_a_network_can_be_described_before_it_takes_memory(name: str) -> None:
    with torch.device("meta"):
        blank = network(name)
    sizes = {key: weight.shape for key, weight in trained(name).state_dict().items()}
    assert {key: weight.shape for key, weight in blank.state_dict().items()} == sizes
    assert all(weight.is_meta for weight in blank.state_dict().values())


@every
def test_batch_normalisation_can_be_shared_by_several_graphics_cards(name: str) -> None:
    shared = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network(name))
    assert shared.state_dict().keys() == trained(name).state_dict().keys()


@every
def test_no_weights_are_fetched_unless_the_settings_ask(name: str) -> None:
    kind = architectures.get(name)
    net = network(name)
    before = {key: weight.clone() for key, weight in net.state_dict().items()}
    kind(kind.smallest()).pretrain(net)
    assert all(torch.equal(weight, before[key]) for key, weight in net.state_dict().items())


def test_the_list_of_networks_needs_none_of_the_slow_libraries() -> None:
    script = """
import sys
from segstudio.engine.catalogue import make_catalogue
assert len(make_catalogue().architectures) > 1
print(*({"segmentation_models_pytorch", "timm", "torchvision", "torch"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["torch"]

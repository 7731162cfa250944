"""What every network must do, ours or a plug-in's: no test here names one."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from segstudio.config.form_spec import form_spec
from segstudio.config.prediction import PredictionConfig
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.engine.network import Network
from segstudio.engine.prediction.stitch_maps import predict_maps

pytestmark = pytest.mark.parametrize("name", architectures.names())

#: Float32 rounding; anything above is a seam.
TOLERANCE = 1e-5


def network(name: str, in_channels: int = 1, out_channels: int = 5) -> Network:
    torch.manual_seed(0)
    built = architectures.get(name)().build(in_channels, out_channels)
    # As after training: statistics that are not 0 and 1.
    for module in built.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return built.eval()


@pytest.mark.parametrize("channels", [(1, 5), (3, 2)])
def test_maps_have_the_images_size(name: str, channels: tuple[int, int]) -> None:
    net = network(name, *channels)
    assert (net.in_channels, net.out_channels) == channels
    sides = 2 * net.stride, 3 * net.stride
    assert net(torch.randn(2, channels[0], *sides)).shape == (2, channels[1], *sides)


def test_stride_is_the_one_that_the_settings_promise(name: str) -> None:
    kind = architectures.get(name)
    assert network(name).stride == kind.stride(kind.Config())


@pytest.mark.parametrize("tile", [64, 128])
def test_tiles_give_the_same_as_the_whole_image(name: str, tile: int) -> None:
    net, formulation = network(name), formulations.get("joint")()
    image = np.random.default_rng(0).normal(0.5, 0.4, (1, 203, 310)).astype(np.float32)
    whole = predict_maps(net, formulation, image, PredictionConfig(tile_size=8192))
    tiled = predict_maps(net, formulation, image, PredictionConfig(tile_size=tile, batch_size=3))
    assert np.abs(whole - tiled).max() <= TOLERANCE


def test_settings_round_trip_and_make_forms(name: str) -> None:
    kind = architectures.get(name)
    settings = kind.Config()
    assert kind.Config.model_validate_json(settings.model_dump_json()) == settings
    assert len(form_spec(kind.Config.model_json_schema())) == len(kind.Config.model_fields)
    with pytest.raises(ValidationError):
        kind.Config.model_validate({"no_such_setting": 1})
    assert kind.title
    assert kind.description.endswith(".")


def test_gradients_reach_all_weights(name: str) -> None:
    net = network(name).train()
    net(torch.randn(2, 1, 8 * net.stride, 8 * net.stride)).square().mean().backward()
    for key, weight in net.named_parameters():
        assert weight.grad is not None, key
        assert torch.isfinite(weight.grad).all(), key

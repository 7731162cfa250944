"""Tiled prediction is the same as one look at the whole image."""

from collections.abc import Generator

import numpy as np
import pytest
import torch
from factories import cells
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.config.prediction import PredictionConfig
from segstudio.engine.architectures.unet import UNet, UNetConfig
from segstudio.engine.data.normalise import normalise
from segstudio.engine.formulations import formulations
from segstudio.engine.network import Network
from segstudio.engine.prediction import stitch_maps
from segstudio.engine.prediction.map_store import MemoryStore
from segstudio.engine.prediction.seen_image import ArrayImage
from segstudio.engine.prediction.stitch_maps import map_steps, predict_maps
from segstudio.engine.prediction.tile_plan import padded_shape, plan_tiles

JOINT = formulations.get("joint")()
WHOLE = PredictionConfig(tile_size=8192)


def random_network(**options: object) -> Network:
    torch.manual_seed(0)
    net = UNet(UNetConfig.model_validate({"width": 4, **options})).build(1, JOINT.out_channels)
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            assert module.running_mean is not None
            assert module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.3, 2)
    return net.eval()


@pytest.fixture(scope="module")
def trained() -> Network:
    """Return a small network after some steps: weights far from random, maps of real size."""
    net = random_network(width=8)
    made = cells((96, 96), 16, 1)
    targets = {key: torch.from_numpy(value)[None] for key, value in JOINT.encode(made.labels).items()}
    image = torch.from_numpy(normalise(made.image))[None]
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    net.train()
    for _ in range(60):
        loss = torch.stack(list(JOINT.loss(net(image), targets).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return net.eval()


def image_of(shape: tuple[int, int], seed: int = 0) -> NDArray[np.float32]:
    return normalise(cells(shape, shape[0] * shape[1] // 900, seed, noise=0.1).image)


@pytest.mark.parametrize("kind", ["random", "trained"])
def test_tiles_equal_the_whole_of_500_by_650(kind: str, trained: Network) -> None:
    net = trained if kind == "trained" else random_network(width=8)
    image = np.random.default_rng(1).normal(0.4, 0.4, (1, 500, 650)).astype(np.float32)
    whole = predict_maps(net, JOINT, image, WHOLE)
    assert np.ptp(whole) > 0.5
    for tile in (128, 256):
        tiled = predict_maps(net, JOINT, image, PredictionConfig(tile_size=tile))
        assert np.abs(whole - tiled).max() <= 1e-5


def test_one_stride_less_halo_shows_seams(trained: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above would notice: with a halo that is too small it fails."""
    image = image_of((200, 264))
    whole = predict_maps(trained, JOINT, image, WHOLE)
    monkeypatch.setattr(stitch_maps, "halo_of", lambda reach, stride: 8)
    tiled = predict_maps(trained, JOINT, image, PredictionConfig(tile_size=64))
    assert np.abs(whole - tiled).max() > 1e-3


@settings(max_examples=25)
@given(st.integers(1, 90), st.integers(1, 150), st.sampled_from(["bilinear", "transposed"]), st.integers(1, 4))
def test_any_size_gives_the_same(height: int, width: int, upsampling: str, batch: int) -> None:
    net = random_network(upsampling=upsampling, depth=2)
    image = np.random.default_rng(height * width).normal(0.4, 0.4, (1, height, width)).astype(np.float32)
    whole = predict_maps(net, JOINT, image, WHOLE)
    tiled = predict_maps(net, JOINT, image, PredictionConfig(tile_size=64, batch_size=batch))
    assert whole.shape == (JOINT.out_channels, height, width)
    assert np.abs(whole - tiled).max() <= 1e-5


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (1, 700), (700, 1), (2, 65)])
def test_tiny_and_thin_images_are_predicted(shape: tuple[int, int]) -> None:
    maps = predict_maps(random_network(), JOINT, np.ones((1, *shape), np.float32), PredictionConfig(tile_size=64))
    assert maps.shape == (JOINT.out_channels, *shape)
    assert np.isfinite(maps).all()


def test_flips_average_mirrored_answers_and_turn_vectors() -> None:
    net = random_network()
    image = image_of((72, 104))
    flips = PredictionConfig(test_time_flips=True)
    maps = predict_maps(net, JOINT, image, flips)
    mirrored = predict_maps(net, JOINT, np.ascontiguousarray(image[:, :, ::-1]), flips)[:, :, ::-1].copy()
    mirrored[1] = -mirrored[1]
    assert np.abs(maps - mirrored).max() <= 1e-5
    tiled = predict_maps(net, JOINT, image, PredictionConfig(test_time_flips=True, tile_size=64))
    assert np.abs(maps - tiled).max() <= 1e-5


def test_half_precision_is_close() -> None:
    net, image = random_network(), image_of((96, 96))
    exact = predict_maps(net, JOINT, image)
    for precision in ("bfloat16", "float16"):
        rough = predict_maps(net, JOINT, image, PredictionConfig(precision=precision))  # type: ignore[arg-type]
        assert rough.dtype == np.float32
        assert 0 < np.abs(exact - rough).max() < 0.2


def test_progress_counts_tiles_and_stop_stops() -> None:
    net, image = random_network().train(), image_of((128, 200))

    def steps() -> Generator[tuple[int, int], None, None]:
        maps = MemoryStore(np.zeros((JOINT.out_channels, 128, 200), np.float32))
        settings = PredictionConfig(tile_size=64)
        return map_steps(net, JOINT, ArrayImage(image), settings, torch.device("cpu"), maps)

    assert list(steps()) == [(done, 8) for done in range(1, 9)]
    stopped, seen = steps(), []
    net.register_forward_hook(lambda *_: seen.append(1))
    assert [next(stopped) for _ in range(3)] == [(1, 8), (2, 8), (3, 8)]
    stopped.close()
    assert len(seen) == 3
    assert net.training


def test_training_mode_is_restored() -> None:
    net = random_network().train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    predict_maps(net, JOINT, image_of((64, 64)))
    assert net.training
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())


@given(st.integers(1, 600), st.integers(1, 600), st.sampled_from([1, 2, 8, 16]), st.integers(16, 300))
def test_cores_cover_the_image_once_and_lie_on_the_grid(height: int, width: int, stride: int, size: int) -> None:
    shape = padded_shape((height, width), stride)
    count = np.zeros(shape, np.uint8)
    for tile in plan_tiles(shape, stride, size, 3 * stride):
        count[tile.core.slices] += 1
        corners = (tile.core.y0, tile.core.x0, tile.core.y1, tile.core.x1, tile.window.y0, tile.window.x0)
        assert all(value % stride == 0 for value in corners)
        assert tile.window.y0 == max(0, tile.core.y0 - 3 * stride)
        assert tile.window.x1 == min(shape[1], tile.core.x1 + 3 * stride)
        assert max(tile.core.shape) <= max(size, stride) + stride - 1
    assert (count == 1).all()

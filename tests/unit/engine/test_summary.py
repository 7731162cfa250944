"""The summary of a network: figures known by arithmetic, memory against a real step, detectors without data."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from segstudio.core.errors import UserError
from segstudio.engine import run_job
from segstudio.engine import summary as module
from segstudio.engine.formulations import formulations
from segstudio.engine.network import Network
from segstudio.engine.network_trace import example_labels, follow, layers_of, shape_of
from segstudio.engine.prediction.room import network_bytes
from segstudio.jobs.messages import Artifact
from segstudio.jobs.network_report import NetworkReport
from segstudio.jobs.spec import Choice, SummaryJob


def summary(folder: Path, **options: Any) -> NetworkReport:
    job = SummaryJob(job_id="s", output=folder / "network.json", device="cpu", **options)
    (told,) = [message for message in run_job(job) if isinstance(message, Artifact)]
    assert told.role == "report"
    return NetworkReport.model_validate_json(Path(told.path).read_bytes())


class _Plain(Network):
    """Two convolutions: 3x3 from 2 to 5 channels with stride 2, a transposed 2x2 back to 3 channels."""

    stride, in_channels, out_channels = 2, 2, 3

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(2, 5, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(5, 3, 2, stride=2)

    def forward(self, image: Tensor) -> Tensor:
        maps: Tensor = self.up(self.down(image))
        return maps


def test_work_shapes_and_weights_of_two_convolutions_are_those_of_arithmetic() -> None:
    network = _Plain()
    flops, seen = follow(network, 64)
    rows = {layer.path: layer for layer in layers_of(network, flops, seen)}
    assert rows["down"].parameters == 5 * 2 * 9 + 5
    assert rows["up"].parameters == 5 * 3 * 4 + 3
    assert rows[""].parameters == rows["down"].parameters + rows["up"].parameters
    assert rows["down"].shape == (5, 32, 32)
    assert rows["up"].shape == (3, 64, 64)
    # A quarter of the pixels has an output of the first, each made of 5 x 2 x 9 products; twice for the additions.
    assert rows["down"].flops_per_mpx == pytest.approx(2 * 5 * 2 * 9 * 1e6 / 4)
    assert rows["up"].flops_per_mpx == pytest.approx(2 * 5 * 3 * 4 * 1e6 / 4)
    assert rows[""].flops_per_mpx == pytest.approx(rows["down"].flops_per_mpx + rows["up"].flops_per_mpx)


def test_a_module_that_is_used_twice_says_so_and_is_counted_once() -> None:
    class Twice(_Plain):
        def forward(self, image: Tensor) -> Tensor:
            maps: Tensor = self.up(self.down(image)) + self.up(self.down(image))
            return maps

    flops, seen = follow(Twice(), 64)
    rows = {layer.path: layer for layer in layers_of(Twice(), flops, seen)}
    assert rows["down"].calls == 2
    assert rows["down"].flops_per_mpx == pytest.approx(2 * 2 * 5 * 2 * 9 * 1e6 / 4)


def test_shapes_of_what_is_no_tensor() -> None:
    image = torch.zeros(1, 4, 8, 8)
    assert shape_of([image[:, :, ::2], image]) == (4, 8, 8)
    assert shape_of({"a": image}) == (4, 8, 8)
    assert shape_of(None) == ()


def test_the_figures_of_a_wish_are_those_of_the_network_that_would_be_trained(tmp_path: Path) -> None:
    found = summary(
        tmp_path,
        architecture=Choice(name="unet", settings={"width": 8, "depth": 2}),
        channels=3,
        config={"data": {"patch_size": 100}, "training": {"batch_size": 3}, "prediction": {"tile_size": 256}},
        object_diameter_px=200.0,
    )
    assert (found.in_channels, found.batch, found.stride) == (3, 3, 4)
    assert found.patch == 100
    assert found.field == found.stride + 2 * found.reach
    assert found.reach == 26  # of a U-Net with two levels and bilinear up-sampling
    assert found.window == 256 + 2 * 28  # rounded up to the stride
    assert found.too_small
    assert found.layers[0].shape == (found.out_channels, 100, 100)
    assert found.measured_px == 0


def test_an_automatic_patch_follows_the_objects(tmp_path: Path) -> None:
    small, large = (summary(tmp_path, object_diameter_px=size).patch for size in (10.0, 70.0))
    assert (small, large) == (128, 216)


def test_a_wrong_setting_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"The setting width cannot be 3: it must be 0"):
        summary(tmp_path, architecture=Choice(name="unet", settings={"width": 3}))
    with pytest.raises(UserError, match="tile_size"):
        summary(tmp_path, config={"prediction": {"tile_size": 1}})


STEP = """
import psutil
import torch
from segstudio.config.training import TrainingConfig
from segstudio.engine.architectures import architectures
from segstudio.engine.data.crops import Batch
from segstudio.engine.formulations import formulations
from segstudio.engine.prediction.room import network_bytes
from segstudio.engine.network_trace import example_labels
from segstudio.engine.training.stepper import Stepper
formulation = formulations.get("joint")()
family = architectures.get("unet")
network = family(family.Config(width=16, depth=3)).build(1, formulation.out_channels)
stepper = Stepper(network, formulation, TrainingConfig(), torch.device("cpu"))
def batch(count, side):
    targets = formulation.encode(example_labels(side)).items()
    return Batch(torch.rand(count, 1, side, side), {n: torch.from_numpy(t).repeat(count, 1, 1, 1) for n, t in targets})
stepper.step(batch(1, 32), 1e-3)  # what torch loads at its first step is no memory of the network
before = psutil.Process().memory_info().rss  # what imports took and gave back is there again
stepper.step(batch(4, 192), 1e-3)
# Of this program alone: the peak that getrusage tells is that of the one that started it, where that was higher.
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(1024 * int(peak.split()[1]) - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is told in other units, or not at all")
def test_the_estimated_memory_is_near_that_of_a_real_step(tmp_path: Path) -> None:
    estimated = summary(
        tmp_path,
        architecture=Choice(name="unet", settings={"width": 16, "depth": 3}),
        config={"data": {"patch_size": 192}, "training": {"batch_size": 4}},
    )
    # A process of its own: memory that other tests have freed would hide what the step takes.
    done = subprocess.run([sys.executable, "-c", STEP], capture_output=True, text=True, check=True)
    measured = int(done.stdout.split()[-1])
    assert 0.6 < estimated.training_bytes / measured < 1.7, (estimated.training_bytes, measured)


class _SortsItsBoxes(Network):
    """Looks at values, as detectors do, and so cannot be followed without data."""

    stride, in_channels, out_channels, reach = 8, 1, 1, 5

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 1, 3, padding=1)

    def forward(self, image: Tensor) -> Tensor:
        maps: Tensor = self.layer(image)
        return maps * float(maps.mean().item() > -1e9)


def test_a_network_that_needs_data_is_measured_on_a_small_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = formulations.get("semantic")
    monkeypatch.setattr(kind, "own_network", True)
    monkeypatch.setattr(kind, "build_network", lambda _self, _channels: _SortsItsBoxes())
    monkeypatch.setattr(kind, "loss", lambda _self, maps, _targets: {"x": maps.square().mean()})
    module._measured_with_numbers.cache_clear()
    found = summary(
        tmp_path,
        formulation=Choice(name="semantic"),
        config={"data": {"patch_size": 512}, "training": {"batch_size": 4}},
    )
    module._measured_with_numbers.cache_clear()
    assert found.measured_px == 128
    assert found.architecture == "own"
    assert found.flops_per_mpx == pytest.approx(2 * 9 * 1e6)
    assert found.reach == 5
    # At least the input of the convolution and its output.
    assert found.kept_bytes >= 2 * 4 * 4 * 512**2 * 0.9


def test_made_up_labels_hold_objects_apart() -> None:
    labels = example_labels(100)
    assert labels.dtype == np.int32
    assert len(np.unique(labels)) > 10


class _FixedNumberOfBoxes(Network):
    """A convolution of 4 channels, and a layer that is as large for every image."""

    stride, in_channels, out_channels, reach = 8, 1, 4, 1

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Conv2d(1, 4, 3, padding=1)
        self.boxes = nn.AdaptiveAvgPool2d(64)

    def forward(self, image: Tensor) -> Tensor:
        maps: Tensor = self.layer(image)
        return maps + self.boxes(maps).mean()


def test_what_does_not_grow_with_the_image_is_not_multiplied() -> None:
    network = _FixedNumberOfBoxes()
    assert network_bytes(network, 100) == pytest.approx(3 * 4 * 4 * 64**2)  # the boxes
    assert network_bytes(network, 1_000_000) == pytest.approx(3 * 4 * 4 * 1_000_000)  # the convolution

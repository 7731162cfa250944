"""Looking into a model: feature maps and gradients of a network whose every number is known."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from torch import nn
from torch.nn import functional

from segstudio.core.errors import UserError
from segstudio.engine import inspection, run_job
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import formulations
from segstudio.engine.model_card import ModelCard, load_model, save_model
from segstudio.engine.network import Network
from segstudio.jobs.messages import Artifact
from segstudio.jobs.network_report import Inside
from segstudio.jobs.spec import Choice, ClassSpec, InspectJob

SETTINGS = {"width": 4, "depth": 1}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    formulation, family = formulations.get("semantic")(), architectures.get("unet")
    torch.manual_seed(0)
    network = family(family.Config.model_validate(SETTINGS)).build(1, formulation.out_channels)
    folder = tmp_path_factory.mktemp("model")
    card = ModelCard(
        name="m",
        created="2026-11-21T00:00:00",
        formulation=Choice(name="semantic"),
        architecture=Choice(name="unet", settings=SETTINGS),
        in_channels=1,
        channels="gray",
        classes=(ClassSpec(id=1, name="cell"),),
    )
    save_model(folder, card, network.state_dict())
    return folder


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image.tif"
    plane = np.random.default_rng(0).integers(0, 40, (41, 57), dtype=np.uint8)
    plane[10:20, 30:40] = 200
    tifffile.imwrite(path, plane)
    return path


def inside(model: Path, image: Path, folder: Path, **options: Any) -> tuple[Inside, dict[str, Any]]:
    job = InspectJob(job_id="i", model=model, image=image, output=folder / "out", device="cpu", **options)
    (told,) = [message for message in run_job(job) if isinstance(message, Artifact)]
    path = Path(told.path)
    arrays = {name: np.load(path.with_name(f"{name}.npy"), allow_pickle=False) for name in ("maps", "gradients")}
    return Inside.model_validate_json(path.read_bytes()), arrays


def test_the_image_is_shown_as_the_network_sees_it(model: Path, image: Path, tmp_path: Path) -> None:
    found, arrays = inside(model, image, tmp_path, window=(0, 0, 41, 57))
    assert found.window == (0, 0, 41, 57)
    assert arrays["maps"].shape == (1, 41, 57)  # what was mirrored up to the stride is cut off
    bright = arrays["maps"][0] == 255
    assert bright[10:20, 30:40].all()
    assert bright.sum() == 100


def test_a_layer_at_half_the_size_covers_the_same_part(model: Path, image: Path, tmp_path: Path) -> None:
    found, arrays = inside(model, image, tmp_path, window=(4, 20, 30, 57), layer="encoder.1")
    assert found.shape == (8, 13, 19)
    assert arrays["maps"].shape == (8, 13, 19)
    assert [each.channel for each in found.maps] != list(range(8))  # by strength
    assert sorted(each.channel for each in found.maps) == list(range(8))
    spread = [arrays["maps"][number].astype(float) for number in range(8)]
    spans = [each.high - each.low for each in found.maps]
    strength = [plane.std() * span for plane, span in zip(spread, spans, strict=True)]
    assert strength[0] > strength[-1]
    assert found.norms["encoder.1"] > 0


def test_the_gradient_at_a_pixel_stays_within_what_the_network_sees(model: Path, image: Path, tmp_path: Path) -> None:
    found, arrays = inside(model, image, tmp_path, window=(0, 0, 41, 57), point=(35, 5))
    reach = 2 + 10  # one level: less than the stride and its reach
    rows, columns = np.nonzero(arrays["gradients"][0])
    assert len(rows)
    if found.target.startswith("one pixel"):
        assert np.abs(rows - 35).max() <= reach
        assert np.abs(columns - 5).max() <= reach


def test_the_gradient_of_a_network_of_one_weight_is_that_of_arithmetic(
    model: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = inspection.load_model(model)
    with torch.no_grad():
        for weight in loaded.network.parameters():
            weight.zero_()
        # Only the skip of the first level is left: maps = head(decoder(...)) is constant, so no gradient comes back.
    monkeypatch.setattr(inspection, "load_model", lambda _path: loaded)
    found, arrays = inside(model, image, tmp_path, window=(0, 0, 41, 57), layer="encoder.0")
    assert found.norms["encoder.0"] == 0
    assert not arrays["gradients"].any()
    assert "no object" in found.target


def test_what_cannot_be_looked_at_is_a_sentence(model: Path, image: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no layer called nothing"):
        inside(model, image, tmp_path, window=(0, 0, 41, 57), layer="nothing")
    with pytest.raises(UserError, match="lies beside"):
        inside(model, image, tmp_path, window=(100, 100, 120, 120))
    with pytest.raises(UserError, match="lies beside the part"):
        inside(model, image, tmp_path, window=(0, 0, 20, 20), point=(40, 40))


class _Transformer(Network):
    """Halves the image by taking every second pixel, gives it as tokens to a layer that doubles them, and enlarges."""

    stride, in_channels, out_channels = 2, 1, 2

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Linear(1, 2, bias=False)
        with torch.no_grad():
            self.tokens.weight[:] = torch.tensor([[2.0], [0.0]])

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        half = image[:, :, ::2, ::2]
        maps = self.tokens(half.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(1, 2, *half.shape[2:])
        return functional.interpolate(maps, scale_factor=2.0)


def test_what_transformers_answer_is_shown_as_maps(
    model: Path, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_model(model)
    monkeypatch.setattr(inspection, "load_model", lambda _path: replace(loaded, network=_Transformer()))
    found, arrays = inside(model, image, tmp_path, window=(0, 0, 40, 56), layer="tokens")
    assert found.shape == (2, 20, 28)
    bright = arrays["maps"][[item.channel for item in found.maps].index(0)]
    assert bright[5:10, 15:20].min() > bright[:5].max()
    assert arrays["gradients"].shape[1:] == (20, 28)
    assert arrays["gradients"].any()

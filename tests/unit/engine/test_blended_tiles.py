"""Networks that see the whole image: large images come from tiles that fade into each other."""

from pathlib import Path

import numpy as np
import pytest
import torch
from factories import write_splits
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor

from segstudio.config.prediction import PredictionConfig
from segstudio.engine.formulations import formulations
from segstudio.engine.network import Network
from segstudio.engine.prediction import predict as predict_module
from segstudio.engine.prediction.predict import predict
from segstudio.engine.prediction.stitch_maps import is_blended, predict_maps
from segstudio.engine.prediction.tile_plan import padded_shape, plan_blended
from segstudio.engine.run import run_job
from segstudio.jobs.messages import Artifact, Finished, Warned
from segstudio.jobs.spec import Choice, ClassSpec, PredictImage, PredictJob, TrainJob, ValidateJob
from segstudio.project.folder_samples import folder_samples

JOINT = formulations.get("joint")()


class Global(Network):
    """Each pixel less the mean of all that is seen: the simplest network that sees the whole tile."""

    stride = 4
    in_channels = 1
    out_channels = 5
    sees_whole = True

    def __init__(self, subtract: float = 1.0) -> None:
        super().__init__()
        self.subtract = torch.nn.Parameter(torch.tensor(subtract))

    def forward(self, image: Tensor) -> Tensor:
        return (image - self.subtract * image.mean(dim=(2, 3), keepdim=True)).expand(-1, 5, -1, -1)


@given(st.integers(1, 900), st.integers(1, 900), st.sampled_from([1, 4, 32]), st.integers(32, 300))
def test_shares_of_all_tiles_add_up_to_one(height: int, width: int, stride: int, size: int) -> None:
    shape = padded_shape((height, width), stride)
    total = np.zeros(shape)
    for tile in plan_blended(shape, stride, size):
        assert tile.shares is not None
        total[tile.window.slices] += tile.shares[0][:, None] * tile.shares[1]
        assert tile.window.y0 % stride == tile.window.x0 % stride == 0
        assert tile.window.y1 <= shape[0]
        assert tile.window.x1 <= shape[1]
    assert np.abs(total - 1).max() < 1e-5


def test_what_does_not_depend_on_the_tile_is_the_same_as_whole() -> None:
    image = np.random.default_rng(0).random((1, 203, 310), np.float32)
    network = Global(0.0)
    whole = predict_maps(network, JOINT, image, PredictionConfig(tile_size=1024))
    blended = predict_maps(network, JOINT, image, PredictionConfig(tile_size=64, batch_size=3))
    assert np.abs(whole - blended).max() < 1e-5


def test_no_seam_shows_where_the_tiles_differ() -> None:
    """Brightness that grows to the right gives each tile another mean; the answer must not jump from tile to tile."""
    image = np.broadcast_to(np.linspace(0, 3, 640, dtype=np.float32), (1, 64, 640)).copy()
    network = Global(1.0)
    blended = predict_maps(network, JOINT, image, PredictionConfig(tile_size=64))
    steps = np.abs(np.diff(blended[0], axis=1))
    assert is_blended(network, (64, 640), 64)
    assert steps.max() < 3 * 3 / 640 + 0.02  # a seam between cores of 64 would be a jump of 0.3


def test_small_images_are_seen_whole() -> None:
    image = np.random.default_rng(0).random((1, 100, 120), np.float32)
    network = Global(1.0)
    assert not is_blended(network, (100, 120), 64)
    maps = predict_maps(network, JOINT, image, PredictionConfig(tile_size=64))
    assert maps[0] == pytest.approx((image - image.mean())[0] / 5, abs=1e-5)  # the flow is a fifth of its map


def test_a_prediction_says_once_that_its_tiles_are_blended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from segstudio.engine.model_card import Model, ModelCard

    card = ModelCard(
        name="Global",
        created="2026-01-01",
        formulation=Choice(name="joint"),
        architecture=Choice(name="unet"),
        in_channels=1,
        channels="gray",
        classes=(ClassSpec(id=1, name="cell"),),
    )
    monkeypatch.setattr(predict_module, "load_learned", lambda path: Model(card, Global().eval(), JOINT))
    images = []
    for number in range(2):
        path = tmp_path / f"{number}.png"
        Image.fromarray(np.random.default_rng(number).integers(0, 255, (150, 200), np.uint8)).save(path)
        images.append(PredictImage(image_id=str(number), image=path, output=tmp_path / f"{number}.tif"))
    job = PredictJob(job_id="1", model=tmp_path, images=tuple(images), settings={"tile_size": 64}, device="cpu")
    messages = list(predict(job))
    said = [m for m in messages if isinstance(m, Warned)]
    assert [m.code for m in said] == ["blended-tiles"]
    assert "0.png" in said[0].message
    assert len([m for m in messages if isinstance(m, Artifact)]) == 2


@pytest.mark.parametrize("normalisation", ["instance", "group", "batch"])
def test_settings_that_let_a_network_see_the_whole_tile_are_told_before_it_learns(
    normalisation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.engine.run.use_all_cores", lambda device: None)
    write_splits(tmp_path / "data", 1, 1, shape=(48, 48), diameter=12)
    network = Choice(name="unet", settings={"width": 4, "depth": 1, "normalisation": normalisation})
    job = TrainJob(
        job_id="1",
        name="m",
        run_folder=tmp_path / "run",
        samples=tuple(folder_samples(tmp_path / "data")),
        classes=(ClassSpec(id=1, name="cell"),),
        architecture=network,
        config={"data": {"patch_size": 32}, "training": {"epochs": 1, "steps_per_epoch": 1, "batch_size": 2}},
        device="cpu",
    )
    messages = list(run_job(job))
    said = [message.message for message in messages if isinstance(message, Warned) and message.code == "blended-tiles"]
    assert [" tiles cannot equal " in words for words in said] == ([] if normalisation == "batch" else [True])
    checked = list(run_job(ValidateJob(job_id="2", formulation=Choice(name="joint"), architecture=network)))[-1]
    assert isinstance(checked, Finished)
    assert checked.summary["sees_whole"] == (normalisation != "batch")

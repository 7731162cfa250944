"""Every formulation learns from patches that changed their shape: targets made anew beside ready ones, both alike."""

from pathlib import Path

import numpy as np
import pytest
import torch
from factories import cells

from segstudio.config.augmentation import AugmentationConfig
from segstudio.config.run import RunConfig
from segstudio.engine.data.crops import CropSampler, CropSettings
from segstudio.engine.data.cut_out import hide_rectangles
from segstudio.engine.data.dataset import LabelledPart, TargetStore, training_image
from segstudio.engine.formulations import formulations
from segstudio.jobs.spec import SampleRecord

SHAPES = AugmentationConfig(
    scale=0.3, rotation=180, elastic=4, shape_share=0.5, copy_paste=0.3, mosaic=0.3, cut_out=0.3
)


@pytest.mark.parametrize("name", formulations.names())
def test_ready_and_reshaped_patches_make_one_batch(name: str, tmp_path: Path) -> None:
    made = cells((112, 112), 12, dtype="float32")
    labels = made.labels.copy()
    labels[:, :16] = -1
    sample = SampleRecord(image_id="a", image=tmp_path / "a.tif", object_classes={1: 2, 3: 2})
    part = LabelledPart(sample, made.image[None], labels)
    formulation = formulations.get(name)(None, (1, 2))
    config = RunConfig(augmentation=SHAPES)
    image = training_image(part, formulation, 64, TargetStore(tmp_path, 2**30), config)
    settings = CropSettings(64, 0.9, 0, SHAPES, formulation.turn_targets, formulation.encode, 16)
    batch, again = (CropSampler([image], settings).batch(0, 8) for _ in range(2))
    assert batch.image.shape == (8, 1, 64, 64)
    assert set(batch.targets) == set(image.targets)
    for target, planes in batch.targets.items():
        assert planes.shape == (8, *image.targets[target].shape[:1], 64, 64)
        assert np.isfinite(planes).all()
        assert planes.tobytes() == again.targets[target].tobytes()
    assert 0.3 < (batch.targets["valid"] > 0).mean() < 1


@pytest.mark.parametrize("name", [name for name, kind in formulations if not kind.own_network])
def test_a_hidden_rectangle_carries_no_loss(name: str) -> None:
    labels = cells((64, 64), 9, diameter=14).labels
    formulation = formulations.get(name)(None, (1, 2))
    targets = formulation.encode(labels, {1: 2})
    _, hidden = hide_rectangles(np.zeros((1, 64, 64), np.float32), targets, np.random.default_rng(3))
    gone = hidden["valid"][0] == 0
    assert 0 < gone.mean() < 0.5
    torch.manual_seed(0)
    maps = torch.randn(1, formulation.out_channels, 64, 64, requires_grad=True)
    terms = formulation.loss(maps, {key: torch.from_numpy(planes)[None] for key, planes in hidden.items()})
    torch.stack(list(terms.values())).sum().backward()
    assert maps.grad is not None
    gradient = maps.grad[0].abs().amax(dim=0).numpy()
    assert gradient[~gone].max() > 0
    assert gradient[gone].max() == 0

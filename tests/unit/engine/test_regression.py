"""Image to image: pairs of images are learned, and the images made have the intensities of their targets."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from factories import cells

from segstudio.cli.main import main
from segstudio.config.augmentation import AugmentationConfig
from segstudio.config.run import RunConfig
from segstudio.core.errors import BadInput, WrongUsage
from segstudio.engine.data.crops import CropSampler, CropSettings
from segstudio.engine.data.dataset import LabelledPart, TargetStore, training_image
from segstudio.engine.formulations.regression import Regression, RegressionConfig
from segstudio.engine.model_card import read_card
from segstudio.engine.run import run_job
from segstudio.engine.training.validate_images import ImageValidation
from segstudio.io.sources import open_image
from segstudio.jobs.messages import Metric, Warned
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord, TrainJob
from segstudio.project.folder_samples import folder_samples


def write_pairs(folder: Path, count: int = 5, noise: float = 0.4) -> None:
    """Write noisy images, and the same without noise and in other intensities as their targets."""
    for name in ("images", "targets"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for number in range(count):
        clean = (cells((96, 112), 12, number).labels > 0).astype(np.float32)
        noisy = clean + np.random.default_rng(number).normal(0, noise, clean.shape)
        tifffile.imwrite(folder / "images" / f"{number}.tif", (1000 + 500 * noisy).astype(np.float32))
        tifffile.imwrite(folder / "targets" / f"{number}.tif", (50 + 200 * clean).astype(np.uint16))


def job(folder: Path, run: Path, **settings: object) -> TrainJob:
    small = {"width": 8, "depth": 1}
    training = {"epochs": 3, "steps_per_epoch": 16, "batch_size": 4, "precision": "float32", **settings}
    return TrainJob(
        job_id="1",
        name="clean",
        run_folder=run,
        samples=tuple(folder_samples(folder)),
        classes=(ClassSpec(id=1, name="object"),),
        formulation=Choice(name="regression"),
        architecture=Choice(name="unet", settings=small),
        config={"training": training, "data": {"patch_size": 64}, "augmentation": {"rotation": 180.0, "scale": 0.2}},
        device="cpu",
    )


def test_a_noisy_image_becomes_clean_in_the_intensities_of_the_targets(tmp_path: Path) -> None:
    write_pairs(tmp_path / "data")
    messages = list(run_job(job(tmp_path / "data", tmp_path / "run")))
    metrics = [m.values for m in messages if isinstance(m, Metric) and "val_ssim" in m.values]
    assert {"val_ssim", "val_psnr", "val_mae"} <= metrics[-1].keys()
    assert metrics[-1]["val_ssim"] > metrics[0]["val_ssim"] + 0.1
    losses = [m.values["train_loss"] for m in messages if isinstance(m, Metric) and "train_loss" in m.values]
    assert losses[-1] < 0.6 * losses[0]
    assert not [m for m in messages if isinstance(m, Warned) and m.code in ("class-missing", "no-labels")]

    write_pairs(tmp_path / "new", 7)  # two that no training has seen
    image = tmp_path / "new" / "images" / "6.tif"
    words = ["predict", str(tmp_path / "run"), str(image), "--out", str(tmp_path / "made"), "--quiet"]
    assert main(words) == 0
    with open_image(tmp_path / "made" / "6.tif") as source:
        made = source.read()
    target = tifffile.imread(tmp_path / "new" / "targets" / "6.tif").astype(np.float32)
    noisy = (tifffile.imread(image) - 1000) / 500 * 200 + 50
    assert made.dtype == np.float32
    assert np.abs(made - target).mean() < 0.4 * np.abs(noisy - target).mean()
    assert main(words) == 0  # an earlier result may be replaced


def test_one_extreme_pixel_of_a_target_costs_no_model(tmp_path: Path) -> None:
    write_pairs(tmp_path / "data", 4)
    training = job(tmp_path / "data", tmp_path / "run", epochs=1, steps_per_epoch=2)
    (validation,) = [sample.target for sample in training.samples if sample.split == "val" and sample.target]
    target = tifffile.imread(validation).astype(np.float32)
    target[50, 50] = 3e38
    tifffile.imwrite(validation, target)
    list(run_job(training))
    assert read_card(tmp_path / "run").scores.keys() == {"ssim", "psnr", "mae"}


def test_targets_move_with_their_images() -> None:
    """Where the target is the image itself, patches of both are the same whatever their shape."""
    image = np.random.default_rng(0).random((1, 80, 90), np.float32)
    sample = SampleRecord(image_id="a", image=Path("a.tif"))
    part = LabelledPart(sample, image, np.zeros((80, 90), np.int32), image.copy())
    formulation = Regression(RegressionConfig(target_channels=1))
    still = AugmentationConfig.none().model_dump()
    shapes = AugmentationConfig.model_validate(
        {**still, "flips": True, "rotation": 180.0, "scale": 0.3, "elastic": 3.0}
    )
    config = RunConfig(augmentation=shapes)
    kept = training_image(part, formulation, 32, TargetStore(Path(), 10**9), config)
    settings = CropSettings(
        32, 0.9, 1, shapes, formulation.turn_targets, formulation.encode, 8, False, formulation.encode_image, 1
    )
    batch = CropSampler([kept], settings).batch(0, 16)
    valid = batch.targets["valid"] > 0
    assert batch.image.shape == (16, 1, 32, 32)
    assert valid.mean() > 0.5
    # Ready-made targets wait as float16.
    assert np.abs(batch.image - batch.targets["picture"])[valid].max() < 1e-3


def test_ignored_pixels_of_a_target_carry_no_loss() -> None:
    formulation = Regression(RegressionConfig(target_channels=1))
    known = np.ones((8, 8), bool)
    known[:4] = False
    targets = formulation.encode_image(np.full((1, 8, 8), 5, np.float32), known)
    import torch

    maps = torch.full((1, 1, 8, 8), 5.0)
    maps[:, :, :4] = 100
    loss = formulation.loss(maps, {name: torch.from_numpy(planes)[None] for name, planes in targets.items()})
    assert float(loss["difference"]) == 0


def test_what_is_wrong_with_targets_is_a_sentence(tmp_path: Path) -> None:
    write_pairs(tmp_path / "mixed")
    tifffile.imwrite(tmp_path / "mixed" / "targets" / "2.tif", np.ones((96, 112, 3), np.uint8), photometric="rgb")
    with pytest.raises(BadInput, match=r"The targets differ in their channels: .* has 1, 2\.tif has 3"):
        list(run_job(job(tmp_path / "mixed", tmp_path / "run1")))
    write_pairs(tmp_path / "flat")
    for path in (tmp_path / "flat" / "targets").iterdir():
        tifffile.imwrite(path, np.full((96, 112), 7, np.uint8))
    with pytest.raises(BadInput, match="one intensity everywhere"):
        list(run_job(job(tmp_path / "flat", tmp_path / "run2")))
    write_pairs(tmp_path / "pairs")
    labels = job(tmp_path / "pairs", tmp_path / "run3").model_copy(update={"formulation": Choice(name="joint")})
    with pytest.raises(BadInput) as told:
        list(run_job(labels))
    assert "Image to image" in told.value.hint


def test_without_targets_it_says_that_it_learns_where_objects_are(tmp_path: Path) -> None:
    write_pairs(tmp_path / "data")
    (tmp_path / "data" / "targets").rename(tmp_path / "data" / "masks")
    for path in (tmp_path / "data" / "masks").iterdir():
        tifffile.imwrite(path, (tifffile.imread(path) > 100).astype(np.uint8))
    messages = list(run_job(job(tmp_path / "data", tmp_path / "run", epochs=1, steps_per_epoch=3)))
    assert [m.code for m in messages if isinstance(m, Warned) and m.code == "no-targets"] == ["no-targets"]
    assert any("val_f1" in m.values for m in messages if isinstance(m, Metric))


@pytest.mark.parametrize(
    ("folder", "words"), [("targets", "the target images have 1"), ("masks", "there are no target")]
)
def test_a_number_of_channels_that_the_targets_have_not_is_refused(tmp_path: Path, folder: str, words: str) -> None:
    write_pairs(tmp_path / "data", 2)
    if folder == "masks":
        (tmp_path / "data" / "targets").rename(tmp_path / "data" / "masks")
    wrong = job(tmp_path / "data", tmp_path / "run").model_copy(
        update={"formulation": Choice(name="regression", settings={"target_channels": 3})}
    )
    with pytest.raises(WrongUsage, match=words):
        list(run_job(wrong))


def test_images_nearer_to_their_targets_are_better_whatever_their_structure() -> None:
    """After a few steps the structure of what is made is chance; weights from then must not be kept."""
    begun = ImageValidation(similarity=-0.05, psnr=-8.2, error=1.54, images=1, seconds=1)
    later = ImageValidation(similarity=-0.20, psnr=7.5, error=0.19, images=1, seconds=1)
    assert later.score > begun.score

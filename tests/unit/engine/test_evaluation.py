"""The score of a finished model on labelled images, through the report that it leaves."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from factories import write_pairs

from segstudio.core.errors import BadInput, BadModel
from segstudio.core.metrics import pooled
from segstudio.core.tiles import Window
from segstudio.engine.architectures import architectures
from segstudio.engine.evaluation import evaluate_model
from segstudio.engine.formulations import formulations
from segstudio.engine.formulations.regression import RegressionConfig
from segstudio.engine.model_card import ModelCard, TargetScale, save_model
from segstudio.engine.run import run_job
from segstudio.io.labels_file import write_label_tiff
from segstudio.jobs.evaluation import Evaluation, read_evaluation
from segstudio.jobs.messages import Warned
from segstudio.jobs.spec import Choice, ClassSpec, EvaluateJob, PredictImage, PredictJob, SampleRecord
from segstudio.labels.label_map import LabelMap

SMALL = {"width": 8, "depth": 2}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model whose network finds something wherever it is bright; how good it is does not matter."""
    torch.manual_seed(3)
    semantic, kind = formulations.get("semantic")(), architectures.get("unet")
    network = kind(kind.Config.model_validate(SMALL)).build(1, semantic.out_channels)
    card = ModelCard(
        name="test",
        created="2026-11-21T00:00:00",
        formulation=Choice(name="semantic"),
        architecture=Choice(name="unet", settings=SMALL),
        in_channels=1,
        channels="gray",
        classes=(ClassSpec(id=1, name="cell"),),
    )
    folder = tmp_path_factory.mktemp("model")
    save_model(folder, card, network.state_dict())
    return folder


def samples(folder: Path, count: int = 3, side: int = 64) -> tuple[SampleRecord, ...]:
    write_pairs(folder, count, (side, side))
    return tuple(
        SampleRecord(
            image_id=f"cell_{number:02d}",
            image=folder / "images" / f"cell_{number:02d}.tif",
            labels=folder / "masks" / f"cell_{number:02d}.tif",
            complete=True,
            split="val",
        )
        for number in range(count)
    )


def evaluated(model: Path, folder: Path, records: tuple[SampleRecord, ...]) -> Evaluation:
    job = EvaluateJob(job_id="1", model=model, samples=records, report=folder / "run" / "report.json", device="cpu")
    messages = list(run_job(job))
    assert messages[-1].kind == "finished"
    report = read_evaluation(job.report)
    assert report is not None
    assert [item.name for item in job.report.parent.iterdir()] == ["report.json"]
    return report


def test_the_report_agrees_with_predicting_and_evaluating_by_hand(model: Path, tmp_path: Path) -> None:
    from segstudio.cli.evaluate import score_folders

    records = samples(tmp_path)
    report = evaluated(model, tmp_path, records)
    out = tmp_path / "predicted"
    images = tuple(PredictImage(image_id=s.image_id, image=s.image, output=out / f"{s.image_id}.tif") for s in records)
    list(run_job(PredictJob(job_id="2", model=model, images=images, device="cpu")))
    by_hand = pooled(score_folders(out, tmp_path / "masks"))
    for row, (found, false, missed) in zip(by_hand.counts, report.counts().sum(axis=0), strict=True):
        assert (row.tp, row.fp, row.fn) == (found, false, missed)
    assert report.counts((0.5, 0.75)).shape == (3, 2, 3)
    with pytest.raises(KeyError):
        report.counts((0.33,))
    assert report.parameters > 1000
    assert report.weights_mb == pytest.approx((model / "weights.safetensors").stat().st_size / 1e6, abs=0.01)


def test_the_time_for_a_megapixel_is_not_reckoned_from_tiny_images(model: Path, tmp_path: Path) -> None:
    assert evaluated(model, tmp_path / "tiny", samples(tmp_path / "tiny", 1)).seconds_per_megapixel is None
    known = evaluated(model, tmp_path / "usual", samples(tmp_path / "usual", 1, side=320)).seconds_per_megapixel
    assert known is not None
    assert known > 0


def test_an_image_that_cannot_be_predicted_counts_as_one_where_nothing_was_found(model: Path, tmp_path: Path) -> None:
    records = samples(tmp_path)
    objects = int(tifffile.imread(records[1].labels).max())
    records[1].image.write_bytes(records[1].image.read_bytes()[:200])
    job = EvaluateJob(job_id="1", model=model, samples=records, report=tmp_path / "report.json", device="cpu")
    warned = [message for message in evaluate_model(job) if isinstance(message, Warned)]
    assert any("cell_01" in message.message for message in warned)
    report = read_evaluation(job.report)
    assert report is not None
    assert report.images[1].tp[0] == report.images[1].fp[0] == 0
    assert report.images[1].fn[0] == objects


def test_what_is_not_labelled_is_not_judged(model: Path, tmp_path: Path) -> None:
    (record,) = samples(tmp_path, 1)
    labels = tifffile.imread(record.labels)
    one = np.where(labels == 1, labels, 0)
    tifffile.imwrite(record.labels, one)
    complete = evaluated(model, tmp_path / "a", (record,))
    partly = evaluated(model, tmp_path / "b", (record.model_copy(update={"complete": False}),))
    assert partly.images[0].fp[0] <= complete.images[0].fp[0]
    assert partly.images[0].tp[0] + partly.images[0].fn[0] == 1


def test_without_labels_there_is_nothing_to_score(model: Path, tmp_path: Path) -> None:
    unlabelled = tuple(record.model_copy(update={"labels": None}) for record in samples(tmp_path, 1))
    job = EvaluateJob(job_id="1", model=model, samples=unlabelled, report=tmp_path / "report.json")
    with pytest.raises(BadInput, match="no labelled image to score"):
        list(evaluate_model(job))


def test_an_unreadable_image_without_objects_does_not_end_the_evaluation(model: Path, tmp_path: Path) -> None:
    records = list(samples(tmp_path, 2))
    regions = LabelMap((64, 64), np.uint8)
    regions.write(Window(0, 0, 64, 64), np.ones((64, 64), np.uint8))
    write_label_tiff(tmp_path / "regions.tif", regions)
    records[1].image.write_bytes(b"no image")
    records[1] = records[1].model_copy(update={"labels": None, "regions": tmp_path / "regions.tif"})
    report = evaluated(model, tmp_path, tuple(records))
    assert report.images[1].tp[0] == report.images[1].fn[0] == 0


def test_a_model_that_makes_images_has_no_objects_to_score(tmp_path: Path) -> None:
    kind, maker = architectures.get("unet"), formulations.get("regression")(RegressionConfig(target_channels=1))
    card = ModelCard(
        name="clean",
        created="2026-11-21T00:00:00",
        formulation=Choice(name="regression", settings=maker.config.model_dump()),
        architecture=Choice(name="unet", settings=SMALL),
        in_channels=1,
        channels="gray",
        classes=(ClassSpec(id=1, name="cell"),),
        target_scale=TargetScale(low=(0.0,), high=(1.0,)),
    )
    save_model(tmp_path / "m", card, kind(kind.Config.model_validate(SMALL)).build(1, 1).state_dict())
    job = EvaluateJob(job_id="1", model=tmp_path / "m", samples=samples(tmp_path, 1), report=tmp_path / "r.json")
    with pytest.raises(BadModel, match="makes images"):
        list(evaluate_model(job))


def test_a_report_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert read_evaluation(tmp_path / "missing.json") is None
    (tmp_path / "damaged.json").write_text('{"schema_version": 1, "thres')
    assert read_evaluation(tmp_path / "damaged.json") is None


def test_images_are_read_as_the_user_said(model: Path, tmp_path: Path) -> None:
    first = samples(tmp_path, 1)[0]
    assert first.labels is not None
    pixels, labels = (tifffile.imread(path) for path in (first.image, first.labels))
    two = tmp_path / "two.tif"
    tifffile.imwrite(two, np.stack([pixels, pixels]).astype(np.uint16), imagej=True, metadata={"axes": "CYX"})
    write_label_tiff(tmp_path / "labels.tif", LabelMap.from_array(labels.astype(np.int32)))
    said = first.model_copy(update={"image": two, "labels": tmp_path / "labels.tif", "axes": "Z", "plane": 0})
    job = EvaluateJob(job_id="1", model=model, samples=(said,), report=tmp_path / "report.json", device="cpu")
    assert not [message for message in evaluate_model(job) if isinstance(message, Warned)]
    unsaid = said.model_copy(update={"axes": "", "plane": None})
    with pytest.raises(BadModel, match=r"expects 1 channel; two\.tif has 2"):
        list(evaluate_model(job.model_copy(update={"samples": (unsaid,)})))

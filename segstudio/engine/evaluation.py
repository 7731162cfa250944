"""What a finished model is worth: it predicts labelled images as a user would, and its objects are matched with theirs.

The same measure for every model, whatever its formulation and however it was validated while it trained: whole images,
all of them, the decoder settings of its card.
"""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import BadInput
from segstudio.core.metrics import THRESHOLDS, ImageScore, evaluate
from segstudio.engine.data.annotation import read_annotation
from segstudio.engine.devices import choose_device, device_name
from segstudio.engine.formulations import Formulation
from segstudio.engine.model_card import build_formulation, load_model, read_card
from segstudio.engine.prediction.predict import no_objects, predict
from segstudio.engine.training.validate import judged
from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.labels_file import read_label_plane, read_label_tiff
from segstudio.io.labels_import import read_labels
from segstudio.jobs.evaluation import Evaluation, ImageCounts
from segstudio.jobs.messages import Artifact, Finished, Message, Progress
from segstudio.jobs.model_folder import WEIGHTS_NAME, model_folder
from segstudio.jobs.spec import EvaluateJob, PredictImage, PredictJob, SampleRecord

_SCRATCH = ".evaluation-"
#: Pixels below which the time is that of opening files and starting, and says nothing about a megapixel.
_SMALLEST_TIMED = 100_000


def evaluate_model(job: EvaluateJob) -> Iterator[Message]:
    """Predict and score the images of a job, one after the other, and write its report.

    An image that cannot be predicted counts as one in which nothing was found, with a warning.

    Yields
    ------
    Message
        Progress, Warned, an Artifact of role ``"report"``, Finished.

    Raises
    ------
    UserError
        There is no labelled image, the model cannot be used, or no image could be predicted.
    """
    formulation = _formulation(job)
    make_folders(job.report.parent)
    for left in job.report.parent.glob(f"{_SCRATCH}*"):  # of a process that was killed
        shutil.rmtree(left, ignore_errors=True)
    scores: dict[str, ImageScore] = {}
    speeds: list[float] = []
    with TemporaryDirectory(prefix=_SCRATCH, dir=job.report.parent) as folder:
        prediction = _prediction(job, Path(folder))
        samples = dict(zip((image.image_id for image in prediction.images), job.samples, strict=True))
        began, opened = 0.0, -1
        for message in predict(prediction):
            if isinstance(message, Progress):
                if (number := message.done * len(samples) // message.total) != opened:
                    began, opened = time.monotonic(), number
            elif isinstance(message, Artifact):
                known, found = _read(samples[message.image_id], Path(message.path))
                known = formulation.best_answer(known)
                if known.size >= _SMALLEST_TIMED:
                    speeds.append((time.monotonic() - began) / known.size * 1e6)
                scores[message.image_id] = _score(known, found)
                continue
            elif isinstance(message, Finished):
                continue
            yield message
        for name, sample in samples.items():
            if name not in scores:
                scores[name] = _nothing_found(sample)
    counts = [_counts(samples[name].image_id, scores[name]) for name in samples]
    report = _report(job, counts, median(speeds) if speeds else None)
    write_atomic(job.report, report.model_dump_json().encode())
    yield Artifact(role="report", path=str(job.report))
    yield Finished(outcome="done", summary={"images": len(counts)})


def _formulation(job: EvaluateJob) -> Formulation:
    """Return the formulation of the model; raise `UserError` when it, or the images, cannot be scored."""
    if not any(sample.labels is not None for sample in job.samples):
        raise BadInput(
            "There is no labelled image to score the model on.",
            hint="Label at least one image and mark it for validation.",
            code="no-validation",
        )
    card = read_card(job.model)
    formulation = build_formulation(card)
    if formulation.makes_images:
        raise no_objects(card, job.model)
    return formulation


def _prediction(job: EvaluateJob, folder: Path) -> PredictJob:
    images = (
        PredictImage(
            image_id=str(number),
            image=sample.image,
            axes=sample.axes,
            plane=sample.plane,
            output=folder / f"{number}.tif",
        )
        for number, sample in enumerate(job.samples)
    )
    return PredictJob(job_id=job.job_id, model=job.model, images=tuple(images), device=job.device)


def _read(sample: SampleRecord, labels: Path) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return what is known about an image, and what was found in it, both ``(H, W)`` int32."""
    found = read_label_tiff(labels).to_array()
    return read_annotation(sample, (found.shape[0], found.shape[1])), found


def _nothing_found(sample: SampleRecord) -> ImageScore:
    if sample.labels is None:  # there is nothing to find
        known = np.zeros((0, 0), np.int32)
    else:
        flat = sample.plane is None  # the size from the labels: the image may be damaged
        drawn = read_labels(sample.labels)[0] if flat else read_label_plane(sample.labels, np.int32, sample.plane or 0)
        known = read_annotation(sample, (drawn.shape[0], drawn.shape[1]))
    return _score(known, np.zeros_like(known))


def _score(known: NDArray[np.int32], found: NDArray[np.int32]) -> ImageScore:
    return evaluate(known, judged(known, found), THRESHOLDS)


def _counts(image_id: str, score: ImageScore) -> ImageCounts:
    rows = score.counts
    return ImageCounts(
        image_id=image_id,
        tp=tuple(row.tp for row in rows),
        fp=tuple(row.fp for row in rows),
        fn=tuple(row.fn for row in rows),
    )


def _report(job: EvaluateJob, counts: list[ImageCounts], speed: float | None) -> Evaluation:
    weights = model_folder(job.model) / WEIGHTS_NAME
    return Evaluation(
        thresholds=THRESHOLDS,
        images=tuple(counts),
        seconds_per_megapixel=None if speed is None else round(speed, 4),
        parameters=sum(item.numel() for item in load_model(job.model).network.parameters()),
        weights_mb=round(weights.stat().st_size / 1e6, 2),
        device=device_name(choose_device(job.device)),
    )

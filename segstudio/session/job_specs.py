"""What a wish of the user means as a job: samples, folders and names, with what is wrong before it starts."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from segstudio.core.errors import WrongUsage
from segstudio.jobs.spec import (
    Choice,
    ClassSpec,
    DecodeJob,
    Device,
    PredictImage,
    PredictJob,
    SampleRecord,
    TrainJob,
    ValidateJob,
)
from segstudio.project.left_out import LeftOut, left_out_words
from segstudio.project.samples import project_pairs, refuse_changed_images, training_samples, usable_samples
from segstudio.session.job import new_job_id
from segstudio.session.predictions import Prediction, made_name, prediction_at
from segstudio.session.runs import Run

if TYPE_CHECKING:
    from segstudio.project.document import ImageDocument
    from segstudio.project.project import ImageEntry, Project

T = TypeVar("T")

#: When the user has taken every labelled image out of training.
ALL_SET_ASIDE = (
    "Every labelled image is set aside for validation or test: right-click one in the list, Use for › Training."
)


@dataclass(frozen=True)
class TrainingWish:
    """What the form says."""

    name: str
    formulation: Choice
    architecture: Choice
    config: Mapping[str, Mapping[str, Any]]
    start_from: Path | None = None
    device: Device = "auto"
    learns_images: bool = False
    """Whether it can learn target images instead of labels."""


@dataclass(frozen=True)
class SplitSummary:
    """How the labelled images are used.

    Attributes
    ----------
    train, val, test
        Images with labels in each part.
    objects
        Labelled objects in training images.
    missing
        Names of classes that no training image shows.
    pairs, pairs_val
        Images with a target image: for training, and for validation.
    left_out
        Labelled images that cannot be used; they are in none of these numbers.
    """

    train: int
    val: int
    test: int
    objects: int
    missing: tuple[str, ...] = ()
    pairs: int = 0
    pairs_val: int = 0
    left_out: tuple[LeftOut, ...] = ()


def training_job(project: "Project", wish: TrainingWish) -> TrainJob:
    """Return the job that trains on what is saved in `project`.

    Raises
    ------
    WrongUsage
        Nothing is labelled.
    UserError
        The project is open for reading only, or an image is no longer the one that was labelled.
    """
    project.check_writable()
    left_out: list[LeftOut] = []
    samples = tuple(training_samples(project, wish.learns_images, warn=left_out.append))
    if not any(sample.split == "train" and (sample.object_classes or sample.target) for sample in samples):
        otherwise = ALL_SET_ASIDE if samples else "Label about 10 cells in 2 images, then train."
        raise WrongUsage(
            "There is nothing to train on: no image for training has a labelled object that can be used."
            if left_out
            else "There is nothing to train on: no image for training has a labelled object.",
            hint=left_out_words(left_out) or otherwise,
            code="no-labels",
        )
    refuse_changed_images(project, samples)
    job_id = new_job_id()
    return TrainJob(
        job_id=job_id,
        name=wish.name,
        run_folder=project.runs_folder / job_id,
        samples=samples,
        classes=project_classes(project),
        formulation=wish.formulation,
        architecture=wish.architecture,
        config={section: dict(values) for section, values in wish.config.items()},
        start_from=wish.start_from,
        device=wish.device,
    )


def validation_job(project: "Project | None", wish: TrainingWish) -> ValidateJob:
    """Return the job that checks the settings of `wish` against each other and the classes of `project`."""
    return ValidateJob(
        job_id=new_job_id(),
        formulation=wish.formulation,
        architecture=wish.architecture,
        config={section: dict(values) for section, values in wish.config.items()},
        start_from=wish.start_from,
        classes=project_classes(project) if project is not None else (),
    )


def saved_first(document: "ImageDocument | None", work: Callable[[], T]) -> Callable[[], T]:
    """Return `work`, for a thread, that waits until the label files hold every edit of `document` up to now.

    Jobs read files, never memory. It raises the `UserError` that prevented the saving.
    """
    if document is None:
        return work
    published = document.publish()

    def wait_and_work() -> T:
        published()
        return work()

    return wait_and_work


def all_saved_first(project: "Project", work: Callable[[], T]) -> Callable[[], T]:
    """Return `work`, for a thread, that waits until the label files of every open image hold every edit up to now.

    It raises a `UserError` that names the image that the disk refused.
    """
    published = project.publish()

    def wait_and_work() -> T:
        published()
        return work()

    return wait_and_work


def split_summary(project: "Project") -> SplitSummary:
    """Return how the saved labels would be used by a training; reads the object tables."""
    samples, left_out = usable_samples(project)
    parts = Counter(sample.split for sample in samples)
    seen = Counter(
        class_id for sample in samples if sample.split == "train" for class_id in sample.object_classes.values()
    )
    missing = tuple(item.name for item in project.classes.classes if not seen[item.id])
    pairs = Counter(sample.split for sample in project_pairs(project))
    return SplitSummary(
        parts["train"],
        parts["val"],
        parts["test"],
        seen.total(),
        missing if samples else (),
        pairs["train"],
        pairs["val"],
        left_out,
    )


def predict_job(
    project: "Project", run: Run, entries: Iterable["ImageEntry"], decode: Mapping[str, Any], device: Device = "auto"
) -> PredictJob:
    """Return the job that predicts images with the model of a run.

    Raises
    ------
    UserError
        Nothing may be written, or an image is not the one that is in the project: its proposals would lie on another.
    """
    project.check_writable()
    project.check_there("Nothing can be predicted")
    entries = list(entries)
    refuse_changed_images(
        project, [SampleRecord(image_id=entry.id, image=project.image_path(entry.id)) for entry in entries]
    )
    stems = Counter(Path(entry.name).stem.casefold() for entry in project.images)
    images = []
    for entry, plane in ((item, plane) for item in entries for plane in range(item.planes)):
        place = prediction_at(project, run.folder.name, entry, plane)
        place.labels.parent.mkdir(parents=True, exist_ok=True)
        made = place.labels.with_name(made_name(entry, plane, alone=stems[Path(entry.name).stem.casefold()] == 1))
        images.append(
            PredictImage(
                image_id=place.image_id,
                image=project.image_path(entry.id),
                axes=entry.read_as,
                plane=plane if entry.planes > 1 else None,
                output=made if run.makes_images else place.labels,
                maps=place.maps,
            )
        )
    return PredictJob(job_id=new_job_id(), model=run.model, images=tuple(images), decode=dict(decode), device=device)


def decode_job(prediction: Prediction, decode: Mapping[str, Any]) -> DecodeJob:
    """Return the job that decodes the kept maps of a prediction with other settings."""
    return DecodeJob(
        job_id=new_job_id(),
        model=prediction.model,
        image_id=prediction.image_id,
        maps=prediction.maps,
        output=prediction.labels,
        decode=dict(decode),
    )


def project_classes(project: "Project") -> tuple[ClassSpec, ...]:
    """Return what a model of `project` is to find."""
    return tuple(ClassSpec(id=item.id, name=item.name) for item in project.classes.classes)

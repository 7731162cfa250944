"""A training that goes on learns from the labels of now, and cannot learn a class that it was not made for."""

from typing import TYPE_CHECKING

from segstudio.core.errors import BadInput, WrongUsage
from segstudio.io.image_place import image_exists
from segstudio.jobs.spec import TrainJob
from segstudio.project.present_labels import with_present_labels
from segstudio.project.samples import refuse_changed_images

if TYPE_CHECKING:
    from segstudio.project.project import Project


def on_present_labels(project: "Project", job: TrainJob) -> TrainJob:
    """Return `job` with what is labelled in `project` now; its images, and for what each is used, stay.

    Raises
    ------
    WrongUsage
        An object has a class that the network of the job has no place for.
    BadInput
        An image is missing, or no longer the one that was labelled.
    UserError
        An object table is damaged.
    """
    samples = tuple(with_present_labels(project, job.samples))
    refuse_changed_images(project, samples)
    learned = {item.id for item in job.classes}
    for sample in samples:
        new = set(sample.object_classes.values()) - learned
        if new and sample.split != "test":
            names = [item.name for item in project.classes.classes if item.id in new]
            raise WrongUsage(
                f"{sample.image.name} has objects of the class {', '.join(names)}, which {job.name} was not made for.",
                hint="Train a new model, with this one at Start from.",
                code="class-unknown",
            )
    renewed = job.model_copy(update={"samples": samples})
    refuse_missing_images(renewed)
    return renewed


def refuse_missing_images(job: TrainJob) -> None:
    """Raise `BadInput` when an image that `job` learns from is not there: the run then stays as it ended."""
    for sample in job.samples:
        if sample.split != "test" and not image_exists(sample.image):
            raise BadInput(
                f"{job.name} cannot go on without {sample.image.name}, which was not found in {sample.image.parent}.",
                hint="Connect the drive, put the image back, or right-click it in the list of images and choose "
                "“Find the image file…”; then go on.",
                code="image-missing",
                path=sample.image,
            )

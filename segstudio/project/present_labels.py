"""What is labelled now, for a training that goes on: its images stay, what is known of them is that of today."""

from collections.abc import Iterable

from segstudio.io.image_place import image_exists
from segstudio.io.objects_file import read_objects
from segstudio.jobs.spec import SampleRecord
from segstudio.project.project import Project


def with_present_labels(project: Project, samples: Iterable[SampleRecord]) -> list[SampleRecord]:
    """Return `samples` with labels, regions and classes of objects as they are saved in `project` now.

    Parameters
    ----------
    project
        Documents with newer edits are to be checkpointed before.
    samples
        Which images, and for what each is used: both stay. Those whose labels are not the files of this project stay
        as they are: an image that is gone, a copy that a comparison made, masks of a folder. An image that the user
        has found again lies where the project has it now.

    Raises
    ------
    BadInput
        An object table is damaged.
    DiskError
        The drive of the project is gone.
    """
    known = {entry.id for entry in project.images}
    renewed = [_renewed(project, _found(project, item)) if item.image_id in known else item for item in samples]
    project.check_there("The labels cannot be read")
    return renewed


def _found(project: Project, sample: SampleRecord) -> SampleRecord:
    if image_exists(sample.image):
        return sample
    return sample.model_copy(update={"image": project.image_path(sample.image_id)})


def _renewed(project: Project, sample: SampleRecord) -> SampleRecord:
    files = project.files(sample.image_id)
    if sample.labels is None or sample.labels.resolve() != files.labels.resolve():
        return sample
    objects = read_objects(files.objects)[0] if files.objects.exists() else {}
    return sample.model_copy(
        update={
            "labels": files.labels if files.labels.exists() else None,
            "regions": files.regions if files.regions.exists() else None,
            "complete": False,  # in a project, regions tell it
            "object_classes": {number: info.class_id for number, info in objects.items()},
        }
    )

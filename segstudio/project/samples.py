"""What a training learns from in a project: its saved labels, or pairs of images, as records."""

from collections.abc import Iterable
from dataclasses import replace

from segstudio.core.errors import BadInput
from segstudio.io.objects_file import read_objects
from segstudio.jobs.spec import SampleRecord
from segstudio.project.image_files import find_target
from segstudio.project.linked_folders import ELSEWHERE
from segstudio.project.project import Project
from segstudio.project.splits import FRACTION, resolve


def project_samples(project: Project, fraction: float = FRACTION, seed: int = 0) -> list[SampleRecord]:
    """Return a record for each image of a project, labelled or not, from what is saved.

    Parameters
    ----------
    project
        Documents with newer edits are to be checkpointed before.
    fraction, seed
        As in `segstudio.project.splits.resolve`.

    Raises
    ------
    BadInput
        An object table is damaged.
    DiskError
        The drive of the project is gone.
    """
    rows = []
    for entry in project.images:
        files = project.files(entry.id)
        objects = read_objects(files.objects)[0] if files.objects.exists() else {}
        labels = files.labels if files.labels.exists() else None
        regions = files.regions if files.regions.exists() else None
        # The tables are newer than the counts in the manifest when another program runs on the project.
        known = replace(entry, objects=len(objects), marked=regions is not None and entry.marked)
        rows.append((known, labels, regions, {key: info.class_id for key, info in objects.items()}))
    project.check_there("The labels cannot be read")
    splits = project.splits([row[0] for row in rows], fraction, seed)
    return [
        SampleRecord(
            image_id=entry.id,
            image=project.image_path(entry.id),
            labels=labels,
            regions=regions,
            object_classes=classes,
            pixel_size_um=entry.pixel_size_um,
            split=splits[entry.id],
        )
        for entry, labels, regions, classes in rows
    ]


def labelled_samples(project: Project, fraction: float = FRACTION, seed: int = 0) -> list[SampleRecord]:
    """Return the records of `project_samples` that a training can learn from: objects, or regions known to have none.

    The window and the command line both train on these, so that the same project gives both the same images, the same
    ones of them for validation.
    """
    return [sample for sample in project_samples(project, fraction, seed) if _useful(project, sample)]


def training_samples(
    project: Project, learns_images: bool, fraction: float = FRACTION, seed: int = 0
) -> list[SampleRecord]:
    """Return what a training learns from: pairs of images where it can learn those and there are any, else labels."""
    pairs = project_pairs(project, fraction, seed) if learns_images else []
    return pairs or labelled_samples(project, fraction, seed)


def refuse_changed_images(project: Project, samples: Iterable[SampleRecord]) -> None:
    """Raise `BadInput` when an image is no longer the one that was labelled: nothing is learned from it.

    So it is with images elsewhere that are not read, see `segstudio.project.linked_folders`. The whole of a file that
    was touched is read: not for the thread of the window. Images that are missing are left to who reads them; records
    of images that `project` has no more are passed by.
    """
    known = {entry.id for entry in project.images}
    for sample in samples:
        if sample.image_id not in known or sample.image != project.image_path(sample.image_id):
            continue
        try:
            project.check_image(sample.image_id, however_large=True)
        except BadInput as error:
            if error.code in ("image-changed", ELSEWHERE):
                raise


def project_pairs(project: Project, fraction: float = FRACTION, seed: int = 0) -> list[SampleRecord]:
    """Return a record for each image of a project that has a target: an image of its name in ``targets`` beside it.

    Parameters
    ----------
    fraction, seed
        As in `segstudio.project.splits.resolve`.
    """
    found = [(entry, find_target(project.image_path(entry.id))) for entry in project.images]
    entries = [replace(entry, objects=1) for entry, target in found if target is not None]
    splits = resolve(entries, {}, fraction, seed)
    return [
        SampleRecord(
            image_id=entry.id,
            image=project.image_path(entry.id),
            target=target,
            pixel_size_um=entry.pixel_size_um,
            split=splits[entry.id],
        )
        for entry, target in found
        if target is not None
    ]


def _useful(project: Project, sample: SampleRecord) -> bool:
    return sample.labels is not None and (bool(sample.object_classes) or project.entry(sample.image_id).marked)

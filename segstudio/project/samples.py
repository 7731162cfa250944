"""What a training learns from in a project: its saved labels, or pairs of images, as records."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from segstudio.core.errors import BadInput
from segstudio.io.labels_file import labelled_planes
from segstudio.io.objects_file import read_objects
from segstudio.jobs.spec import SampleRecord
from segstudio.project.image_files import find_target
from segstudio.project.left_out import LeftOut, what_is_wrong
from segstudio.project.linked_folders import ELSEWHERE
from segstudio.project.manifest import ImageEntry
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
    return _records(project, fraction, seed, _refuse)


def _refuse(_entry: ImageEntry, error: BadInput) -> None:
    raise error


def _records(
    project: Project, fraction: float, seed: int, damaged: Callable[[ImageEntry, BadInput], None]
) -> list[SampleRecord]:
    """Return what `project_samples` does; `damaged` hears of images whose object tables are, which are passed over."""
    rows: list[tuple[ImageEntry, Path | None, Path | None, dict[int, int]]] = []
    unreadable: set[str] = set()
    for entry in project.images:
        files = project.files(entry.id)
        try:
            objects = read_objects(files.objects)[0] if files.objects.exists() else {}
        except BadInput as error:
            damaged(entry, error)
            unreadable.add(entry.id)
            rows.append((entry, None, None, {}))  # the other images keep their sides
            continue
        labels = files.labels if files.labels.exists() else None
        regions = files.regions if files.regions.exists() else None
        # The tables are newer than the counts in the manifest when another program runs on the project.
        known = replace(entry, objects=len(objects), marked=regions is not None and entry.marked)
        rows.append((known, labels, regions, {key: info.class_id for key, info in objects.items()}))
    project.check_there("The labels cannot be read")
    splits = project.splits([row[0] for row in rows], fraction, seed)
    return [
        SampleRecord(
            image_id=entry.id if plane is None else f"{entry.id}.{plane}",
            image=project.image_path(entry.id),
            plane=plane,
            labels=labels,
            regions=regions,
            object_classes=classes,
            pixel_size_um=entry.pixel_size_um,
            split=splits[entry.id],
        )
        for entry, labels, regions, classes in rows
        if entry.id not in unreadable
        for plane in _planes(entry, labels, regions)
    ]


def _planes(entry: ImageEntry, labels: Path | None, regions: Path | None) -> tuple[int | None, ...]:
    """Return the planes of a stack on which something is drawn or stated; a flat image has none to choose from."""
    if entry.planes == 1:
        return (None,)
    return tuple(sorted({plane for path in (labels, regions) if path is not None for plane in labelled_planes(path)}))


def labelled_samples(project: Project, fraction: float = FRACTION, seed: int = 0) -> list[SampleRecord]:
    """Return the records of `project_samples` that a training can learn from: objects, or regions known to have none.

    The window and the command line both train on these, so that the same project gives both the same images, the same
    ones of them for validation.
    """
    return usable_samples(project, fraction, seed).samples


class UsableSamples(NamedTuple):
    """The records that a training can learn from, and the labelled images that it has to do without."""

    samples: list[SampleRecord]
    left_out: tuple[LeftOut, ...]


def usable_samples(project: Project, fraction: float = FRACTION, seed: int = 0) -> UsableSamples:
    """Return `labelled_samples`, and which images are not among them since a file of theirs is damaged or gone."""
    wrong: dict[str, BadInput] = {}

    def damaged(entry: ImageEntry, error: BadInput) -> None:
        wrong[entry.id] = what_is_wrong(project, entry) or error

    samples = []
    for sample in _records(project, fraction, seed, damaged):
        if _useful(project, sample):
            if error := what_is_wrong(project, project.entry(sample.image_id)):
                wrong[sample.image_id] = error
            else:
                samples.append(sample)
    project.check_there("The images cannot be read")
    return UsableSamples(samples, tuple(LeftOut(e.name, wrong[e.id]) for e in project.images if e.id in wrong))


def training_samples(
    project: Project,
    learns_images: bool,
    fraction: float = FRACTION,
    seed: int = 0,
    warn: Callable[[LeftOut], None] = lambda left_out: None,
) -> list[SampleRecord]:
    """Return what a training learns from: pairs of images where it can learn those and there are any, else labels.

    `warn` hears of each labelled image that is left out.
    """
    pairs = project_pairs(project, fraction, seed) if learns_images else []
    if pairs:
        return pairs
    samples, left_out = usable_samples(project, fraction, seed)
    for item in left_out:
        warn(item)
    return samples


def refuse_changed_images(project: Project, samples: Iterable[SampleRecord]) -> None:
    """Raise `BadInput` when an image is no longer the one that was labelled: nothing is learned from it.

    So it is with images elsewhere that are not read, see `segstudio.project.linked_folders`. The whole of a file that
    was touched is read: not for the thread of the window. Images that are missing are left to who reads them; records
    of images that `project` has no more are passed by.
    """
    known = {entry.id for entry in project.images}
    for sample in samples:
        image_id = sample.image_id.partition(".")[0]
        if image_id not in known or sample.image != project.image_path(image_id):
            continue
        try:
            project.check_image(image_id, however_large=True)
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
    marked = project.entry(sample.image_id.partition(".")[0]).marked
    return sample.labels is not None and (bool(sample.object_classes) or marked)

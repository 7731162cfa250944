"""What a training learns from in a project: its saved labels, or pairs of images, as records."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from segstudio.core.errors import BadInput
from segstudio.io.labels_file import labelled_planes
from segstudio.io.objects_file import read_objects
from segstudio.jobs.spec import SampleRecord, Split
from segstudio.project.image_files import find_target
from segstudio.project.left_out import LeftOut, what_is_wrong
from segstudio.project.linked_folders import ELSEWHERE
from segstudio.project.manifest import ImageEntry, image_and_plane
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
    rows: list[_Row] = []
    unreadable: set[str] = set()
    for entry in project.images:
        files = project.files(entry.id)
        labels = files.labels if files.labels.exists() else None
        regions = files.regions if files.regions.exists() else None
        try:
            objects = read_objects(files.objects)[0] if files.objects.exists() else {}
            drawn = _drawn(entry, labels, regions)
        except BadInput as error:
            damaged(entry, error)
            unreadable.add(entry.id)
            rows.append(_Row(entry, None, None, {}, ()))  # the other images keep their sides
            continue
        # The tables are newer than the counts in the manifest when another program runs on the project.
        known = replace(entry, objects=len(objects), marked=regions is not None and entry.marked)
        rows.append(_Row(known, labels, regions, {key: info.class_id for key, info in objects.items()}, drawn))
    project.check_there("The labels cannot be read")
    splits = project.splits([row.entry for row in rows], fraction, seed)
    alone = _stack_alone(row.entry for row in rows)
    return [
        SampleRecord(
            image_id=row.entry.plane_id(plane or 0),
            image=project.image_path(row.entry.id),
            axes=row.entry.read_as,
            plane=plane,
            labels=row.labels,
            regions=row.regions,
            object_classes=row.classes,
            pixel_size_um=row.entry.pixel_size_um,
            split=split,
        )
        for row in rows
        if row.entry.id not in unreadable
        for plane, split in row.planes(splits[row.entry.id], fraction if row.entry.id == alone else 0.0)
    ]


class _Row(NamedTuple):
    """What is known of an image; `drawn` are the planes of a stack on which something is drawn or stated."""

    entry: ImageEntry
    labels: Path | None
    regions: Path | None
    classes: dict[int, int]
    drawn: tuple[int, ...]

    def planes(self, split: Split, fraction: float) -> list[tuple[int | None, Split]]:
        """Return the planes to learn from; a flat image has none to choose from.

        All are on the side of their image, for neighbours look alike; but where a `fraction` is given, the last ones
        are kept for validation.
        """
        if self.entry.planes == 1:
            return [(None, split)]
        if not fraction or len(self.drawn) < 2:
            return [(plane, split) for plane in self.drawn]
        first = len(self.drawn) - max(1, round(fraction * len(self.drawn)))
        return [(plane, "train" if place < first else "val") for place, plane in enumerate(self.drawn)]


def _drawn(entry: ImageEntry, labels: Path | None, regions: Path | None) -> tuple[int, ...]:
    paths = [path for path in (labels, regions) if path is not None and entry.planes > 1]
    return tuple(sorted({plane for path in paths for plane in labelled_planes(path)}))


def _stack_alone(entries: Iterable[ImageEntry]) -> str:
    """Return the id of a stack that is all there is to learn from; empty for none."""
    labelled = [entry for entry in entries if entry.labelled]
    alone = len(labelled) == 1 and labelled[0].planes > 1 and labelled[0].split == "auto"
    return labelled[0].id if alone else ""


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

    samples, looked = list[SampleRecord](), set[str]()
    for sample in _records(project, fraction, seed, damaged):
        if _useful(project, sample):
            image_id, _ = image_and_plane(sample.image_id)
            if image_id not in looked:  # once for all planes of a stack
                looked.add(image_id)
                if error := what_is_wrong(project, project.entry(image_id)):
                    wrong[image_id] = error
            if image_id not in wrong:
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
        image_id, _ = image_and_plane(sample.image_id)
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
            axes=entry.read_as,
            target=target,
            pixel_size_um=entry.pixel_size_um,
            split=splits[entry.id],
        )
        for entry, target in found
        if target is not None
    ]


def _useful(project: Project, sample: SampleRecord) -> bool:
    marked = project.entry(image_and_plane(sample.image_id)[0]).marked
    return sample.labels is not None and (bool(sample.object_classes) or marked)

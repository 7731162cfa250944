"""The images of a training: read with what is known of them, and what the user should know before it starts."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import cc3d
import numpy as np

from segstudio.config.run import RunConfig
from segstudio.core.errors import BadInput
from segstudio.engine.control import Control
from segstudio.engine.data.dataset import LabelledPart, Reading, read_sample
from segstudio.engine.data.file_notes import FileNotes
from segstudio.engine.formulations import formulations
from segstudio.jobs.messages import Message, Progress, Warned
from segstudio.jobs.spec import SampleRecord, TrainJob

#: Validation images are cut into parts of at most this side, pixels; and all together hold at most so many pixels.
_VALIDATION_PX = 1024
_VALIDATION_TOTAL_PX = 64_000_000
#: Objects whose connected parts have no more pixels than this are no outlines that anybody drew.
_TINY_PX = 2
#: An object of a larger share of an image in which nothing is background is no object.
_GROUND = 0.5
#: So many images are looked at for tiny objects.
_SEARCHED = 16


@dataclass(frozen=True)
class Parts:
    """All parts of images with what is known of them."""

    training: list[LabelledPart]
    validation: list[LabelledPart]


def chosen_samples(samples: Sequence[SampleRecord], limit: int) -> tuple[list[SampleRecord], list[SampleRecord]]:
    """Return training and validation samples; of the former at most the first `limit` by name, 0 being all."""
    training = sorted((s for s in samples if s.split == "train"), key=lambda s: s.image.name)
    return training[: limit or None], [s for s in samples if s.split == "val"]


def read_parts(
    training: Sequence[SampleRecord], validation: Sequence[SampleRecord], reading: Reading, control: Control
) -> Generator[Message, None, Parts | None]:
    """Read all images, yielding progress; return their parts, or ``None`` when stopped.

    Raises
    ------
    BadInput
        A file cannot be used, or there is nothing to learn from.
    """
    found = Parts([], [])
    notes = FileNotes()
    total = len(training) + len(validation)
    small = replace(reading, part_px=_VALIDATION_PX, store=None)
    for done, sample in enumerate((*training, *validation)):
        yield Progress(stage="Reading images", done=done, total=total)
        if control.ending:
            return None
        if done < len(training):
            found.training.extend(read_sample(sample, reading, notes.add))
        elif sum(part.known.size for part in found.validation) < _VALIDATION_TOTAL_PX:
            found.validation.extend(read_sample(sample, small, notes.add))
    yield from notes.messages()
    if not reading.targets and not any((part.known > 0).any() for part in found.training):
        first = training[0].labels or training[0].image
        raise BadInput(
            f"None of the {len(training)} training images has a labelled object (the first is {first.name}).",
            hint="Outline some objects first, or mark the labelled images for training."
            if not any(sample.target for sample in training)
            else "These images have targets to be made of them: choose Image to image (regression).",
            code="no-labels",
            path=first,
        )
    if len(_blank(found.training)) == len({part.sample.image_id for part in found.training}):
        first = training[0].image
        raise BadInput(
            f"None of the {len(training)} training images shows anything: all pixels of {first.name} are the same.",
            hint="Open it to see what is in it, and export the images again.",
            code="no-contrast",
            path=first,
        )
    return found


def data_warnings(job: TrainJob, read: Parts) -> Iterator[Message]:
    """Yield what the user should know of the data: no validation, classes or targets that are missing."""
    if not read.validation:
        yield Warned(
            code="no-validation",
            message="No image is kept for validation: the scores come from images that the network has learned.",
            hint="Label at least one more image and mark it for validation.",
        )
    kind = formulations.get(job.formulation.name)
    if kind.learns_images:
        yield from _image_warnings(kind.title, [*read.training, *read.validation], job.samples)
        return
    learned, judged = _classes(job, read.training), _classes(job, read.validation)
    if missing := [item.name for item in job.classes if item.id not in learned]:
        yield Warned(
            code="class-missing",
            message=f"No training object has the class {', '.join(missing)}.",
            hint="Label some, or take the class out of the project; the network cannot learn it so.",
        )
    if read.validation and not judged:
        yield Warned(
            code="validation-empty",
            message="No validation image has a labelled object: the scores will say nothing.",
            hint="Label an image with objects and use it for validation.",
        )
    elif unseen := [item.name for item in job.classes if read.validation and item.id in learned - judged]:
        yield Warned(
            code="class-not-validated",
            message=f"No validation object has the class {', '.join(unseen)}: nothing shows how well it is learned.",
            hint="Label some in a validation image, or use an image that has them for validation.",
        )
    yield from _blank_warning([*read.training, *read.validation])
    yield from _tiny_warning(read.training)
    yield from _ground_warning(read.training)
    yield from _patch_warning(job, read.training)


def _blank(parts: Sequence[LabelledPart]) -> list[SampleRecord]:
    """Return the images without any contrast."""
    samples = {part.sample.image_id: part.sample for part in parts}
    seen = {part.sample.image_id for part in parts if part.image.any()}  # without contrast all is 0
    return [sample for image_id, sample in samples.items() if image_id not in seen]


def _blank_warning(parts: Sequence[LabelledPart]) -> Iterator[Message]:
    """Tell which labelled images show nothing; one without objects may be an empty field of view."""
    blank = _blank([part for part in parts if (part.known > 0).any()])
    if blank:
        yield Warned(
            code="no-contrast",
            message=f"{len(blank)} of the labelled images show nothing, though objects are outlined in them: "
            f"all pixels of {blank[0].image.name} are the same.",
            hint="Export them again, or take them out of the training.",
        )


def _tiny_warning(parts: Sequence[LabelledPart]) -> Iterator[Message]:
    """Tell when most objects are specks of a pixel or two: a picture was taken for labels, or points were set."""
    some = [part for part in parts if (part.known > 0).any()]
    some = some[:: -(-len(some) // _SEARCHED) or 1]
    sizes = [
        cc3d.statistics(cc3d.connected_components(np.maximum(part.known, 0), connectivity=8))["voxel_counts"][1:]
        for part in some
    ]
    middle = float(np.median(np.concatenate(sizes))) if sizes else np.inf
    if middle <= _TINY_PX:
        file = some[0].sample.labels or some[0].sample.image
        yield Warned(
            code="objects-tiny",
            message=f"Most labelled objects are specks of {middle:g} pixel{'s' if middle != 1 else ''} "
            f"(the first file is {file.name}): a picture, or points, may have been taken for labels.",
            hint="A label image holds one number for each object, on all pixels of that object. Look at it first.",
        )


def _ground_warning(parts: Sequence[LabelledPart]) -> Iterator[Message]:
    """Tell when the background seems to have a number of its own, as some programs write it."""
    found = [
        part.sample
        for part in parts
        if (part.known > 0).all() and np.bincount(part.known.ravel()).max() > _GROUND * part.known.size
    ]
    if found:
        first = found[0].labels or found[0].image
        images = len({sample.image_id for sample in found})
        yield Warned(
            code="background-numbered",
            message=f"In {images} of the labelled images all pixels belong to objects, most of them to the same one "
            f"(the first file is {first.name}): the background may have a number of its own.",
            hint="In a label image the background is 0. Export the labels again, or delete that object.",
        )


def _classes(job: TrainJob, parts: Sequence[LabelledPart]) -> set[int]:
    """Return the ids of the classes that objects of `parts` have."""
    return {
        part.sample.object_classes.get(int(number), job.classes[0].id)
        for part in parts
        for number in np.unique(part.known[part.known > 0])
    }


def _patch_warning(job: TrainJob, parts: Sequence[LabelledPart]) -> Iterator[Message]:
    """Tell when the patch that the user wants is larger than images."""
    patch = RunConfig.model_validate(job.config).data.patch_size
    small = [part for part in parts if min(part.known.shape) < patch]
    if small:
        height, width = min((part.known.shape for part in small), key=min)
        yield Warned(
            code="patch-larger",
            message=f"The patch of {patch} px is larger than {len(small)} of the training images (the smallest has "
            f"{width} x {height} px); these are filled up with their mirror image, from which nothing is learned.",
            hint="A patch that fits the images learns faster.",
        )


def _image_warnings(title: str, parts: Sequence[LabelledPart], samples: Sequence[SampleRecord]) -> Iterator[Message]:
    if all(part.target is None for part in parts):
        yield Warned(
            code="no-targets",
            message=f"{title} found no target images; the network learns where the labelled objects are.",
            hint="Put the images that it is to make into a folder targets/ beside images/, with the same names.",
        )
        return
    lacking = [sample.image.name for sample in samples if sample.target is None and sample.split != "test"]
    if lacking:
        yield Warned(
            code="target-missing",
            message=f"{len(lacking)} images have no target and are left out (the first is {lacking[0]}).",
            hint="Put their targets, with the same names, into the folder targets/.",
        )

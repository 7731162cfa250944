"""Who made the labels that a training is judged by."""

from pathlib import Path

from segstudio.core.errors import UserError
from segstudio.io.objects_file import read_objects
from segstudio.jobs.spec import TrainJob
from segstudio.labels.objects import Source


def validation_sources(job: TrainJob) -> frozenset[Source]:
    """Return who made the objects of the validation images, as their files say now; reads them.

    A label image without a table of objects is a mask of another program, unless its objects are known: then it is a
    copy of labels, of which nobody knows who made them.
    """
    found: set[Source] = set()
    for sample in job.samples:
        if sample.split == "val" and sample.labels is not None:
            found |= _sources(sample.labels.with_suffix(".json"), unknown=bool(sample.object_classes))
    return frozenset(found)


def _sources(table: Path, *, unknown: bool) -> set[Source]:
    if not table.exists():
        return set() if unknown else {"import"}
    try:
        return {info.source for info in read_objects(table)[0].values()}
    except UserError:
        return set()  # the training says what is wrong with it

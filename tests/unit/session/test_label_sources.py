"""Who made the labels of the validation images."""

from pathlib import Path

import pytest
from recorded_runs import a_job

from segstudio.io.objects_file import write_objects
from segstudio.jobs.spec import SampleRecord
from segstudio.labels.objects import ObjectInfo, Source
from segstudio.session.label_sources import validation_sources


@pytest.mark.parametrize(
    ("makers", "found"),
    [
        ((("hand",), ("hand", "model")), {"hand", "model"}),
        ((("import",), ()), {"import"}),
        ((None, None), {"import"}),
    ],
)
def test_the_tables_of_objects_tell_who_made_labels(
    tmp_path: Path, makers: tuple[tuple[Source, ...] | None, ...], found: set[str]
) -> None:
    samples = []
    for number, sources in enumerate(makers):
        labels = tmp_path / f"{number}.tif"
        if sources is not None:
            objects = {item + 1: ObjectInfo(source=source) for item, source in enumerate(sources)}
            write_objects(labels.with_suffix(".json"), objects, 9)
        samples.append(SampleRecord(image_id=str(number), image=labels, labels=labels, split="val"))
    seen = samples[0].model_copy(update={"labels": tmp_path / "train.tif", "split": "train"})
    assert validation_sources(a_job(samples=(*samples, seen))) == found


def test_nobody_knows_who_made_a_copy_of_labels(tmp_path: Path) -> None:
    copy = SampleRecord(
        image_id="a", image=tmp_path / "a.tif", labels=tmp_path / "0000-labels.tif", object_classes={1: 1}, split="val"
    )
    assert validation_sources(a_job(samples=(copy,))) == set()

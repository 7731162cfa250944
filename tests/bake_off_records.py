"""Records of bake-offs as tests need them: nothing done yet, or scored as somebody says."""

from pathlib import Path
from typing import Any

from segstudio.jobs.evaluation import Evaluation, ImageCounts
from segstudio.jobs.spec import Choice, ClassSpec, SampleRecord
from segstudio.session.bake_off_candidates import Candidate
from segstudio.session.bake_off_record import Record, new_record


def samples(validation: int = 4) -> tuple[SampleRecord, ...]:
    """Return three training images and some for validation, none of which is there."""
    kinds = ["train"] * 3 + ["val"] * validation
    return tuple(
        SampleRecord(image_id=f"{n}", image=Path(f"{n}.tif"), labels=Path(f"{n}.tif"), complete=True, split=kind)
        for n, kind in enumerate(kinds)
    )


def record_of(*names: str, validation: int = 4, config: dict[str, Any] | None = None) -> Record:
    """Return a record in which nothing is done; each candidate has the run of its name."""
    candidates = [
        (Candidate(formulation=Choice(name=name), architecture=Choice(name="net"), title=name.capitalize()), name)
        for name in names
    ]
    data = samples(validation), (ClassSpec(id=1, name="cell"),)
    return new_record("Comparison 1", candidates, data, config or {}, 2.0, "cpu")


def scored(*images: list[int], validation: int = 0, state: str = "done") -> Record:
    """Return a record whose candidates found so many of ten objects in each image."""
    record = record_of(*[f"c{number}" for number in range(len(images))], validation=validation or len(images[0]))
    for number, found in enumerate(images):
        counts = tuple(
            ImageCounts(image_id=str(place), tp=(item,) * 10, fp=(10 - item,) * 10, fn=(10 - item,) * 10)
            for place, item in enumerate(found)
        )
        report = Evaluation(
            thresholds=tuple(0.5 + 0.05 * step for step in range(10)),
            images=counts,
            seconds_per_megapixel=1.0,
            parameters=1,
            weights_mb=1.0,
        )
        record = record.changed(f"c{number}", state=state, evaluation=report)
    return record

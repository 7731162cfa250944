"""A run that was copied or moved: its job names files by where they lay."""

from pathlib import Path

from segstudio.jobs.spec import SampleRecord, TrainJob

_FILES = ("image", "labels", "regions", "target")


def as_it_lies(job: TrainJob, folder: Path) -> TrainJob:
    """Return `job` with the files that lie beside `folder`, where its run is found now.

    What was moved together with the run, like the labels and images of its project, is named where it lies now, so
    that a copy never learns from the original. A file that did not come along stays where it was.

    Examples
    --------
    >>> job = TrainJob(job_id="j", name="", run_folder=Path("a/runs/j"), samples=(), classes=())
    >>> as_it_lies(job, Path("b/runs/j")).run_folder.as_posix()
    'b/runs/j'
    """
    if job.run_folder == folder:
        return job
    old, new = _roots(job.run_folder, folder)

    def found(path: Path | None) -> Path | None:
        if path is None or not path.is_relative_to(old):
            return path
        moved = new / path.relative_to(old)
        return moved if moved.exists() else path

    def moved(sample: SampleRecord) -> SampleRecord:
        return sample.model_copy(update={name: found(getattr(sample, name)) for name in _FILES})

    update = {
        "run_folder": folder,
        "samples": tuple(moved(sample) for sample in job.samples),
        "start_from": found(job.start_from),
    }
    return job.model_copy(update=update)


def _roots(old: Path, new: Path) -> tuple[Path, Path]:
    """Return `old` and `new` without the folders that both end on: what one was called becomes the other."""
    while old.name == new.name and old.name:
        old, new = old.parent, new.parent
    return old, new

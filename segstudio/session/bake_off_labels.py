"""Copies of the labels that the candidates of a bake-off learn from: who labels meanwhile changes nothing for them."""

import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from segstudio.core.errors import BadInput
from segstudio.io.atomic import make_folders, remove_folders
from segstudio.io.disk import DISK, DiskError, disk_errors
from segstudio.io.json_file import limited_bytes
from segstudio.jobs.run_folder import RunFolder, list_runs
from segstudio.jobs.spec import SampleRecord
from segstudio.session.bake_off_record import Record, all_records, read_record, record_name, record_path

#: What a copy is called, and nothing else.
_COPY = re.compile(r"\d{4,}-(labels|regions)(\.\w+)*")
#: What the folder of the copies of a project's bake-off is called: the second in which it was begun comes first.
_FOLDER = re.compile(r"(\d{8}-\d{6})-[0-9a-f]{4}\.labels")


def labels_folder(record: Path) -> Path:
    """Return where the copies of the bake-off with this record lie: beside it, in a folder of their own."""
    return record.with_name(f"{record_name(record)}.labels")


def copied(samples: Sequence[SampleRecord], folder: Path) -> tuple[SampleRecord, ...]:
    """Return the samples with copies of their label files in `folder`.

    Raises
    ------
    DiskError
        The disk refuses. No copy is left behind then.
    """
    folders, made = make_folders(folder), []
    names: list[str] = []
    try:
        for number, sample in enumerate(samples):
            copies: dict[str, Path] = {}
            for kind, path in (("labels", sample.labels), ("regions", sample.regions)):
                if path is not None:
                    copies[kind] = folder / f"{number:04d}-{kind}{path.suffix}"
                    names.append(copies[kind].name)
                    with disk_errors(copies[kind], "saved"):
                        shutil.copyfile(path, copies[kind])
            made.append(sample.model_copy(update=copies))
    except DiskError:
        _remove(names, folder)
        remove_folders(folders)
        raise
    return tuple(made)


def is_copy(labels: Path) -> bool:
    """Return whether a label file is such a copy, by its name."""
    return labels.parent.suffix == ".labels" and _COPY.fullmatch(labels.name) is not None


def remove_copies(record: Record, folder: Path) -> None:
    """Remove the files in `folder` that the record names as its copies, and the folder once it is empty."""
    paths = [path for sample in record.samples for path in (sample.labels, sample.regions) if path is not None]
    # The name of the folder, not its place: a project may have been moved.
    own = [path.name for path in paths if path.parent.name == folder.name and _COPY.fullmatch(path.name)]
    _remove(own, folder)


def remove_unneeded(base: Path) -> None:
    """Remove the copies of those bake-offs beside the runs in `base` with which nobody can go on.

    Only files are removed that a record names as its copies and that lie in the folder of its own, and that folder
    once it is empty. A record that cannot be read keeps its copies: another version of the program may go on with it.
    """
    for path in all_records(base):
        with suppress(BadInput):
            record, folder = read_record(path), labels_folder(path)
            if folder.is_dir() and not folder.is_symlink() and not _needed(record, base):
                remove_copies(record, folder)


def remove_abandoned(base: Path, now: str) -> None:
    """Remove the copies in `base` that no record names: their bake-off was killed before its record was written.

    Only whoever may write the project may call it, when the project is opened.

    Parameters
    ----------
    now
        A job id made when the project was opened: what was begun since then may get its record yet.
    """
    for folder in base.glob("*.labels"):
        named = _FOLDER.fullmatch(folder.name)
        if named is None or named[1] >= now[: len(named[1])] or not folder.is_dir() or folder.is_symlink():
            continue
        with suppress(OSError):  # what cannot be read now is tried again when the project is opened
            if not record_path(base, folder.stem).exists() and not _learned_from(folder, base):
                _remove([path.name for path in folder.iterdir() if _COPY.fullmatch(path.name)], folder)


def _learned_from(folder: Path, base: Path) -> bool:
    """Return whether a run, which outlived its record, names files in the folder."""
    return any(folder.name.encode() in limited_bytes(run.job_file) for run in list_runs(base))


def _needed(record: Record, base: Path) -> bool:
    """Return whether the comparison, or one of its trainings by itself, is at work or can be gone on with."""
    return not record.over or any(_goes_on(RunFolder(base / row.run)) for row in record.rows)


def _goes_on(run: RunFolder) -> bool:
    if not run.job_file.exists() or (status := run.status) == "done":
        return False
    return status in ("waiting", "running", "paused") or run.has_checkpoint


def _remove(names: Sequence[str], folder: Path) -> None:
    for name in names:
        with suppress(OSError):  # what cannot be removed now is tried again when the project is opened
            DISK.unlink(folder / name)
    remove_folders([folder])

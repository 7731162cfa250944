"""The bundled sample project: a fresh copy for each first look."""

from pathlib import Path
from typing import Final

from segstudio.core.errors import JobFailed
from segstudio.core.resources import resource
from segstudio.io.atomic import copy_atomic, make_folders
from segstudio.io.disk import DISK, Disk
from segstudio.project.layout import is_project
from segstudio.project.manifest import MANIFEST

_NAME: Final = "Sample"


def copy_sample(folder: Path, disk: Disk = DISK) -> Path:
    """Copy the sample project into a new folder in `folder`; return it.

    Parameters
    ----------
    folder
        Made if need be. The copy is called ``Sample``, or ``Sample 2`` and so on when that exists.

    Raises
    ------
    DiskError
        It cannot be written.
    JobFailed
        This installation has no sample project.
    """
    try:
        source = resource("samples", MANIFEST).parent
    except FileNotFoundError as error:
        raise JobFailed(
            "The sample project is missing from this installation.", hint="Install SegStudio again.", code="no-sample"
        ) from error
    target, number = folder / _NAME, 2
    while target.exists():
        target, number = folder / f"{_NAME} {number}", number + 1
    make_folders(target, disk)
    # The manifest comes last: a copy that broke off is no project.
    files = sorted((path for path in source.rglob("*") if path.is_file()), key=lambda path: path.name == MANIFEST)
    for path in files:
        place = target / path.relative_to(source)
        make_folders(place.parent, disk)
        copy_atomic(path, place, disk)
    return target


def newest_sample(folder: Path) -> Path | None:
    """Return the copy in `folder` that was made last, ``None`` when there is none."""
    copies = [path for path in folder.glob(f"{_NAME}*") if is_project(path)] if folder.is_dir() else []
    return max(copies, key=lambda path: (path / MANIFEST).stat().st_mtime_ns, default=None)

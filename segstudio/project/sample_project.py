"""Copies the sample project that comes with the program to a place where the user may change it."""

import shutil
from pathlib import Path

from segstudio.core.resources import resource
from segstudio.io.atomic import DiskError, copy_atomic, make_folders, remove_folders

#: Name of the copies; further ones get a number.
SAMPLE_NAME = "Sample"


def copy_sample(folder: Path) -> Path:
    """Copy the sample project into a new folder inside `folder`; an earlier copy is never touched.

    Returns
    -------
    Path
        The new project, ``folder/Sample`` or ``folder/Sample 2`` and so on.

    Raises
    ------
    DiskError
        `folder` cannot be written to, or is full; no half copy is left.
    """
    source = resource("samples", "cells")
    target = _next_free(folder)
    files = sorted(path for path in source.rglob("*") if path.is_file())
    made = make_folders(target)
    try:
        # The manifest comes last: a copy that was cut short is no project.
        for file in sorted(files, key=lambda file: file.name == "project.json"):
            copy = target / file.relative_to(source)
            make_folders(copy.parent)
            copy_atomic(file, copy)
    except DiskError:
        shutil.rmtree(target, ignore_errors=True)
        remove_folders(made)
        raise
    return target


def newest_sample(folder: Path) -> Path | None:
    """Return the copy in `folder` that was made last, ``None`` when there is none."""
    copies = [file.parent for file in folder.glob(f"{SAMPLE_NAME}*/project.json")]
    return max(copies, key=lambda copy: (len(copy.name), copy.name), default=None)


def _next_free(folder: Path) -> Path:
    path, number = folder / SAMPLE_NAME, 1
    while path.exists():
        number += 1
        path = folder / f"{SAMPLE_NAME} {number}"
    return path

"""What opening a project has found, for who works on the command line, and which of its images may be read."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.core.errors import BadInput

if TYPE_CHECKING:
    from segstudio.project.project import Project

#: Folders that one sentence names.
_PLACES = 3


def add_images_from(parser: argparse.ArgumentParser) -> None:
    """Add the flag that says from where, outside of a project, images may be read."""
    parser.add_argument(
        "--images-from",
        metavar="FOLDER",
        type=Path,
        action="append",
        default=[],
        help="read images that a project of somebody else names in this folder or below it, outside of the project; "
        "remembered for you",
    )


def take_images_from(folders: list[Path], project: Path) -> None:
    """Take note that images of a project may be read from these folders, and from those below that it names.

    Raises
    ------
    BadInput
        One of them is no folder, or the project names none in it.
    """
    from segstudio.project.layout import is_project
    from segstudio.project.linked_folders import link, named_folders
    from segstudio.project.manifest import MANIFEST
    from segstudio.project.manifest_file import load_manifest

    for folder in folders:
        if not folder.is_dir():
            raise BadInput(f"There is no folder {folder}.", hint="Check the name.", code="missing", path=folder)
    home = (project.parent if project.name == MANIFEST else project).absolute()
    if not folders or not is_project(home):
        return  # what is wrong with it is said by who opens it; images that are no project's are read anywhere
    manifest, _ = load_manifest(home, newer=True)
    for folder in folders:
        places = named_folders(home, manifest.images, Path(os.path.abspath(folder)))  # noqa: PTH100 - keep links
        if not places:
            raise BadInput(
                f"No image of the project {manifest.name} lies in {folder}, as far as the project says.",
                hint="Name the folder as the project does; without --images-from it is said which that is.",
                code="no-images",
                path=folder,
            )
        link(places)


def tell_warnings(project: "Project") -> None:
    """Write what was found on opening `project`, as that a newer program wrote it, where errors go."""
    from segstudio.project.linked_folders import unlinked_folders

    for sentence in project.warnings:
        sys.stderr.write(f"Note: {sentence}\n")
    folders = unlinked_folders(project.folder, project.images)
    if folders:
        count, places = sum(folders.values()), [_printable(folder) for folder in folders]
        lie, they = ("1 image lies", "it is") if count == 1 else (f"{count:,} images lie", "they are")
        more = f" and {len(places) - _PLACES} other folders" if len(places) > _PLACES else ""
        sys.stderr.write(
            f"Note: {lie} outside of this project, in {', '.join(places[:_PLACES])}{more}, and {they} not read. "
            "If you know this place, add --images-from FOLDER; otherwise whoever made the project chose it.\n"
        )


def _printable(path: Path) -> str:
    """Return a path that a stranger wrote down without what a terminal would obey."""
    return "".join(sign if sign.isprintable() else "?" for sign in str(path))

"""Links in a project's own folders, through which what is written would land elsewhere."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.layout import Layout

#: So deep lie the files in runs and in `.segstudio` to which something is appended.
_DEPTH: Final = 2


def refuse_links_out(layout: Layout) -> None:
    """Raise `BadInput` when a folder or a file of a project is a link that leads out of it.

    Labels and regions count as well: what is found there is copied, when another program seems to have changed it. What
    lies in the folder of one image is for `refuse_image_links_out`.
    """
    _refuse(layout.folder, _links(layout))


def refuse_image_links_out(files: AnnotationFiles) -> None:
    """Raise `BadInput` when a file of an image's annotation, journal or history is a link out of the project."""
    folders = [place for place in (files.journal, files.snapshots) if place is not None]
    links = [path for path in (*files.published, *folders) if path.is_symlink()]
    for place in folders:
        links.extend(_links_in(place, _DEPTH))
    _refuse(files.labels.parents[1], links)


def _refuse(folder: Path, links: Iterable[Path]) -> None:
    home = folder.resolve()
    for path in links:
        target = Path(os.path.realpath(path))  # unlike `Path.resolve` it takes a link to itself
        if target.is_symlink():
            raise BadInput(
                f"{path.relative_to(folder)} in the project {folder.name} is a link that leads nowhere.",
                hint="Delete it, or restore the file from a backup.",
                code="project-links-out",
                path=path,
            )
        if not target.is_relative_to(home):
            raise BadInput(
                f"{path.relative_to(folder)} in the project {folder.name} is a link that leads out of it, to {target}, "
                "and nothing is written or copied through it.",
                hint="Replace it by what it points to, if the project comes from somebody you trust.",
                code="project-links-out",
                path=path,
            )


def _links(layout: Layout) -> Iterator[Path]:
    if layout.predictions.is_symlink():
        yield layout.predictions
    for place, depth in ((layout.labels, 1), (layout.regions, 1), (layout.internal, _DEPTH), (layout.runs, _DEPTH)):
        if place.is_symlink():
            yield place
        else:
            yield from _links_in(place, depth)


def _links_in(folder: Path, depth: int) -> Iterator[Path]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return  # there is none, or opening the project will say what is wrong with it
    for entry in entries:
        if entry.is_symlink():
            yield Path(entry.path)
        elif depth > 1 and entry.is_dir(follow_symlinks=False):
            yield from _links_in(Path(entry.path), depth - 1)

"""Links in a project's own folders, through which what is written would land elsewhere."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.project.layout import Layout

#: So deep lie the files in runs and in `.segstudio` to which something is appended.
_DEPTH: Final = 2


def refuse_links_out(layout: Layout) -> None:
    """Raise `BadInput` when a folder, or a file that is appended to, of a project is a link that leads out of it.

    Published files need no look: they are replaced, which replaces a link.
    """
    home = layout.folder.resolve()
    for path in _links(layout):
        target = path.resolve()
        if not target.is_relative_to(home):
            raise BadInput(
                f"{path.relative_to(layout.folder)} in the project {layout.folder.name} is a link that leads out of "
                f"it, to {target}, and nothing is written through it.",
                hint="Replace it by what it points to, if the project comes from somebody you trust.",
                code="project-links-out",
                path=path,
            )


def _links(layout: Layout) -> Iterator[Path]:
    for place in (layout.labels, layout.regions, layout.predictions):
        if place.is_symlink():
            yield place
    for place in (layout.internal, layout.runs):
        if place.is_symlink():
            yield place
        else:
            yield from _links_in(place, _DEPTH)


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

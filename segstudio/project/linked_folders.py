"""Folders outside of projects from which the user has taken images: only those are read, whatever a project names.

A project that came from somebody else may name any place: a server, which would learn who opens it, or a file that
is nobody's business.
"""

import os
import threading
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Final

from platformdirs import user_data_path

from segstudio.core.errors import BadInput
from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.disk import DiskError
from segstudio.io.regular_file import open_regular
from segstudio.project.manifest import ImageEntry

#: Folders that are remembered, and bytes of their list.
_MOST: Final = 10_000
_SIZE_LIMIT: Final = 16 << 20

#: Code of the error about an image that is not read, for a stranger's project says that it lies elsewhere.
ELSEWHERE: Final = "image-elsewhere"

_lock = threading.Lock()
#: What each list holds, as far as it was read or written here.
_known: dict[Path, dict[str, None]] = {}


def linked_folders_file() -> Path:
    """Return where this user's list lies; nothing need be there."""
    return user_data_path("SegStudio", appauthor=False) / "linked-folders.txt"


def link(folders: Iterable[Path]) -> None:
    """Take note that the user takes images from these folders; a list that cannot be written holds for this sitting."""
    with _lock:
        file = linked_folders_file()
        known = _read(file)
        new = [folder for path in folders if (folder := os.path.normcase(path)) not in known]
        if not new:
            return
        known.update(dict.fromkeys(new))
        try:
            make_folders(file.parent)
            write_atomic(file, "\n".join(list(known)[-_MOST:]).encode("utf-8", "surrogatepass"))
        except DiskError:
            return  # asked again in the next sitting


def is_linked(folder: Path) -> bool:
    """Return whether the user has taken images from a folder."""
    with _lock:
        return os.path.normcase(folder) in _read(linked_folders_file())


def is_beside(folder: str, image: str, system: ModuleType = os.path) -> bool:
    """Return whether a path lies in the folder of a project, or in the one that holds it; looks at names only.

    Parameters
    ----------
    folder
        Of the project, absolute.
    image
        As the project writes it down.
    system
        ``ntpath`` or ``posixpath``.

    Examples
    --------
    >>> import posixpath
    >>> is_beside("/data/cells", "../images/a.tif", posixpath), is_beside("/data/cells", "/etc/a.tif", posixpath)
    (True, False)
    """
    folder = system.normcase(system.normpath(folder))
    target = system.normcase(system.normpath(system.join(folder, image)))
    around = system.dirname(folder)
    places = [folder] if around == system.dirname(around) else [folder, around]  # beside a root is anywhere
    return any(target.startswith(place.rstrip(system.sep) + system.sep) for place in places)


def image_place(folder: Path, image: str) -> Path:
    """Return where an image of the project in `folder` is read: where it says, or in the folder when it may not."""
    place = _place(folder, image)
    if is_beside(os.path.abspath(folder), image) or is_linked(place.parent):  # noqa: PTH100 - keep links
        return place
    return folder / place.name


def named_folders(folder: Path, images: Iterable[ImageEntry], within: Path) -> list[Path]:
    """Return the folders in or below `within` in which the project in `folder` says that images lie; by names only."""
    return [place for paths in _by_folder(images) if (place := _place(folder, paths[0]).parent).is_relative_to(within)]


def refuse_unlinked(folder: Path, entry: ImageEntry) -> None:
    """Raise `BadInput` for an image of the project in `folder` that is not looked for where the project says."""
    place = _place(folder, entry.path)
    if image_place(folder, entry.path) != place:
        where = "".join(sign if sign.isprintable() else "?" for sign in str(place.parent))
        raise BadInput(
            f"{entry.name} lies outside of this project, in {where}, and is not read.",
            hint="If you know this place, let the program read it: with “Read images there” when the project opens, or "
            f"with --images-from {where} in a terminal.",
            code=ELSEWHERE,
            path=place,
        )


def unlinked_folders(folder: Path, images: Iterable[ImageEntry]) -> dict[Path, int]:
    """Return the folders that the project in `folder` names and that are not read, with how many images each."""
    found: dict[Path, int] = {}
    for paths in _by_folder(images):
        place = _place(folder, paths[0])
        if image_place(folder, paths[0]) != place:
            found[place.parent] = found.get(place.parent, 0) + len(paths)
    return found


def _place(folder: Path, image: str) -> Path:
    return Path(os.path.normpath(folder / image))


def _by_folder(images: Iterable[ImageEntry]) -> Iterable[list[str]]:
    """Return the paths that differ by a plain file name only, together: thousands of images lie in a few folders."""
    together: dict[tuple[str, str], list[str]] = {}
    for entry in images:
        head, name = os.path.split(entry.path)
        together.setdefault((head, name if name in ("", ".", "..") else "a"), []).append(entry.path)
    return together.values()


def _read(file: Path) -> dict[str, None]:
    if file not in _known:
        try:
            with open_regular(file) as stream:
                lines = stream.read(_SIZE_LIMIT).decode("utf-8", "surrogatepass").split("\n")
        except (OSError, ValueError):
            lines = []
        _known[file] = dict.fromkeys(line for line in lines if line)
    return _known[file]

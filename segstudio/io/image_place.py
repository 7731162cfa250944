"""What an image lies in: a file, a folder (OME-Zarr), or a part of a file that holds several images.

A part is named behind its file, as if that were a folder: ``cells.h5/raw/volume``, ``plate.czi/2``.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

from segstudio.core.errors import BadInput
from segstudio.io.regular_file import open_regular

#: Bytes hashed at either end of a file.
_END: Final = 1 << 16
_CHUNK: Final = 1 << 20
#: Between the name of a file and that of a part of it, for people.
_BEHIND: Final = " › "
#: Characters of the name of a part.
_LONGEST_PART: Final = 1000
#: Files that describe a folder of Zarr, or an array in it.
_ZARR_FILES: Final = ("zarr.json", ".zgroup", ".zarray", ".zattrs")
#: Folders in folders that are looked at for descriptions: an image, its levels, and an image of a series.
_DEEP: Final = 2
_MOST_FOLDERS: Final = 1000
#: Files of one image, and how deeply they lie: a plate of screens has fewer, and no axis of an array is a folder more.
_MOST_FILES: Final = 10_000_000
_DEEPEST_FILE: Final = 50
#: A field of a plate lies so deeply in it.
_DEEPEST: Final = 3


class Stat(NamedTuple):
    """What the file system says: as long as it stays, nobody has touched the bytes of a file.

    Of a folder it is what it says of the files that describe the image: pixels alone may change behind it.
    """

    size: int
    modified_ns: int
    inode: int
    changed_ns: int


def container_of(path: Path) -> tuple[Path, str]:
    """Return the file or folder that holds an image, and the name of the part of it; empty for all of it."""
    if not os.path.lexists(path):
        for parent in path.parents:
            if parent.is_file():
                return parent, path.relative_to(parent).as_posix()
            if parent.is_dir():
                break
    return path, ""


def part_path(path: Path, part: str) -> Path:
    """Return where the part of an image is that the file itself, or somebody's project, names.

    Raises
    ------
    BadInput
        The name leads out of the file, as an absolute one does, and one with ``..``.
    """
    names = PurePosixPath(part).parts
    outside = any(name in ("..", "/", "//") or re.search(r"[\\:\0]", name) for name in names)
    if not names or len(part) > _LONGEST_PART or outside:
        raise BadInput(
            f"{path.name} names an image that does not lie in it.",
            hint="It is damaged, or was made to do harm. Export it anew where it came from.",
            code="image-damaged",
            path=path,
        )
    return path / part


def is_image_folder(path: Path) -> bool:
    """Whether a folder is one image for the user: OME-Zarr."""
    return path.is_dir() and any((path / name).is_file() for name in _ZARR_FILES)


def image_exists(path: Path) -> bool:
    """Whether there is a file, or an image folder, that may hold an image."""
    holder, _ = container_of(path)
    return holder.is_file() or is_image_folder(holder)


def shown_name(path: Path) -> str:
    """Return the name of an image for people: that of its file, with the part that is meant."""
    holder, part = outermost(path)
    return f"{holder.name}{_BEHIND}{part}" if part else path.name


def shown_part(path: str, name: str) -> str:
    """Return the part that was meant by a path, of which the file may be gone; empty for a whole file.

    Parameters
    ----------
    path
        As a project writes it down.
    name
        What `shown_name` has returned for it. Files may have the sign between file and part in their own names.

    Examples
    --------
    >>> shown_part("images/cells.h5/raw/volume", "cells.h5 › raw/volume"), shown_part("a › b.tif", "a › b.tif")
    ('raw/volume', '')
    """
    pieces = name.split(_BEHIND)
    pairs = ((_BEHIND.join(pieces[:at]), _BEHIND.join(pieces[at:])) for at in range(1, len(pieces)))
    return next((part for holder, part in pairs if f"/{path}".endswith(f"/{holder}/{part}")), "")


def with_part(path: Path, part: str) -> Path:
    """Return the image in a file, or in an image folder, that is this part of it; the file itself without a part.

    Raises
    ------
    BadInput
        The name leads out of the file.
    """
    apart = part and not container_of(path)[1] and not path.as_posix().endswith(f"/{part}")
    return part_path(path, part) if apart else path


def own_stem(path: Path) -> str:
    """Return a name for what belongs to an image: that of its file without ending, with the part that is meant."""
    holder, part = outermost(path)
    return f"{holder.stem}_{part.replace('/', '_')}" if part else path.stem


def outermost(path: Path) -> tuple[Path, str]:
    """Return what `container_of` does; of a folder inside an image folder, as a field of a plate, the outermost one."""
    if is_image_folder(path):
        around = [folder for folder in path.parents[:_DEEPEST] if is_image_folder(folder)]
        return (around[-1], path.relative_to(around[-1]).as_posix()) if around else (path, "")
    return container_of(path)


def stat_of(path: Path) -> Stat:
    """Return what the file system says of an image; raise ``OSError`` when it is not there."""
    holder, _ = container_of(path)
    if not holder.is_dir():
        found = holder.stat()
        return Stat(found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns)
    stats = [file.lstat() for file in _descriptions(holder)]
    folders = [holder.lstat(), *(file.parent.lstat() for file in _descriptions(holder))]
    modified = max(found.st_mtime_ns for found in (*stats, *folders))
    changed = max(found.st_ctime_ns for found in (*stats, *folders))
    return Stat(sum(found.st_size for found in stats), modified, holder.stat().st_ino, changed)


def fingerprint_of(path: Path) -> str:
    """Return size and hash of both ends of an image: cheap for any size, and enough to notice an exchange.

    Of a folder those are the files that describe it, and the first and last file of its pixels.

    Raises
    ------
    OSError, ValueError
        It cannot be read.
    """
    holder, part = container_of(path)
    digest = blake2b(digest_size=16)
    if holder.is_dir():
        size = 0
        files = _descriptions(holder)
        if not files:
            raise IsADirectoryError(errno.EISDIR, "it is a folder without an image of its own")
        for file in files:
            content = _ends(file)[1]
            digest.update(f"{file.relative_to(holder).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
            size += file.lstat().st_size
        arrays = [file.parent for file in files if _is_array(file)]
        for file in _first_and_last(arrays[0]) if arrays else ():
            digest.update(_ends(file)[1])
    else:
        size, content = _ends(holder)
        digest.update(content)
    if part:
        digest.update(f"\0{part}".encode())
    return f"{size}:{digest.hexdigest()}"


def content_of(path: Path) -> Iterator[bytes]:
    """Yield all that an image is made of, in pieces.

    Raises
    ------
    OSError
        It cannot be read.
    BadInput
        It is a folder of too many files, or of folders in folders too deeply.
    """
    holder, part = container_of(path)
    if holder.is_dir():
        for file in _all_files(holder):
            yield f"{file.relative_to(holder).as_posix()}\0{file.lstat().st_size}\0".encode("utf-8", "surrogatepass")
            yield from _pieces(file)
    else:
        yield from _pieces(holder)
    if part:
        yield f"\0{part}".encode()


def _pieces(file: Path) -> Iterator[bytes]:
    with open_regular(file) as stream:
        while piece := stream.read(_CHUNK):
            yield piece


def _ends(path: Path) -> tuple[int, bytes]:
    with open_regular(path) as file:
        size = file.seek(0, 2)
        file.seek(0)
        first = file.read(_END)
        file.seek(max(0, size - _END))
        return size, first + file.read(_END)


def _descriptions(folder: Path) -> list[Path]:
    """Return the files that describe an image folder and what lies in it, in the order of their names."""
    found: list[Path] = []
    folders = [folder]
    for _ in range(_DEEP + 1):
        below: list[Path] = []
        for one in folders[:_MOST_FOLDERS]:
            files = [one / name for name in _ZARR_FILES if _is_plain_file(one / name)]
            found += files
            if files and not any(map(_is_array, files)):
                below += _subfolders(one)
        folders = below
    return sorted(found)


def _is_array(file: Path) -> bool:
    if file.name != "zarr.json":
        return file.name == ".zarray"
    with suppress(OSError), open_regular(file) as stream:
        return re.search(rb'"node_type"\s*:\s*"array"', stream.read(_CHUNK)) is not None
    return False


def _is_plain_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _subfolders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = sorted((entry.name for entry in entries if entry.is_dir(follow_symlinks=False)), key=_natural)
    return [folder / name for name in names]


def _natural(name: str) -> tuple[bool, int, str]:
    number = int(name) if name.isdecimal() and len(name) < 20 else 0
    return not name.isdecimal(), number, name


def _first_and_last(array: Path) -> Iterator[Path]:
    """Yield the files of the first and the last pixels of an array, as far as names tell."""
    for which in (0, -1):
        folder: Path | None = array
        while folder is not None:
            with os.scandir(folder) as entries:
                kept = [entry for entry in entries if not entry.name.startswith(".") and entry.name != "zarr.json"]
            kept.sort(key=lambda entry: _natural(entry.name))
            entry = kept[which] if kept else None
            folder = None
            if entry is not None and entry.is_dir(follow_symlinks=False):
                folder = Path(entry.path)
            elif entry is not None and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)


def _all_files(folder: Path) -> Iterator[Path]:
    """Yield the files in a folder and below, in the order of their names; raise `BadInput` when it has no end."""
    left = _MOST_FILES
    open_folders = [_sorted_entries(folder)]
    while open_folders:
        entry = next(open_folders[-1], None)
        left -= 1
        if left < 0 or len(open_folders) > _DEEPEST_FILE:
            raise BadInput(
                f"{folder.name} holds too many files, or folders in folders too deeply, to be told from other images.",
                hint="Save the image again, with larger chunks, or as OME-TIFF.",
                code="image-too-large",
                path=folder,
            )
        if entry is None:
            open_folders.pop()
        elif entry.is_dir(follow_symlinks=False):
            open_folders.append(_sorted_entries(Path(entry.path)))
        elif entry.is_file(follow_symlinks=False):
            yield Path(entry.path)


def _sorted_entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return iter(sorted(entries, key=lambda entry: entry.name))

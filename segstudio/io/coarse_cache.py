"""Coarse levels of large images on the disk, in the user's cache folder: an image that was seen once opens at once."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import blake2b
from math import prod
from pathlib import Path
from shutil import disk_usage
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from platformdirs import user_cache_path

from segstudio.io.atomic import make_folders, write_atomic
from segstudio.io.coarse_levels import CoarseLevels, build, level_shapes, levels_of, picked, wants_coarse_levels
from segstudio.io.disk import DISK, Disk, DiskError
from segstudio.io.image_place import fingerprint_of, stat_of
from segstudio.io.pyramid import PyramidKey, overview, shrunk, top_level
from segstudio.io.regular_file import open_regular
from segstudio.io.sources import ImageSource

#: All files together have at most so many bytes; those that were not used for longest go first.
_MOST: Final = 2 << 30
#: So much of the disk is left to others.
_SPARED: Final = 1 << 30
_SUFFIX: Final = ".levels"
#: Beginning of a file; another number when what follows is made in another way.
_HEAD: Final = b"SegStudio coarse levels 1".ljust(64)
_WAIT_S: Final = 0.1


class _Work:
    """Who has the lock makes the levels of one plane; others look at what there is of them."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.levels: CoarseLevels | None = None


_building: dict[str, _Work] = {}
_guard: Final = threading.Lock()


def cache_folder() -> Path:
    """Return where the coarse levels of large images are kept; the user may empty it at any time."""
    return user_cache_path("SegStudio", appauthor=False) / "coarse-levels"


def cached(source: ImageSource, plane: int, folder: Path | None = None) -> CoarseLevels | None:
    """Return the coarse levels that were kept of a plane; ``None`` when there are none, or damaged ones."""
    mark = _mark(source, plane)
    return None if mark is None else _read((folder or cache_folder()) / f"{mark}{_SUFFIX}", source)


def coarse_levels(
    source: ImageSource,
    plane: int,
    on_begin: Callable[[CoarseLevels], None] = lambda levels: None,
    on_rows: Callable[[], None] = lambda: None,
    given_up: Callable[[], bool] = lambda: False,
) -> CoarseLevels | None:
    """Return the coarse levels of a plane, as they were kept, or made and kept now; see `build`.

    Who wants those of the same image at the same time waits, and sees them grow: it is not decoded twice.
    """
    mark = _mark(source, plane)
    if mark is None:
        return build(source, plane, on_begin, on_rows, given_up)
    with _guard:
        work = _building.setdefault(mark, _Work())

    def begin(levels: CoarseLevels) -> None:
        work.levels = levels
        on_begin(levels)

    if not _waited(work, on_begin, on_rows, given_up):
        return None
    try:
        made = _read(cache_folder() / f"{mark}{_SUFFIX}", source)
        if made is None:
            made = build(source, plane, begin, on_rows, given_up)
            if made is not None and made.problem is None:
                keep(made, cache_folder() / f"{mark}{_SUFFIX}")
        return made
    finally:
        work.levels = None
        work.lock.release()


def sampled(source: ImageSource, plane: int = 0) -> NDArray[Any] | None:
    """Return single pixels of a large image at equal distances; ``None`` where reading them would take long."""
    if not wants_coarse_levels(source):
        return None
    levels = cached(source, plane)
    return np.array(levels.picks) if levels is not None else picked(source, plane)


def small_picture(source: ImageSource, plane: int = 0) -> NDArray[Any]:
    """Return what `overview` does, of a large image as it was kept, or of some of its pixels; see there.

    Raises
    ------
    BadInput
        A part of the image cannot be read.
    """
    if not wants_coarse_levels(source):
        return overview(source, plane)
    levels = cached(source, plane)
    if levels is None and (picks := picked(source, plane)) is not None:
        return shrunk(picks, -(-max(picks.shape[:2]) // 512))
    levels = levels or coarse_levels(source, plane)
    assert levels is not None, "nobody gave up"
    if levels.problem is not None:
        raise levels.problem
    return levels.tile(PyramidKey(top_level(source.info.size), 0, 0))


def keep(made: CoarseLevels, file: Path, disk: Disk = DISK) -> None:
    """Write coarse levels, unless the disk is nearly full or refuses: then they are made again another time."""
    size = sum(part.nbytes for part in (made.picks, *made.levels)) + len(_HEAD)
    if size > _MOST // 4:
        return
    with suppress(DiskError, OSError):
        make_folders(file.parent, disk, durable=False)
        if disk_usage(file.parent).free < size + _SPARED:
            return
        _make_room(file.parent, size, disk)
        write_atomic(file, _pieces(made), disk)


def _make_room(folder: Path, size: int, disk: Disk) -> None:
    files = []
    for path in folder.glob(f"*{_SUFFIX}"):
        with suppress(OSError):
            found = path.stat()
            files.append((found.st_mtime_ns, found.st_size, path))
    left = sum(length for _, length, _ in files) + size
    for _, length, path in sorted(files):
        if left <= _MOST:
            return
        with suppress(OSError):  # in use, on some systems
            disk.unlink(path)
            left -= length


def _pieces(made: CoarseLevels) -> Iterator[bytes]:
    yield _HEAD
    for part in (made.picks, *made.levels):
        yield np.ascontiguousarray(part).tobytes()


def _read(file: Path, source: ImageSource) -> CoarseLevels | None:
    """Return what a file holds: its shapes are those of the image, so that it is wrong only where its pixels are."""
    parts, place = level_shapes(source), len(_HEAD)
    found: list[NDArray[Any]] = []
    try:
        with open_regular(file) as stream:
            length = place + sum(prod(shape) * dtype.itemsize for shape, dtype in parts)
            if stream.read(place) != _HEAD or os.fstat(stream.fileno()).st_size != length:
                return None
        for shape, dtype in parts:
            found.append(np.memmap(file, dtype, "r", place, shape))
            place += prod(shape) * dtype.itemsize
        os.utime(file)  # used
    except (OSError, ValueError):
        return None
    return levels_of(source, found, source.info.height)


def _waited(
    work: _Work, on_begin: Callable[[CoarseLevels], None], on_rows: Callable[[], None], given_up: Callable[[], bool]
) -> bool:
    """Wait until nobody else makes the same levels, and show meanwhile what there is of those; whether to go on."""
    shown = None
    while not work.lock.acquire(timeout=_WAIT_S):
        if given_up():
            return False
        if work.levels is not None and work.levels is not shown:
            shown = work.levels
            on_begin(shown)
        elif shown is not None:
            on_rows()
    return True


def _mark(source: ImageSource, plane: int) -> str | None:
    """Return what tells a plane of an image from others, and from what another meaning of its axes makes of it.

    ``None`` for a folder, whose pixels may change behind it, and for what is not there any more.
    """
    info = source.info
    if info.path.is_dir():
        return None
    try:
        stat = stat_of(info.path)
        meant = f"{source.meaning} {info.axes} {info.shape} {plane}"
        said = f"{fingerprint_of(info.path)} {stat.modified_ns} {stat.changed_ns} {meant}"
    except OSError:
        return None
    return blake2b(said.encode(), digest_size=16).hexdigest()

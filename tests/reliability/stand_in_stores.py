"""How other programs save, written by hand and small: what the experiments have to find fault with.

Each store keeps one array under one name. `save` is the pattern; ``load`` raises when nothing whole is there.
"""

import io
import os
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.io.atomic import write_atomic
from segstudio.io.disk import DISK, Disk

Array = NDArray[np.int32]
_NAME = "store.bin"
_BLOCKS = 8


def _encode(array: Array) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def load(folder: Path) -> Array:
    """Return what was saved with `np.save`; raise ``OSError`` or ``ValueError`` for what is missing or not whole."""
    return np.load(folder / _NAME, allow_pickle=False)


def _reopen(path: Path, disk: Disk) -> int:
    again = getattr(disk, "open_again", None)  # the program itself never does this, so its disk has no such primitive
    return again(path) if again is not None else os.open(path, os.O_RDWR)


def _create(folder: Path, array: Array, disk: Disk) -> None:
    descriptor = disk.create(folder / _NAME)
    disk.write(descriptor, _encode(array))
    disk.sync(descriptor)
    disk.close(descriptor)
    disk.sync_folder(folder)


def save_in_place(folder: Path, array: Array, disk: Disk = DISK) -> None:
    """Empty the file and write it again, as a pickled array is saved after each edit."""
    if not (folder / _NAME).exists():
        return _create(folder, array, disk)
    descriptor = _reopen(folder / _NAME, disk)
    disk.truncate(descriptor, 0)
    for piece in _pieces(_encode(array)):
        disk.write(descriptor, piece)
    disk.sync(descriptor)
    disk.close(descriptor)
    return None


def save_unlink_first(folder: Path, array: Array, disk: Disk = DISK) -> None:
    """Remove the old file, write the new one beside it, rename."""
    path = folder / _NAME
    if path.exists():
        disk.unlink(path)
    temp = folder / "new"
    temp.unlink(missing_ok=True)
    descriptor = disk.create(temp)
    for piece in _pieces(_encode(array)):
        disk.write(descriptor, piece)
    disk.sync(descriptor)
    disk.close(descriptor)
    disk.replace(temp, path)
    disk.sync_folder(folder)


def save_without_sync(folder: Path, array: Array, disk: Disk = DISK) -> None:
    """Write beside and rename, but force nothing to the disk."""
    temp = folder / "new"
    temp.unlink(missing_ok=True)
    descriptor = disk.create(temp)
    disk.write(descriptor, _encode(array))
    disk.close(descriptor)
    disk.replace(temp, folder / _NAME)


def save_blocks(folder: Path, array: Array, disk: Disk = DISK) -> None:
    """Change the blocks of an open file in place, and its checksum last, as a container of arrays does."""
    data = array.tobytes()
    content = zlib.crc32(data).to_bytes(4, "little"), data
    path = folder / _NAME
    if not path.exists():
        descriptor = disk.create(path)
        disk.write(descriptor, b"".join(content))
        disk.sync(descriptor)
        disk.close(descriptor)
        disk.sync_folder(folder)
        return
    descriptor = _reopen(path, disk)
    disk.write(descriptor, b"\0" * 4)
    for piece in _pieces(data):
        disk.write(descriptor, piece)
    disk.close(descriptor)
    descriptor = _reopen(path, disk)
    disk.write(descriptor, content[0])
    disk.sync(descriptor)
    disk.close(descriptor)


def load_blocks(folder: Path) -> Array:
    """Return what `save_blocks` has left; raise ``ValueError`` when blocks and checksum do not fit."""
    raw = (folder / _NAME).read_bytes()
    if zlib.crc32(raw[4:]).to_bytes(4, "little") != raw[:4]:
        raise ValueError("blocks of two versions")
    return np.frombuffer(raw[4:], np.int32)


def save_well(folder: Path, array: Array, disk: Disk = DISK) -> None:
    """Save as this program does: the one that no experiment may find fault with."""
    write_atomic(folder / _NAME, _encode(array), disk)


def _pieces(data: bytes) -> list[bytes]:
    size = -(-len(data) // _BLOCKS)
    return [data[start : start + size] for start in range(0, len(data), size)]


#: Name → how to save, how to load, whether kills and power cuts are each expected to do harm.
STORES: dict[str, tuple[Callable[..., None], Callable[[Path], Array], bool, bool]] = {
    "in place": (save_in_place, load, True, True),
    "unlink first": (save_unlink_first, load, True, True),
    "rename without sync": (save_without_sync, load, False, True),
    "blocks in place": (save_blocks, load_blocks, True, True),
    "this program's": (save_well, load, False, False),
}


def version(number: int, size: int = 4096) -> Array:
    """Return the array that is saved as version `number`: every element tells."""
    return np.full(size, number, np.int32)


def main(name: str, folder: Path) -> None:
    """Save one version after the other until killed; say which is safe."""
    for number in range(1, 1_000_000):
        STORES[name][0](folder, version(number, 1 << 17))
        sys.stdout.write(f"{number} {time.time():.4f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

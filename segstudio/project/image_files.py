"""Finding image files in folders, and telling whether a file is still the one that it was."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.io.sources import image_suffixes
from segstudio.project.manifest import SplitChoice

#: Bytes hashed at either end of a file.
_END: Final = 1 << 16
_CHUNK: Final = 1 << 20
IMAGES: Final = "images"
MASKS: Final = "masks"
TARGETS: Final = "targets"
SPLITS: Final[tuple[SplitChoice, ...]] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image file, with the split that its folder says."""

    path: Path
    split: SplitChoice = "auto"


def find_images(paths: Iterable[Path]) -> Iterator[FoundImage]:
    """Yield the image files among `paths`: files as they are, folders with what lies in them.

    A folder may hold images, or ``images/`` (beside ``masks/``), or ``train/``, ``val/``, ``test/`` of that form.
    Listed by name ending and in the order of names; what a folder holds besides is passed over.

    Raises
    ------
    BadInput
        A folder cannot be read.
    """
    for path in paths:
        if not path.is_dir():
            yield FoundImage(path)
            continue
        parts = [(path / split, split) for split in SPLITS if (path / split).is_dir()]
        if parts and not list_images(path):
            for folder, split in parts:
                yield from (FoundImage(file, split) for file in _in_folder(folder))
        else:
            yield from (FoundImage(file) for file in _in_folder(path))


def _in_folder(folder: Path) -> list[Path]:
    return list_images(folder) or (list_images(folder / IMAGES) if (folder / IMAGES).is_dir() else [])


def list_images(folder: Path) -> list[Path]:
    """Return the files in `folder` whose ending is that of an image, sorted by stem, without hidden ones.

    Raises
    ------
    BadInput
        The folder is missing or cannot be read.
    """
    suffixes = image_suffixes()
    try:
        files = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
        ]
    except FileNotFoundError as error:
        raise BadInput(
            f"{folder.name} was not found in {folder.parent}.",
            hint="Is the drive connected? Was the folder renamed?",
            code="folder-missing",
            path=folder,
        ) from error
    except OSError as error:
        raise BadInput(
            f"{folder.name} cannot be read: {error.strerror or error}.",
            hint="Check the permissions of the folder.",
            code="folder-unreadable",
            path=folder,
        ) from error
    return sorted(files, key=lambda path: (path.stem, path.name))


def find_mask(image: Path) -> Path | None:
    """Return the label image that belongs to `image`: same stem in the folder ``masks`` beside its own."""
    return _find_beside(image, MASKS)


def find_target(image: Path) -> Path | None:
    """Return the image that a network is to make of `image`: same stem in the folder ``targets`` beside its own."""
    return _find_beside(image, TARGETS)


def _find_beside(image: Path, name: str) -> Path | None:
    folder = image.parent.parent / name if image.parent.name == IMAGES else image.parent / name
    if not folder.is_dir():
        return None
    for suffix in (".tif", ".tiff", ".png", *sorted(image_suffixes())):
        path = folder / f"{image.stem}{suffix}"
        if path.is_file():
            return path
    return _otherwise_composed(folder, image.stem)


def _otherwise_composed(folder: Path, stem: str) -> Path | None:
    """Return the file whose stem reads as `stem`: macOS and others write an accent as one character or as two."""
    if stem.isascii() or not folder.is_dir():
        return None
    wanted = unicodedata.normalize("NFC", stem)
    return next((path for path in list_images(folder) if unicodedata.normalize("NFC", path.stem) == wanted), None)


def fingerprint(path: Path) -> str:
    """Return size and hash of both ends of a file: cheap for any size, and enough to notice an exchange.

    Raises
    ------
    BadInput
        The file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            digest = blake2b(file.read(_END), digest_size=16)
            file.seek(max(0, size - _END))
            digest.update(file.read(_END))
    except FileNotFoundError as error:
        raise BadInput(
            f"{path.name} was not found in {path.parent}.",
            hint="Connect the drive, put the image back, or right-click it in the list of images and choose "
            "“Find the image file…”.",
            code="image-missing",
            path=path,
        ) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise BadInput(f"{path.name} cannot be read: {reason}.", code="image-unreadable", path=path) from error
    return f"{size}:{digest.hexdigest()}"


def same_content(one: Path, two: Path) -> bool:
    """Return whether two files hold the same bytes; ``False`` when one cannot be read."""
    try:
        if one.stat().st_size != two.stat().st_size:
            return False
        with one.open("rb") as first, two.open("rb") as second:
            while True:
                a, b = first.read(_CHUNK), second.read(_CHUNK)
                if a != b:
                    return False
                if not a:
                    return True
    except OSError:
        return False

"""Finding image files in folders, and telling whether a file is still the one that it was."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.io.image_place import fingerprint_of, image_exists, is_image_folder
from segstudio.io.seg_file import ENDING
from segstudio.io.sources import image_suffixes
from segstudio.project.manifest import SplitChoice

IMAGES: Final = "images"
MASKS: Final = "masks"
TARGETS: Final = "targets"
SPLITS: Final[tuple[SplitChoice, ...]] = ("train", "val", "test")
#: What programs add to the name of an image when they write its labels; Cellpose the last. Its ``_seg.npy`` comes after
#: all of them: it holds Python objects, of which a confined process takes the masks.
_MASK_ENDINGS: Final = ("_mask", "_masks", "_label", "_labels", "_cp_masks")
_MASK_SUFFIXES: Final = (".tif", ".tiff", ".png")


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image file, with the split that its folder says."""

    path: Path
    split: SplitChoice = "auto"


def find_images(paths: Iterable[Path]) -> Iterator[FoundImage]:
    """Yield the image files among `paths`: files as they are, folders with what lies in them.

    A folder may hold images, or ``images/`` (beside ``masks/``), or ``train/``, ``val/``, ``test/`` of that form.
    Listed by name ending and in the order of names; what a folder holds besides is passed over, as are the masks that
    lie beside their images.

    Raises
    ------
    BadInput
        A folder cannot be read.
    """
    for path in paths:
        if not path.is_dir() or is_image_folder(path):
            yield FoundImage(path)
            continue
        parts = [(path / split, split) for split in SPLITS if (path / split).is_dir()]
        if parts and not list_images(path):
            for folder, split in parts:
                yield from (FoundImage(file, split) for file in _in_folder(folder))
        else:
            yield from (FoundImage(file) for file in _in_folder(path))


def _in_folder(folder: Path) -> list[Path]:
    found = list_images(folder) or (list_images(folder / IMAGES) if (folder / IMAGES).is_dir() else [])
    return without_masks(found)


def without_masks(files: Sequence[Path]) -> list[Path]:
    """Return the files of a folder that are no mask of another one, as ``a_mask.tif`` is beside ``a.tif``."""
    stems = {path.stem for path in files}
    return [path for path in files if not any(stem in stems for stem in _of_another(path))]


def _of_another(path: Path) -> Iterator[str]:
    """Yield the stems of the images that a file can belong to, by its own name."""
    if path.name.endswith(ENDING):
        yield path.name.removesuffix(ENDING)
    if path.suffix.lower() in _MASK_SUFFIXES:
        yield from (path.stem.removesuffix(ending) for ending in _MASK_ENDINGS if path.stem.endswith(ending))


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
            if path.suffix.lower() in suffixes and not path.name.startswith(".") and image_exists(path)
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
    """Return the label image that belongs to `image`.

    It has the same stem in the folder ``masks`` beside its own, or lies beside the image as ``a_mask.tif`` does beside
    ``a.tif``.
    """
    return _find_in(_beside(image, MASKS), image) or _find_named(image.parent, image)


def find_mask_in(folder: Path, image: Path) -> Path | None:
    """Return the label image of `image` in a folder that the user names, or in the folder ``masks`` within it.

    In the folder of the image itself only those are masks whose name says so.
    """
    if folder != image.parent and (found := _find_in(folder, image)) is not None:
        return found
    return _find_in(folder / MASKS, image) or _find_named(folder, image)


def find_target(image: Path) -> Path | None:
    """Return the image that a network is to make of `image`: same stem in the folder ``targets`` beside its own."""
    return _find_in(targets_folder(image), image)


def targets_folder(image: Path) -> Path:
    """Return the folder that `find_target` looks in; it need not exist."""
    return _beside(image, TARGETS)


def _beside(image: Path, name: str) -> Path:
    return image.parent.parent / name if image.parent.name == IMAGES else image.parent / name


def _find_in(folder: Path, image: Path) -> Path | None:
    if not folder.is_dir():
        return None
    for suffix in (".tif", ".tiff", ".png", *sorted(image_suffixes())):
        path = folder / f"{image.stem}{suffix}"
        if path.is_file():
            return path
    return _otherwise_composed(folder, image.stem)


def _find_named(folder: Path, image: Path) -> Path | None:
    """Return the file in `folder` that is named after `image` and says that it holds labels."""
    names = [f"{image.stem}{ending}{suffix}" for ending in _MASK_ENDINGS for suffix in _MASK_SUFFIXES]
    names.append(f"{image.stem}{ENDING}")
    return next((path for name in names if (path := folder / name).is_file()), None)


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
        return fingerprint_of(path)
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

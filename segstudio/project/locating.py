"""Whether an image file is still the one that was added, and entries for files that moved or were saved anew."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from math import prod
from pathlib import Path

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.io.image_place import shown_name, shown_part, with_part
from segstudio.project.image_files import find_images, fingerprint
from segstudio.project.image_sums import changed_image
from segstudio.project.intake import Intake, stored_path
from segstudio.project.manifest import ImageEntry


def check_content(entry: ImageEntry, path: Path) -> None:
    """Raise `BadInput` when the image file is missing or no longer the one that was labelled."""
    if fingerprint(path) != entry.fingerprint:
        raise changed_image(entry, path)


def check_size(entry: ImageEntry, path: Path, info: ImageInfo) -> None:
    """Raise `BadInput` when an image file is not as large as the labels, or has not as many planes."""
    if not _fits(entry, info.size, info.stack[1]):
        raise BadInput(
            f"{path.name} now has {_words(info.size, info.stack[1])}, its labels were made on "
            f"{_words((entry.height, entry.width), entry.sizes)}.",
            hint="Put the original image back, or add this one to the project under another name.",
            code="image-changed",
            path=path,
        )


def with_content_of(entry: ImageEntry, folder: Path, path: Path) -> ImageEntry:
    """Return the entry of a project in `folder` for the content that the file at `path` has now.

    Raises
    ------
    BadInput
        It cannot be read, or has another size than the labels.
    """
    new = Intake(folder, ()).look(path, read_as=entry.read_as)
    if not _fits(entry, (new.height, new.width), new.sizes):
        raise BadInput(
            f"{path.name} has {_words((new.height, new.width), new.sizes)}, the labels were made on "
            f"{_words((entry.height, entry.width), entry.sizes)}.",
            hint="Choose the original image, or add this one to the project.",
            code="image-changed",
            path=path,
        )
    return replace(
        entry,
        path=new.path,
        name=new.name,
        channels=new.channels,
        dtype=new.dtype,
        pixel_size_um=new.pixel_size_um or entry.pixel_size_um,
        fingerprint=new.fingerprint,
        predicted="",  # of what was in the file before
    )


def _fits(entry: ImageEntry, size: tuple[int, int], sizes: tuple[int, ...]) -> bool:
    # An image that was flat for the program that added it is labelled on its first plane.
    return size == (entry.height, entry.width) and entry.sizes in ((), sizes)


def _words(size: tuple[int, int], sizes: tuple[int, ...]) -> str:
    planes = f"{prod(sizes)} planes of " if sizes else ""
    return f"{planes}{size[0]} × {size[1]} pixels"


def another_image(entry: ImageEntry, path: Path) -> BadInput:
    """Return the error for a file that was chosen for an image that moved, and is another one."""
    return BadInput(
        f"{path.name} is not the image {entry.name} that was added to the project.",
        hint="Choose the file itself; it may have another name, but not another content.",
        code="image-other",
        path=path,
    )


def moved_to(entry: ImageEntry, folder: Path, path: Path) -> ImageEntry:
    """Return the entry of a project in `folder` for an image that lies at `path` now.

    Raises
    ------
    BadInput
        It is another file.
    """
    if fingerprint(path) != entry.fingerprint:
        raise another_image(entry, path)
    return replace(entry, path=stored_path(folder, path), name=shown_name(path))


def find_again(
    missing: Iterable[ImageEntry], folder: Path, differs: Callable[[ImageEntry, Path], bool]
) -> Iterator[tuple[ImageEntry, Path]]:
    """Yield those of the missing images that lie in `folder`, known by their content, and where.

    Parameters
    ----------
    differs
        Whether a file whose ends are those of an image has another middle.
    """
    wanted: dict[str, list[ImageEntry]] = {}
    for entry in missing:
        wanted.setdefault(entry.fingerprint, []).append(entry)
    # Of a file that holds several images each one that is missing may be in any file.
    parts = {shown_part(entry.path, entry.name) for entries in wanted.values() for entry in entries}
    for item in find_images([folder]) if wanted else ():
        for part in ["", *sorted(parts - {""})]:
            try:
                path = with_part(item.path, part)
                alike = wanted.get(fingerprint(path), [])
                same = [entry for entry in alike if not differs(entry, path)]
            except BadInput:  # nobody can tell which image it is; the others are found all the same
                continue
            found = min(same, key=lambda entry: entry.name != shown_name(path), default=None)
            if found is not None:
                alike.remove(found)
                yield found, path

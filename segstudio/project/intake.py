"""Taking image files into a project."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from hashlib import blake2b
from itertools import count
from pathlib import Path

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import BadInput
from segstudio.io.image_place import container_of, outermost, own_stem, part_path, shown_name
from segstudio.io.read_as import info_as
from segstudio.io.sources import open_image
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.axis_readings import Reading, folder_of, shape_words
from segstudio.project.image_bytes import Known, sum_now
from segstudio.project.image_files import FoundImage, find_images, fingerprint
from segstudio.project.label_stems import label_stem, stem_key
from segstudio.project.linked_folders import image_place, link
from segstudio.project.manifest import ImageEntry, SplitChoice


def stored_path(folder: Path, image: Path) -> str:
    """Return how a project in `folder` writes down where `image` lies.

    Relative when it lies below the folder that holds the project, so that both can be moved together; absolute
    otherwise.

    Raises
    ------
    BadInput
        The name is no text, as of files from old systems: it could be written, but not read again.
    """
    refuse_no_text(image)
    folder, image = Path(os.path.abspath(folder)), Path(os.path.abspath(image))  # noqa: PTH100 - keep links
    if image.is_relative_to(folder):
        return image.relative_to(folder).as_posix()
    if len(folder.parents) > 1 and image.is_relative_to(folder.parent):
        return f"../{image.relative_to(folder.parent).as_posix()}"
    link([image.parent])  # who says where an image lies wants it read
    return str(image)


def refuse_no_text(path: Path) -> None:
    """Raise `BadInput` when the name of a file, or of a folder around it, is made of bytes that are no text."""
    readable = str(path).encode("utf-8", "replace").decode()
    if readable != str(path):
        raise BadInput(
            f"The name “{readable}” is not written in UTF-8, so that no other program can be told of it.",
            hint="Give the file, or the folder that it lies in, another name.",
            code="name-no-text",
            path=path,
        )


def with_left_labels(entry: ImageEntry, files: AnnotationFiles) -> ImageEntry:
    """Return the entry of an image that comes back, with what its label files hold; as it is without any."""
    if not files.any_exists():
        return entry
    try:
        planes = files.read(entry.shape)
    except BadInput:
        return entry  # told when the image is opened
    return replace(entry, objects=len(planes.objects), marked=not planes.regions.blank)


class Intake:
    """Makes entries of image files, each with an id and a label name of its own.

    Parameters
    ----------
    folder
        Of the project.
    entries
        Images that the project has already.
    left
        Images that were taken out and left their labels: name of the label files → id. An image that comes back gets
        its labels again, and no other one does.
    sum_of
        Returns the sum of the whole file of an image, ``None`` when it cannot tell.
    readings
        What the axes of images mean that lie in the same folder and are alike.

    Attributes
    ----------
    added
        The new entries.
    sums
        What tells apart images whose ends are the same, by their ids; of images that were there before, too.
    """

    def __init__(
        self,
        folder: Path,
        entries: Iterable[ImageEntry],
        left: Mapping[str, str] | None = None,
        sum_of: Callable[[ImageEntry, Path], Known | None] = sum_now,
        readings: Iterable[Reading] = (),
    ) -> None:
        self._folder = folder
        self._readings = tuple(readings)
        self._sum_of = sum_of
        self._left = dict(left or {})
        self.added: list[ImageEntry] = []
        self.sums: dict[str, Known] = {}
        self._ids: set[str] = set()
        self._stems: set[str] = set()
        self._paths: dict[str, str] = {}
        self._prints: dict[str, list[ImageEntry]] = {}
        self._wholes: dict[Path, tuple[str, str]] = {}
        for entry in entries:
            self._remember(entry)

    def add(self, found: FoundImage) -> ImageEntry:
        """Read the head of an image file and make its entry.

        Raises
        ------
        BadInput
            It is no image that can be read, or the project has it already.
        """
        entry = self.look(found.path, found.split)
        own = image_place(self._folder, entry.path)
        forms = [(entry, own)]
        if whole := self._whole(own, entry.path):
            holder, mark, stored = whole
            forms.append((replace(entry, path=stored, fingerprint=mark), holder))
        for form, path in forms:
            if form.path in self._paths:
                raise BadInput(f"{entry.name} is in the project already.", code="image-twice", path=found.path)
            if alike := self._prints.get(form.fingerprint):
                self._tell_apart(form, path, alike)
        self._remember(entry)
        self.added.append(entry)
        return entry

    def add_all(self, paths: Iterable[Path], on_look: Callable[[int], None] = lambda count: None) -> list[str]:
        """Add all images among files and folders; return a sentence for each that could not be taken.

        Parameters
        ----------
        on_look
            Called with the number of files that were looked at, before the next one.
        """
        problems: list[str] = []
        looked = 0
        for path in paths:
            try:
                found = list(find_images([path]))
            except BadInput as error:
                problems.append(str(error))
                continue
            if not found:
                problems.append(f"There is no image in “{path.name}”.")
            for item in found:
                on_look(looked)
                looked += 1
                try:
                    self.add(item)
                except BadInput as error:
                    problems.append(str(error))
        return problems

    def look(self, path: Path, split: SplitChoice = "auto", read_as: str = "") -> ImageEntry:
        """Return the entry that an image file would have, with axes that mean what `read_as` says.

        Raises
        ------
        BadInput
            It cannot be read, or not so.
        """
        with open_image(path) as source:
            info = source.info
            if len(source.parts) > 1 and not container_of(path)[1]:
                path = part_path(path, source.part)  # so that it stays the same one
        stored = stored_path(self._folder, path)
        known = self._reading(stored, info)
        size = info.pixel_size.mean if info.pixel_size is not None else known.pixel_size_um if known else None
        read_as = read_as or (known.read_as if known else "")
        info = info_as(info, read_as) if read_as else info
        mark = fingerprint(path)
        image_id = self._left_id(path, stored) or self._free_id(path.name, mark)
        return ImageEntry(
            id=image_id,
            path=stored,
            name=shown_name(path),
            stem=self._stem(own_stem(path), image_id),
            height=info.height,
            width=info.width,
            channels=info.channels,
            dtype=info.dtype,
            pixel_size_um=size,
            axes=info.stack[0],
            sizes=info.stack[1],
            read_as=read_as,
            fingerprint=mark,
            split=split,
        )

    def _reading(self, stored: str, info: ImageInfo) -> Reading | None:
        """Return what the user has said of an image of the same folder that is alike."""
        own = folder_of(stored), shape_words(info)
        return next((item for item in self._readings if (item.folder, item.shape) == own), None)

    def _whole(self, path: Path, stored: str) -> tuple[Path, str, str] | None:
        """Return the file, its fingerprint and stored path where earlier versions meant this part of it by the file.

        It is opened only where the project has something that may be this file: those versions knew no parts.
        """
        holder, part = outermost(path)
        if not part:
            return None
        stored = stored.removesuffix(f"/{part}")
        if holder not in self._wholes:
            mark = fingerprint(holder)
            known = stored in self._paths or mark in self._prints or _id_of(holder.name, mark) in self._left.values()
            with open_image(holder) if known else nullcontext() as source:
                self._wholes[holder] = mark, source.part if source is not None else ""
        mark, meant = self._wholes[holder]
        return (holder, mark, stored) if part == meant else None

    def _left_id(self, path: Path, stored: str) -> str:
        """Return the id of the labels that an earlier version left when the image was taken out; empty without any."""
        whole = self._whole(path, stored)
        image_id = _id_of(whole[0].name, whole[1]) if whole else ""
        return image_id if image_id in self._left.values() and image_id not in self._ids else ""

    def _tell_apart(self, entry: ImageEntry, path: Path, alike: Iterable[ImageEntry]) -> None:
        """Learn the sums of images with the same ends; raise `BadInput` when one of them is the new one."""
        own = self._sum_of(entry, path)
        for other in alike:
            known = self.sums.get(other.id) or self._sum_of(other, image_place(self._folder, other.path))
            if known is None:
                continue
            self.sums[other.id] = known
            if own is not None and own.digest == known.digest:
                raise BadInput(
                    f"{entry.name} is the same image as {other.name}, which is in the project already.",
                    code="image-twice",
                    path=path,
                )
        if own is not None:
            self.sums[entry.id] = own

    def _stem(self, name: str, image_id: str) -> str:
        own = [stem for stem, owner in self._left.items() if owner == image_id and stem_key(stem) not in self._stems]
        return own[0] if own else label_stem(name, self._stems | {stem_key(stem) for stem in self._left})

    def _remember(self, entry: ImageEntry) -> None:
        self._ids.add(entry.id)
        self._stems.add(stem_key(entry.stem))
        self._paths[entry.path] = entry.id
        self._prints.setdefault(entry.fingerprint, []).append(entry)

    def _free_id(self, name: str, mark: str) -> str:
        """Return an id made of name and content: the same images give the same splits in every project."""
        candidates = (_id_of(name, mark, number) for number in count())
        return next(candidate for candidate in candidates if candidate not in self._ids)


def _id_of(name: str, mark: str, number: int = 0) -> str:
    return blake2b(f"{name}|{mark}|{number}".encode("utf-8", "surrogatepass"), digest_size=6).hexdigest()

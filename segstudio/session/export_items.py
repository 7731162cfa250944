"""Turns the images of a project into what exporters take, and exports them."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from segstudio.core.axes import PixelSize, place_words
from segstudio.core.errors import BadInput
from segstudio.export.base import Exported, ExportItem, export
from segstudio.io.read_as import open_as
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.project.layout import keep_out
from segstudio.project.linked_folders import ELSEWHERE
from segstudio.project.manifest import ImageEntry
from segstudio.project.project import Project
from segstudio.project.recovery import recover


def export_labels(
    items: Iterable[ExportItem],
    name: str,
    out: Path,
    settings: Mapping[str, Any] | None = None,
    *,
    replace: bool = False,
) -> Exported:
    """Export images of projects, never into a project's own files; may run on any thread.

    Parameters
    ----------
    items
        From `export_items`.
    name, out, settings, replace
        As `segstudio.export.base.export` takes them.

    Raises
    ------
    UserError
        Nothing was written then.
    """
    keep_out(out)
    return export(name, items, out, settings, replace=replace)


def export_items(
    project: Project,
    image_ids: Iterable[str] | None = None,
    *,
    unsaved: bool = False,
    left_out: dict[str, BadInput] | None = None,
) -> Iterator[ExportItem]:
    """Yield images of a project one after the other; may run on any thread.

    Parameters
    ----------
    project
        Documents that are open must have been checkpointed.
    image_ids
        ``None`` takes all that are labelled or reviewed.
    unsaved
        Look for actions in the journal, too: for a project that no window has open.
    left_out
        Gets the images whose labels cannot be read, or that are no longer those that were labelled, by name, and why;
        without it the first of them ends all.

    Raises
    ------
    UserError
        As for `left_out`; with it, when no image is left.
    """
    entries = project.images
    if image_ids is None:
        chosen = [entry for entry in entries if entry.labelled or entry.reviewed]
    else:
        wanted = set(image_ids)
        chosen = [entry for entry in entries if entry.id in wanted]
    splits = project.splits(entries)
    taken = 0
    for entry in chosen:
        try:
            items = _items(project, entry, splits[entry.id], unsaved)
        except BadInput as error:
            if left_out is None:
                raise
            left_out[entry.name] = error
        else:
            taken += 1
            yield from items
    if left_out and not taken:
        raise next(iter(left_out.values()))


def left_out_sentence(left_out: Mapping[str, BadInput]) -> str:
    """Return what is said of images that were left out, when all others were exported; empty for none."""
    if not left_out:
        return ""
    if len(left_out) == 1:
        name, error = next(iter(left_out.items()))
        return f"{name} was left out: {error.message}"
    names = ", ".join(left_out)
    return f"{len(left_out)} images were left out, which were changed or whose labels cannot be read: {names}."


def with_labels(project: Project, entries: Iterable[ImageEntry]) -> list[str]:
    """Return the ids of those images that have a label file."""
    return [entry.id for entry in entries if project.label_path(entry.id).is_file()]


def find_images(project: Project, words: Iterable[str]) -> list[str]:
    """Return the ids of the images that are called so: file name, name without ending, or id.

    Raises
    ------
    BadInput
        Some word names no image.
    """
    found: list[str] = []
    for word in words:
        ids = [
            entry.id for entry in project.images if word in (entry.name, entry.stem, Path(entry.name).stem, entry.id)
        ]
        if not ids:
            raise BadInput(
                f"The project {project.name} has no image called {word!r}.",
                hint=f"It has {', '.join(entry.name for entry in project.images[:10]) or 'none'}.",
                code="unknown-image",
            )
        found += [image_id for image_id in ids if image_id not in found]
    return found


def _items(project: Project, entry: ImageEntry, split: str, unsaved: bool) -> list[ExportItem]:
    """Return an item for the image; of a stack one for each plane on which something is drawn."""
    path = project.image_path(entry.id)
    _refuse_changed(project, entry)
    planes = _annotation(project, entry, unsaved)
    names: tuple[str, ...] = ()
    with suppress(BadInput), open_as(path, entry.read_as) as source:
        info = source.info
        names = ("red", "green", "blue") if info.kind == "rgb" else info.channel_names

    size = entry.pixel_size_um

    def item(plane: int) -> ExportItem:
        page = planes.page(plane)

        def pixels() -> NDArray[Any]:
            with open_as(path, entry.read_as) as source:
                return source.read(plane=plane)

        return ExportItem(
            name=entry.stem + place_words(entry.axes, entry.sizes, plane),
            image_path=path,
            labels=page.labels.to_array,
            objects=dict(page.objects) if entry.planes == 1 else _objects_of(page),
            classes=project.classes,
            pixel_size=PixelSize(size, size) if size else None,
            image=pixels,
            channel_names=names,
            sources=project.files(entry.id).published,
            split=split,
        )

    return [item(plane) for plane in range(entry.planes) if entry.planes == 1 or not planes.page(plane).labels.blank]


def _objects_of(page: Planes) -> dict[int, ObjectInfo]:
    return {number: page.objects[number] for number in page.labels.values() if number in page.objects}


def _refuse_changed(project: Project, entry: ImageEntry) -> None:
    """Raise `BadInput` when labels would be laid on another image than the one they were drawn on, and measured there.

    Labels need no image, and one drive that is not connected must not keep those of all others back.
    """
    try:
        project.check_image(entry.id, however_large=True)
    except BadInput as error:
        if error.code == "image-changed":
            raise


def _annotation(project: Project, entry: ImageEntry, unsaved: bool) -> Planes:
    if not unsaved:
        planes = project.files(entry.id).read(entry.shape)
        project.check_there(f"The labels of {entry.name} cannot be read")
        return planes
    try:
        document = project.document(entry.id)
    except BadInput as error:
        if error.code not in ("image-missing", ELSEWHERE):
            raise
        planes = recover(project.files(entry.id), entry.id, entry.shape, read_only=True).planes
        project.check_there(f"The labels of {entry.name} cannot be read")
        return planes
    try:
        return document.stack.snapshot()
    finally:
        document.close()

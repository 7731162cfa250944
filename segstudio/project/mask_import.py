"""Label masks of other programs that lie beside the images become their annotation."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from segstudio.core.errors import UserError
from segstudio.io.disk import DISK, Disk
from segstudio.io.objects_file import read_objects
from segstudio.labels.edits import RegionFill
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.regions import COMPLETE
from segstudio.labels.transaction import Transaction
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.document import ImageDocument
from segstudio.project.first_labels import write_first
from segstudio.project.image_files import find_mask, find_mask_in
from segstudio.project.journal import JournalPlace
from segstudio.project.layout import Layout
from segstudio.project.manifest import ImageEntry
from segstudio.project.manifest_store import ManifestStore
from segstudio.project.open_documents import OpenDocuments


@dataclass(frozen=True, eq=False)
class TakeLabels:
    """The labels of another program, with their ids, for an image that has none; one action that can be undone.

    Parameters
    ----------
    labels
        int32 of the whole image, of all planes of a stack, 0 background.
    objects
        All that are in it.
    complete
        What is not labelled is background.
    """

    labels: LabelMap
    objects: Mapping[int, ObjectInfo]
    complete: bool
    name: ClassVar[str] = "Import mask"
    of_stack: ClassVar[bool] = True
    restore_point: ClassVar[str] = "Import mask"

    def apply(self, tx: Transaction) -> None:
        """Write the labels; an image of which anything is stated already stays as it is."""
        if not tx.planes.blank:
            return
        with tx.together():
            for key in self.labels.keys():  # noqa: SIM118 - a method of the map, no mapping
                window = self.labels.grid.window(key)
                tx.write("labels", window, self.labels.read(window))
        for object_id, info in self.objects.items():
            tx.set_object(object_id, info)
        if self.complete:
            RegionFill(None, COMPLETE).apply(tx)


class MaskImport:
    """Finds the masks of the images of a project, and takes them; labels that exist are never touched.

    Parameters
    ----------
    store
        Its entries tell what is labelled, and are told what the masks held.
    layout
        Where images and annotations lie.
    documents
        An image that is open keeps its annotation.
    open_image
        Opens an image by its id: where something was drawn and undone, the mask is one action more.
    """

    def __init__(
        self,
        store: ManifestStore,
        layout: Layout,
        documents: OpenDocuments,
        open_image: Callable[[str], ImageDocument],
        disk: Disk = DISK,
    ) -> None:
        self._store = store
        self._layout = layout
        self._documents = documents
        self._open_image = open_image
        self._disk = disk

    def found(self, folder: Path | None = None, among: Collection[str] | None = None) -> dict[str, Path]:
        """Return the masks of images without labels by the id of the image.

        Parameters
        ----------
        folder
            Where to look; ``None``: beside each image, ``images/a.png`` and ``masks/a.tif``.
        among
            Ids of the images that are meant; ``None`` for all.
        """
        found = {}
        for entry in self._store.manifest.images:
            if entry.labelled or (among is not None and entry.id not in among) or self._has_objects(entry):
                continue
            image = self._layout.image(entry)
            mask = find_mask(image) if folder is None else find_mask_in(folder, image)
            if mask is not None:
                found[entry.id] = mask
        return found

    def take_all(self, complete: bool, masks: Mapping[str, Path] | None = None) -> list[str]:
        """Take masks; return sentences about what was changed or could not be taken.

        Parameters
        ----------
        complete
            Every object is in the masks: what they leave out is background.
        masks
            Which, by the id of the image; all that are found beside the images when ``None``.
        """
        problems: list[str] = []
        for image_id, mask in (self.found() if masks is None else masks).items():
            try:
                changed = self._take(mask, image_id, complete)
                problems += [f"{mask.name}: {sentence}" for sentence in changed]
            except UserError as error:
                problems.append(str(error))
        return problems

    def _has_objects(self, entry: ImageEntry) -> bool:
        """Return whether its table holds some although the entry tells of none: it was taken out and came back."""
        table = self._layout.files(entry).objects
        try:
            return table.exists() and bool(read_objects(table)[0])
        except UserError:
            return True  # what cannot be read is not to be written over

    def _take(self, mask: Path, image_id: str, complete: bool) -> list[str]:
        found = self._free(mask, image_id)
        if found is None:
            return []
        entry, files = found
        if files.any_exists():
            return self._take_as_action(mask, entry, complete)  # without the lock: saving needs it on another thread
        taken, warnings = read_mask(mask, entry, complete)  # without it as well: that takes time, and a window may wait
        with self._documents.opening:
            if self._free(mask, image_id) is None:
                return []
            take_mask(mask, taken, entry, files, self._disk)
            self._store.change_image(entry, replace(entry, objects=len(taken.objects), marked=complete))
        self._store.save_soon()  # many masks take long: what a kill leaves is to be told of
        return warnings

    def _free(self, mask: Path, image_id: str) -> tuple[ImageEntry, AnnotationFiles] | None:
        """Return an image and its files; ``None`` when it was taken out, raise `UserError` when it is open."""
        with self._store.lock:
            if not any(entry.id == image_id for entry in self._store.manifest.images):
                return None
            entry = self._store.entry(image_id)
            if self._documents.holds(image_id):
                raise UserError(
                    f"{mask.name} was not imported: {entry.name} is open.",
                    hint="Import it again when another image is in front and this one is saved.",
                    code="image-open",
                )
            return entry, self._layout.files(entry)

    def _take_as_action(self, mask: Path, entry: ImageEntry, complete: bool) -> list[str]:
        document = self._open_image(entry.id)
        try:
            if not document.stack.blank:
                raise _labelled_already(mask, entry)
            edit, warnings = read_mask(mask, entry, complete)
            document.apply(edit)
        finally:
            done = document.close()
        if not done:
            raise UserError(
                f"The labels of {entry.name} could not be saved: {document.save_state.partition(': ')[2]}",
                hint="Open the image to save it again.",
                code="labels-not-saved",
                path=document.files.labels,
            )
        return warnings


def read_mask(mask: Path, entry: ImageEntry, complete: bool) -> tuple[TakeLabels, list[str]]:
    """Read a label image of another program.

    Parameters
    ----------
    complete
        Every object of the image is in the mask.

    Returns
    -------
    The edit that takes it, and sentences about what was changed on the way.

    Raises
    ------
    BadInput
        It cannot be read, or does not fit to the image.
    """
    # late: its libraries for components are slow to load
    from segstudio.io.labels_import import read_label_stack, read_labels

    if entry.planes > 1:
        labels, warnings = read_label_stack(mask, entry.shape)
    else:
        pixels, warnings = read_labels(mask, entry.shape)
        labels = LabelMap.from_array(pixels)
    info = ObjectInfo(source="import", state="accepted")
    return TakeLabels(labels, dict.fromkeys(sorted(labels.values()), info), complete), warnings


def take_mask(mask: Path, taken: TakeLabels, entry: ImageEntry, files: AnnotationFiles, disk: Disk = DISK) -> None:
    """Make what was read from `mask` the annotation of an image that has none.

    Raises
    ------
    UserError
        The image is labelled already, or the disk refuses.
    """
    if files.any_exists():
        raise _labelled_already(mask, entry)
    write_first(taken, JournalPlace(files.journal, entry.id, entry.shape), files, disk)


def _labelled_already(mask: Path, entry: ImageEntry) -> UserError:
    return UserError(
        f"{mask.name} was not imported: {entry.name} has labels already.",
        hint="They stay as they are.",
        code="labels-exist",
        path=mask,
    )

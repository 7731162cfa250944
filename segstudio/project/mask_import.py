"""Label masks of other programs that lie beside the images become their annotation."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.atomic import make_folders
from segstudio.io.disk import DISK, Disk
from segstudio.io.labels_file import write_label_tiff
from segstudio.io.objects_file import write_objects
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo
from segstudio.labels.regions import COMPLETE
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.image_files import find_mask
from segstudio.project.layout import Layout
from segstudio.project.manifest import ImageEntry
from segstudio.project.manifest_store import ManifestStore
from segstudio.project.open_documents import OpenDocuments


class MaskImport:
    """Finds the masks beside the images of a project, and takes them.

    Parameters
    ----------
    store
        Its entries tell what is labelled, and are told what the masks held.
    layout
        Where images and annotations lie.
    documents
        An image that is open keeps its annotation.
    """

    def __init__(self, store: ManifestStore, layout: Layout, documents: OpenDocuments, disk: Disk = DISK) -> None:
        self._store = store
        self._layout = layout
        self._documents = documents
        self._disk = disk

    def found(self) -> dict[str, Path]:
        """Return the masks of images without labels by the id of the image: ``images/a.png``, ``masks/a.tif``."""
        found = {}
        for entry in self._store.manifest.images:
            mask = None if entry.labelled else find_mask(self._layout.image(entry))
            if mask is not None:
                found[entry.id] = mask
        return found

    def take_all(self, complete: bool) -> list[str]:
        """Take all that are found; return sentences about what was changed or could not be taken.

        Parameters
        ----------
        complete
            Every object is in the masks: what they leave out is background.
        """
        problems: list[str] = []
        for image_id, mask in self.found().items():
            try:
                with self._store.lock:
                    changed = self._take(mask, self._store.entry(image_id), complete)
                problems += [f"{mask.name}: {sentence}" for sentence in changed]
            except UserError as error:
                problems.append(str(error))
        return problems

    def _take(self, mask: Path, entry: ImageEntry, complete: bool) -> list[str]:
        if self._documents.holds(entry.id):
            raise UserError(f"{mask.name} was not imported: {entry.name} is open.", code="image-open")
        files = self._layout.files(entry)
        warnings = take_mask(mask, entry, files, complete, self._disk)
        planes = files.read((entry.height, entry.width))
        self._store.change_image(entry, replace(entry, objects=len(planes.objects), marked=complete))
        return warnings


def take_mask(mask: Path, entry: ImageEntry, files: AnnotationFiles, complete: bool, disk: Disk = DISK) -> list[str]:
    """Make a label image of another program the annotation of an image that has none.

    Parameters
    ----------
    complete
        Every object of the image is in the mask: what is not labelled is background.

    Returns
    -------
    Sentences about what was changed on the way.

    Raises
    ------
    UserError
        The image is labelled already, the mask cannot be read or does not fit, or the disk refuses.
    """
    if any(path.exists() for path in (*files.published, files.journal)):
        raise UserError(
            f"{mask.name} was not imported: {entry.name} has labels already.",
            hint="They stay. To use the mask, make a new project of the images.",
            code="labels-exist",
            path=mask,
        )
    from segstudio.io.labels_import import read_labels  # late: its libraries for components are slow to load

    size = (entry.height, entry.width)
    labels, warnings = read_labels(mask, size)
    ids = np.unique(labels)
    objects = {int(value): ObjectInfo(source="import", state="accepted") for value in ids if value > 0}
    for folder in {files.labels.parent, files.regions.parent, files.objects.parent}:
        make_folders(folder, disk)
    try:
        if complete:
            write_label_tiff(files.regions, LabelMap.from_array(np.full(size, COMPLETE, np.uint8)), disk=disk)
        write_objects(files.objects, objects, max(objects, default=0) + 1, disk)
        write_label_tiff(files.labels, LabelMap.from_array(labels), disk=disk)
    except BaseException:
        # A part of it would be taken for labels: a complete image without objects is all background.
        for path in files.published:
            with suppress(OSError):
                disk.unlink(path)
        raise
    return warnings

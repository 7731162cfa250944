"""The labels of open images, whole, for the case that the folder of their project was deleted and does not come back.

The rescue store has what the disk refused, which begins where the files of the project end. Where those are deleted,
what was drawn before is in memory only: it is kept as label images, which another project takes as masks.
"""

from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from segstudio.io.atomic import make_folders
from segstudio.io.disk import DiskError
from segstudio.io.labels_file import write_label_tiff
from segstudio.labels.label_map import LabelMap
from segstudio.project.open_documents import OpenDocuments
from segstudio.project.rescue import RescueStore

#: Beside the folders of the images, whose names are ids.
_FOLDER: Final = "labels"


class Whole(NamedTuple):
    """The labels of one image as they were after the action `seq`."""

    image_id: str
    seq: int
    stem: str
    labels: LabelMap


class WholeLabels:
    """Keeps label images in the rescue store of one project.

    Attributes
    ----------
    folder
        Where they are; ``None`` as long as none are kept.
    """

    def __init__(self, store: RescueStore, documents: OpenDocuments) -> None:
        self.folder: Path | None = None
        self._store = store
        self._documents = documents
        self._kept: dict[str, int] = {}
        self._files: set[Path] = set()

    def take(self) -> list[Whole]:
        """Return what has changed since it was kept, on the editing thread; `keep` it on another one."""
        return [
            Whole(item.entry.id, item.seq, item.entry.stem, item.stack.labels.snapshot())
            for item in self._documents.working
            if self._kept.get(item.entry.id) != item.seq and (item.entry.id in self._kept or not item.stack.blank)
        ]

    def keep(self, taken: list[Whole]) -> None:
        """Write label images to the first place that takes them; raise `DiskError` when none does."""
        refusal: DiskError | None = None
        for root in self._store.roots:
            folder = self._store.folder(root) / _FOLDER
            try:
                make_folders(folder, self._store.disk)
                for item in taken:
                    path = folder / f"{item.stem}.tif"
                    write_label_tiff(path, item.labels, disk=self._store.disk)
                    self._files.add(path)
            except DiskError as error:
                refusal = refusal or error
            else:
                self.folder = folder
                self._kept.update((item.image_id, item.seq) for item in taken)
                return
        raise refusal or AssertionError("there is always a place")

    def clear(self) -> None:
        """Remove what is kept: the folder of the project is back."""
        files, self._files = self._files, set()
        self._kept.clear()
        self.folder = None
        for path in files:
            with suppress(OSError):
                self._store.disk.unlink(path)
        for folder in {path.parent for path in files}:
            with suppress(OSError):
                self._store.disk.remove_folder(folder)
                self._store.disk.remove_folder(folder.parent)

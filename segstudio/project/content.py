"""What a project holds, as project.json tells it: read, changed by verbs, and saved a moment later."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import cast, get_args

from psygnal import Signal, SignalInstance

from segstudio.core.classes import ClassTable
from segstudio.core.errors import UserError
from segstudio.jobs.spec import Split
from segstudio.project.manifest import ImageEntry, ImageState, SplitChoice
from segstudio.project.manifest_store import ManifestStore
from segstudio.project.reading_only import refuse_change
from segstudio.project.splits import FRACTION, resolve


class Content:
    """Name, images and classes of a project, with the verbs that change them.

    Parameters
    ----------
    store
        Holds the manifest and saves it.

    Notes
    -----
    Methods may be called on any thread. `images_changed` and `classes_changed` are emitted on the main thread
    only: whoever changes a project on another one tells the window itself.
    """

    images_changed = Signal()
    classes_changed = Signal()

    def __init__(self, store: ManifestStore) -> None:
        self._store = store

    @property
    def read_only(self) -> bool:
        """Whether nothing can be changed: it was opened so, or is closed."""
        return self._store.read_only

    @property
    def save_error(self) -> UserError | None:
        """Why ``project.json`` could not be saved the last time."""
        return self._store.saving.error

    def tell_with(self, tell: Callable[[str], None]) -> None:
        """Let `tell`, called on any thread, hear what other programs do to ``project.json`` meanwhile.

        And to images that nobody listens to, as while they are closed.
        """
        self._store.saving.on_notice = tell

    @property
    def name(self) -> str:
        """As the user calls it."""
        return self._store.manifest.name

    @property
    def images(self) -> list[ImageEntry]:
        """All images in their order; a new list each time."""
        return list(self._store.manifest.images)

    @property
    def classes(self) -> ClassTable:
        """The classes that objects can have."""
        return self._store.manifest.classes

    def entry(self, image_id: str) -> ImageEntry:
        """Return one image; ``KeyError`` when there is none of that id."""
        return self._store.entry(image_id)

    def state(self, image_id: str, objects: int | None = None, marked: bool | None = None) -> ImageState:
        """Return how far the work on an image is; `objects` and `marked` are newer than in the entry when given."""
        entry = self.entry(image_id)
        if objects is None and marked is None:
            return entry.state  # asked for every row of the list
        return replace(
            entry,
            objects=entry.objects if objects is None else objects,
            marked=entry.marked if marked is None else marked,
        ).state

    def labelled_count(self) -> tuple[int, int]:
        """Return how many images are labelled or reviewed, and how many there are."""
        images = self._store.manifest.images
        return sum(entry.labelled or entry.reviewed for entry in images), len(images)

    def set_split(self, image_id: str, split: str) -> ImageEntry:
        """Choose what an image is used for; ``"auto"`` leaves it to the program. Return the new entry."""
        if split not in get_args(SplitChoice):
            raise ValueError(f"There is no split {split!r}.")
        choice = cast("SplitChoice", split)
        return self._change_entry(image_id, lambda entry: replace(entry, split=choice))

    def splits(
        self, entries: Sequence[ImageEntry] | None = None, fraction: float = FRACTION, seed: int = 0
    ) -> Mapping[str, Split]:
        """Return what each image is used for; `entries` are newer than in the manifest when given.

        A labelled image keeps its side: see `segstudio.project.splits.resolve`.
        """
        found = self.images if entries is None else entries
        return resolve(found, self._store.kept_splits, fraction, seed)

    def set_reviewed(self, image_id: str, reviewed: bool = True) -> ImageEntry:
        """Call an image finished, or not; return the new entry."""
        return self._change_entry(image_id, lambda entry: replace(entry, reviewed=reviewed))

    def set_pixel_size(self, image_id: str, size_um: float | None) -> ImageEntry:
        """Say how large a pixel of an image is, micrometres; ``None`` for not known. Return the new entry."""
        if size_um is not None and not 0 < size_um < float("inf"):
            raise ValueError(f"A pixel cannot be {size_um} µm wide.")
        return self._change_entry(image_id, lambda entry: replace(entry, pixel_size_um=size_um))

    def set_predicted(self, image_id: str, run: str) -> None:
        """Note that `run` has predicted an image."""
        self._change_entry(image_id, lambda entry: replace(entry, predicted=run))

    def set_classes(self, classes: ClassTable) -> None:
        """Replace the classes."""
        self.check_writable()
        if not len(classes):
            raise ValueError("A project has at least one class.")
        self._store.change(classes=classes)
        self.save_soon()
        self._tell(self.classes_changed)

    @property
    def removing(self) -> tuple[int, int] | None:
        """Class whose removal was begun and not ended, and the one that its objects get; ``None`` for none."""
        return self._store.removing

    def begin_removing(self, class_id: int, to: int) -> None:
        """Write down that the objects of a class are about to get the class `to`.

        Raises
        ------
        DiskError
            Nothing has changed then.
        """
        self.check_writable()
        self._store.begin_removing(class_id, to)

    def end_removing(self, class_id: int) -> None:
        """Take a class out that no object has any more; ``ValueError`` for the last one."""
        self.check_writable()
        self._store.end_removing(class_id)
        self.save_soon()
        self._tell(self.classes_changed)

    def set_name(self, name: str) -> None:
        """Rename the project; its folder keeps its name."""
        self.check_writable()
        self._store.change(name=name)
        self.save_soon()

    def save(self) -> None:
        """Write ``project.json`` now, atomically.

        Raises
        ------
        DiskError
            The old one is as it was.
        """
        self._store.save()

    def try_save(self) -> bool:
        """Write ``project.json`` now; return whether that worked. What the disk refuses is kept and tried again."""
        return self._store.saving.try_save()

    def save_soon(self) -> None:
        """Write ``project.json`` a moment later on a thread; `save_error` tells what went wrong."""
        self._store.save_soon()

    def _change_entry(self, image_id: str, change: Callable[[ImageEntry], ImageEntry]) -> ImageEntry:
        self.check_writable()
        before = self.entry(image_id)
        entry = self._store.change_image(before, change(before))
        self.save_soon()
        self._tell_images()
        return entry

    def check_writable(self) -> None:
        """Raise `UserError` when it is open for reading only."""
        if self.read_only:
            raise refuse_change(self.name, of_newer=self._store.manifest.of_newer, path=self._store.folder)

    def _tell_images(self) -> None:
        self._tell(self.images_changed)

    def _tell(self, signal: SignalInstance) -> None:
        if threading.current_thread() is threading.main_thread():
            signal.emit()

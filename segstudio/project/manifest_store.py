"""The manifest of an open project: changed in memory at once, on the disk a moment later."""

import threading
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from segstudio.io.disk import Disk, DiskError
from segstudio.jobs.spec import Split
from segstudio.project.manifest import AUTOMATIC_SPLITS, LEFT_LABELS, ImageEntry, Manifest
from segstudio.project.manifest_saving import ManifestSaving
from segstudio.project.splits import resolve

#: Setting that remembers a class whose objects are on the way to another one.
_REMOVING: Final = "removing_class"


class ManifestStore:
    """Holds a manifest and saves it; may be used by any thread.

    Attributes
    ----------
    folder
        Of the project.
    manifest
        As it is now.
    lock
        Held by who decides something from the manifest and then changes it.
    """

    def __init__(self, folder: Path, manifest: Manifest, *, read_only: bool, disk: Disk) -> None:
        self.manifest = manifest
        self.lock = threading.RLock()
        self.folder = folder
        self._by_id: tuple[tuple[ImageEntry, ...], dict[str, ImageEntry]] = ((), {})
        self._saving = ManifestSaving(folder, lambda: self.manifest, self._take_over, disk)
        self._saving.closed = read_only

    @property
    def read_only(self) -> bool:
        """Nothing is saved, or no more."""
        return self._saving.closed

    def change(self, **fields: Any) -> None:  # noqa: ANN401 - the fields of Manifest
        """Replace some fields of the manifest."""
        with self.lock:
            self.manifest = replace(self.manifest, **fields)

    def entry(self, image_id: str) -> ImageEntry:
        """Return one image; ``KeyError`` when there is none of that id."""
        images = self.manifest.images
        known, found = self._by_id
        if known is not images:
            found = {entry.id: entry for entry in images}
            self._by_id = images, found
        return found[image_id]

    def add_images(self, entries: Iterable[ImageEntry]) -> None:
        """Put images at the end of the list."""
        with self.lock:
            self.change(images=(*self.manifest.images, *entries))

    def remove_images(self, image_ids: Iterable[str]) -> None:
        """Take images out of the list, and remember in `left` whose their label files are."""
        gone = set(image_ids)
        with self.lock:
            images = self.manifest.images
            left = self.left | {entry.stem: entry.id for entry in images if entry.id in gone}
            self.change(
                images=tuple(entry for entry in images if entry.id not in gone),
                settings=self.manifest.settings | {LEFT_LABELS: left},
            )

    @property
    def left(self) -> dict[str, str]:
        """Which label files belong to images that were taken out: name of the files → id of the image."""
        left = self.manifest.settings.get(LEFT_LABELS)
        return {str(stem): str(owner) for stem, owner in left.items()} if isinstance(left, dict) else {}

    @property
    def kept_splits(self) -> dict[str, Split]:
        """What the automatic choice has made of images: id → split. Also of images that were taken out."""
        kept = self.manifest.settings.get(AUTOMATIC_SPLITS)
        return (
            {str(key): value for key, value in kept.items() if value in ("train", "val")}
            if isinstance(kept, dict)
            else {}
        )

    def keep_splits(self) -> None:
        """Keep what the automatic choice makes of each labelled image, so that it never changes sides."""
        with self.lock:
            kept = self.kept_splits
            new = {e.id for e in self.manifest.images if e.labelled and e.split == "auto" and e.id not in kept}
            if new:
                found = resolve(self.manifest.images, kept)
                kept |= {image_id: found[image_id] for image_id in sorted(new)}
                self.change(settings=self.manifest.settings | {AUTOMATIC_SPLITS: kept})

    @property
    def removing(self) -> tuple[int, int] | None:
        """Class that is being removed, and the one that its objects get; ``None`` for none."""
        match self.manifest.settings.get(_REMOVING):
            case [int(class_id), int(to)] if {class_id, to} <= set(self.manifest.classes.ids) and class_id != to:
                return class_id, to
        return None

    def begin_removing(self, class_id: int, to: int) -> None:
        """Write down that the objects of a class get the class `to`; what is begun is finished, be it after a crash.

        Raises
        ------
        DiskError
            Nothing has changed then.
        """
        with self.lock:
            self.change(settings=self.manifest.settings | {_REMOVING: [class_id, to]})
        try:
            self._saving.save(keep=False)  # not while holding the lock: who saves takes it
        except DiskError:
            with self.lock:
                self.change(settings=self._settings_without(_REMOVING))
            raise

    def end_removing(self, class_id: int) -> None:
        """Take a class out whose objects have another one now."""
        with self.lock:
            classes = self.manifest.classes.remove(class_id)
            self.change(classes=classes, settings=self._settings_without(_REMOVING))

    def _settings_without(self, name: str) -> dict[str, Any]:
        return {key: value for key, value in self.manifest.settings.items() if key != name}

    def change_image(self, before: ImageEntry, after: ImageEntry) -> ImageEntry:
        """Make of an image what was made of `before`; return its new entry.

        Only fields that differ between the two are taken: a checkpoint on another thread may have changed others
        meanwhile. An image that was taken out stays out.
        """
        wanted = asdict(after)
        changes = {name: wanted[name] for name, value in asdict(before).items() if value != wanted[name]}
        with self.lock:
            images = tuple(replace(item, **changes) if item.id == after.id else item for item in self.manifest.images)
            self.change(images=images)
            self.keep_splits()
        return next((item for item in images if item.id == after.id), after)

    @property
    def saving(self) -> ManifestSaving:
        """What brings the manifest to the disk."""
        return self._saving

    def save(self) -> None:
        """Write ``project.json`` now, atomically; nothing when it is read only.

        Raises
        ------
        DiskError
            The old one is as it was.
        """
        self._saving.save()

    def save_soon(self) -> None:
        """Save a moment later on a thread; changes until then are written together."""
        self._saving.save_soon()

    def _take_over(self, saved: Manifest) -> None:
        self.change(revision=saved.revision, origin=saved.origin)

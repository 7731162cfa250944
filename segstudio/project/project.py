"""A project on the disk: its content, the files of its images, and the documents that are open."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from segstudio.io.disk import DISK, Disk
from segstudio.project.catching_up import CatchingUp, coming_back, hold_everything, maybe_behind, naming_image
from segstudio.project.document import ImageDocument
from segstudio.project.lock import Holder, ProjectLock
from segstudio.project.manifest import MANIFEST, ImageEntry, Manifest
from segstudio.project.manifest_file import load_manifest
from segstudio.project.manifest_store import ManifestStore
from segstudio.project.mask_import import MaskImport, TakeLabels, read_mask
from segstudio.project.opening import set_up, take_hold
from segstudio.project.project_files import ProjectFiles
from segstudio.project.project_place import PlacedDisk, ProjectPlace
from segstudio.project.reading_only import refuse_closed
from segstudio.project.rescue import ImageRescue, RescueStore
from segstudio.project.rescue_manifest import LIST_COMES_BACK, ManifestRescue
from segstudio.project.whole_labels import WholeLabels

__all__ = ["ImageEntry", "Project"]

#: So long a job waits for images to be recovered after a crash, seconds.
_CATCH_UP_S = 120.0


class Project(ProjectFiles):
    """An open project. Make it with `create` or `open`; `close` it.

    Attributes
    ----------
    warnings
        Sentences about what was found on opening.
    coming_back
        Those of them about what goes from the rescue store into the project now, until `all_back`.
    whole_labels
        Of open images, for when its folder was deleted.
    """

    def __init__(
        self,
        folder: Path,
        manifest: Manifest,
        lock: ProjectLock | None,
        *,
        warnings: Iterable[str] = (),
        disk: Disk = DISK,
        rescue: Path | None = None,
    ) -> None:
        lies = ProjectPlace(folder, lock, lambda: self._store.manifest.origin)
        disk = PlacedDisk(disk, lies)
        super().__init__(ManifestStore(folder, manifest, read_only=lock is None, disk=disk), lies)
        self.rescue = RescueStore(folder, manifest.name, rescue)
        self.whole_labels = WholeLabels(self.rescue, self._documents)
        self._store.saving.rescue = ManifestRescue(self.rescue)
        kept = self.rescue.images(entry.id for entry in manifest.images)
        place = self.rescue.kept_for() if kept else ""
        own = coming_back(kept, manifest.images, place, read_only=lock is None)
        self.warnings = [*warnings, *own]
        self.coming_back = [item for item in self.warnings if item in (LIST_COMES_BACK, *own) and lock is not None]
        self._lock = lock
        self._closed = False
        self._disk = disk
        self._masks = MaskImport(self._store, self._layout, self._documents, self.document, disk)
        behind = maybe_behind(manifest.images, self._layout) if lock is not None and lock.interrupted else []
        self._catching_up = CatchingUp(dict.fromkeys([*kept, *behind]) if lock is not None else ())
        if lock is not None:
            self._store.keep_splits()

    @classmethod
    def create(
        cls,
        folder: Path,
        images: Path | Iterable[Path] = (),
        name: str = "",
        *,
        disk: Disk = DISK,
        rescue: Path | None = None,
    ) -> tuple["Project", list[str]]:
        """Make a project and open it.

        Parameters
        ----------
        folder
            Where to; may exist, may hold the images, must not hold a project.
        images
            Image files and folders of them; they stay where they are.
        name
            The name of the folder when empty.
        rescue
            Where to keep what the disk refuses; among the user's own data when ``None``.

        Returns
        -------
        The project, and a sentence for each file that could not be taken.

        Raises
        ------
        UserError
            There is a project already, no image can be used, or the disk refuses. Nothing is left behind then.
        """
        folder = folder.absolute()
        paths = [images] if isinstance(images, Path) else list(images)
        manifest, lock, problems = set_up(folder, paths, name, disk)
        return cls(folder, manifest, lock, disk=disk, rescue=rescue), problems

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        read_only: bool = False,
        disk: Disk = DISK,
        rescue: Path | None = None,
        take_from: Holder | None = None,
    ) -> "Project":
        """Open a project.

        Parameters
        ----------
        folder
            The project's folder, or its ``project.json``.
        read_only
            Look only: works beside another program, and where nothing may be written.
        rescue
            Where to keep what the disk refuses; among the user's own data when ``None``.
        take_from
            Who has not closed it on another computer, of which the user says that it is off.

        Raises
        ------
        UserError
            It is no project, damaged, of a newer program, open elsewhere (code ``project-locked``), not closed on
            another computer (code `segstudio.project.lock.LEFT_OPEN`), or cannot be written (codes of `DiskError`).
        """
        folder = (folder.parent if folder.name == MANIFEST else folder).absolute()
        manifest, warnings = load_manifest(folder, newer=read_only)
        if read_only:
            return cls(folder, manifest, None, warnings=warnings, disk=disk, rescue=rescue)
        manifest, lock, warnings = take_hold(folder, disk, take_from)
        lists = ManifestRescue(RescueStore(folder, manifest.name, rescue))
        kept, words = lists.bring_back(folder, manifest, disk)
        project = cls(folder, kept, lock, warnings=[*warnings, *words], disk=disk, rescue=rescue)
        project._store.saving.rescue = ManifestRescue(project.rescue, lists.held)
        if words or lists.held:
            project.save_soon()
        return project

    def close(self) -> bool:
        """Close open documents, save, give the lock back; return whether everything is on the disk.

        The lock of a project whose disk hangs is given back when that has answered.
        """
        self._closed = True
        done = self._documents.close()
        self._images.sums.close()
        lock, self._lock = self._lock, None
        if lock is None:
            return done
        whole = done and self._catching_up.done

        def release(saved: bool) -> None:
            # Not before the last thread has ended: on a disk that hangs it may replace what the next owner has written.
            self._documents.join()
            lock.release(clean=saved and whole)

        return self._store.saving.finish(release) and done

    def __enter__(self) -> "Project":
        return self

    def __exit__(self, *args: object) -> None:
        self.close()

    def publish(self) -> Callable[[], None]:
        """Ask for the label files of all open images now; return a function that waits for them on another thread.

        It also waits for the images that have to `catch_up`.

        Returns
        -------
        Raises a `UserError` that names the image that the disk refused.
        """
        published = self._documents.publish()

        def wait() -> None:
            published()
            self._catching_up.wait(_CATCH_UP_S)

        return wait

    @property
    def behind(self) -> tuple[str, ...]:
        """Images of which journals, label files and entries may not agree, since the program before was killed."""
        return self._catching_up.left

    def all_back(self) -> bool:
        """Whether the rescue store has nothing of this project any more; reads the disk of this computer."""
        return not self._store.saving.keeps and not self.rescue.images(entry.id for entry in self.images)

    def catch_up(self, image_id: str, tell: Callable[[str], object] = lambda sentence: None) -> None:
        """Bring files and entry of an image that is `behind` up to date; raise `UserError` when the disk refuses.

        `tell` hears what was found in it, unless it is open.
        """
        is_open = self.is_open(image_id)
        self._catching_up.catch_up(
            image_id,
            name=lambda: self.entry(image_id).name,
            is_open=is_open,
            open_image=lambda: self.document(image_id),
            holds_everything=lambda: hold_everything(
                self.files(image_id),
                self.entry(image_id),
                self._image_rescue(image_id),
                lambda objects, marked: self._on_published(image_id, objects, marked),
                self._disk,
            ),
            tell=tell,
        )

    def document(self, image_id: str) -> ImageDocument:
        """Open an image with its annotation; the same document while it is open. May be called on any thread.

        Raises
        ------
        UserError
            The image is missing, was exchanged (code ``image-changed``), its files cannot be read, or the project is
            closed (code ``project-closed``).
        """
        return self._documents.get(image_id, lambda: self._open_image(image_id))

    def is_open(self, image_id: str) -> bool:
        """Return whether there is a document of an image that is not closed."""
        return self._documents.holds(image_id)

    def _open_image(self, image_id: str) -> ImageDocument:
        if self._closed:  # without the lock, two programs would write
            raise refuse_closed(self.name, self.folder)
        entry = self.entry(image_id)
        self.check_there(f"{entry.name} cannot be opened")
        self.check_image(image_id)
        document = ImageDocument.open(
            entry,
            self.image_path(image_id),
            self.files(image_id),
            read_only=self.read_only,
            of_newer=self._store.manifest.of_newer,
            on_published=lambda objects, marked: self._on_published(image_id, objects, marked),
            disk=self._disk,
            rescue=self._image_rescue(image_id),
        )
        document.drawn.connect(lambda objects, marked: self._note_counts(image_id, objects, marked))
        document.tell_with(lambda sentence: self._store.saving.on_notice(naming_image(sentence, entry)))
        self._images.sums.look_later(document.entry, self.image_path(image_id))
        return document

    def read_axes(self, image_id: str, letters: str, pixel_size_um: float | None) -> None:
        """Read the axes of an image so from now on; see `AxisReadings.read_as`. Nobody opens it meanwhile."""
        with self._documents.opening:
            self.axes.read_as(image_id, letters, pixel_size_um)

    def _worked_on(self, image_id: str) -> bool:
        return super()._worked_on(image_id) or self.is_open(image_id) or bool(self.rescue.images([image_id]))

    def _image_rescue(self, image_id: str) -> ImageRescue:
        entry = self.entry(image_id)
        return self.rescue.image(image_id, entry.shape)

    def add_images(
        self,
        paths: Iterable[Path],
        on_look: Callable[[int], None] = lambda count: None,
        on_added: Callable[[], None] = lambda: None,
    ) -> list[str]:
        """Add image files and folders of them; return a sentence for each file that could not be taken.

        Parameters
        ----------
        on_look
            Called with the number of files that were looked at, before the next one.
        on_added
            Called when some are in the list and saved, and others are still to come.
        """

        def added() -> None:
            self.save()  # who labels one of them now finds it again
            self._tell_images()
            on_added()

        self.check_writable()
        problems = self._images.add(paths, on_look, added)
        self.save()
        self._tell_images()
        return problems

    def remove_images(self, image_ids: Iterable[str]) -> None:
        """Take images out of the list; their files, labels and journals stay on the disk for when they come back."""
        self.check_writable()
        self._store.remove_images(image_ids)
        self.save_soon()
        self._tell_images()

    def masks(self, folder: Path | None = None, among: Collection[str] | None = None) -> dict[str, Path]:
        """Return the label masks of images without labels by the id of the image, of all images or `among` some.

        Looked for in `folder`, or beside each image: ``images/a.png``, ``masks/a.tif``.
        """
        return self._masks.found(folder, among)

    def read_mask(self, image_id: str, mask: Path, complete: bool = True) -> tuple[TakeLabels, list[str]]:
        """Read the mask of an image that is open: the edit that takes it, and what was changed on the way.

        Raises
        ------
        BadInput
            It cannot be read, or does not fit to the image.
        """
        return read_mask(mask, self.entry(image_id), complete)

    def import_masks(self, complete: bool = True, masks: Mapping[str, Path] | None = None) -> list[str]:
        """Take masks for labels; return sentences about what was changed or could not be imported.

        Parameters
        ----------
        complete
            Every object is in the masks: what they leave out is background.
        masks
            Which, by the id of the image; all that lie beside the images when ``None``.
        """
        self.check_writable()
        problems = self._masks.take_all(complete, masks)
        self.save()
        self._tell_images()
        return problems

    def _on_published(self, image_id: str, objects: int, marked: bool) -> None:
        self._note_counts(image_id, objects, marked)
        if self._lock is not None and (says := self._lock.take_again()):
            self._store.saving.on_notice(says)

    def _note_counts(self, image_id: str, objects: int, marked: bool) -> None:
        with self._store.lock:
            entry = next((entry for entry in self._store.manifest.images if entry.id == image_id), None)
            if self.read_only or entry is None or (entry.objects, entry.marked) == (objects, marked):
                return
            self._change_entry(image_id, lambda entry: replace(entry, objects=objects, marked=marked))

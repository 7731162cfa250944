"""The image files of a project: where they are, whether they are still the same, which come in and which go out."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from segstudio.core.errors import BadInput
from segstudio.io.disk import Disk
from segstudio.io.image_place import image_exists, shown_part, with_part
from segstudio.project.axis_readings import readings_in
from segstudio.project.image_sums import ImageSums
from segstudio.project.intake import Intake, with_left_labels
from segstudio.project.layout import Layout
from segstudio.project.linked_folders import refuse_unlinked
from segstudio.project.locating import another_image, check_content, find_again, moved_to, with_content_of
from segstudio.project.manifest import ImageEntry
from segstudio.project.manifest_store import ManifestStore

#: So many images are shown as soon as they are looked at, and so many times more each time after that.
_FIRST_PORTION, _GROWTH = 100, 5


class ProjectImages:
    """Looks after the files of a project's images; may be used by any thread.

    Parameters
    ----------
    store
        Its entries tell of the images.
    layout
        Where the files are.
    change
        Changes the entry of an image, and tells of it.
    disk
        For the sums of the images, which are made anew when they are lost.

    Attributes
    ----------
    sums
        Of the bytes of the whole files.
    """

    def __init__(
        self,
        store: ManifestStore,
        layout: Layout,
        change: Callable[[str, Callable[[ImageEntry], ImageEntry]], ImageEntry],
        disk: Disk,
    ) -> None:
        self._store = store
        self._layout = layout
        self._change = change
        self._adding = threading.Lock()
        self.sums = ImageSums(layout.internal, read_only=store.read_only, disk=disk)
        self.sums.on_changed = lambda error: store.saving.on_notice(f"{error}")

    def path(self, image_id: str) -> Path:
        """Return where an image file is."""
        return self._layout.image(self._store.entry(image_id))

    def check(self, image_id: str, *, however_large: bool = False) -> None:
        """Raise `BadInput` when an image file is missing or no longer the one that was labelled; see `ImageSums`."""
        entry, path = self._store.entry(image_id), self.path(image_id)
        try:
            check_content(entry, path)
        except BadInput as error:
            if error.code == "image-missing":
                refuse_unlinked(self._layout.folder, entry)
            raise
        self.sums.check(entry, path, however_large=however_large)

    def accept_changed(self, image_id: str) -> None:
        """Go on with the content that an image file has now.

        Raises
        ------
        BadInput
            It cannot be read, or has another size than the labels.
        """
        path = self.path(image_id)
        self._change(image_id, lambda entry: with_content_of(entry, self._layout.folder, path))
        self.sums.forget(image_id)

    def relocate(self, image_id: str, path: Path) -> None:
        """Say where a moved image file is now.

        Raises
        ------
        BadInput
            It is another file.
        """
        entry = self._store.entry(image_id)
        path = with_part(path, shown_part(entry.path, entry.name))
        if self.sums.differs(entry, path):
            raise another_image(entry, path)
        self._change(image_id, lambda entry: moved_to(entry, self._layout.folder, path))

    def find_moved(self, folder: Path) -> int:
        """Look in `folder` for images that are missing, by their content; return how many were found."""
        missing = [entry for entry in self._store.manifest.images if not image_exists(self._layout.image(entry))]
        found = list(find_again(missing, folder, self.sums.differs))
        for entry, path in found:
            self.relocate(entry.id, path)
        return len(found)

    def add(
        self, paths: Iterable[Path], on_look: Callable[[int], None], on_added: Callable[[], None] = lambda: None
    ) -> list[str]:
        """Put image files and folders of them into the list; return a sentence for each that could not be taken.

        Parameters
        ----------
        on_look
            Called with the number of files that were looked at, before the next one.
        on_added
            Called when some are in the list and others are still to come: the first soon, then ever more at once.
        """
        portion = _FIRST_PORTION

        def looked(count: int) -> None:
            nonlocal portion
            if len(intake.added) >= portion:
                portion *= _GROWTH
                self._take(intake)
                on_added()
            on_look(count)

        with self._adding:  # many files, or one that hangs, take minutes: nobody else waits for them
            readings = readings_in(self._store.manifest.settings)
            intake = Intake(self._layout.folder, self._store.manifest.images, self._store.left, self.sums.now, readings)
            problems = intake.add_all(paths, looked)
            self._take(intake)
        return problems

    def _take(self, intake: Intake) -> None:
        """Put what was looked at since the last time into the list."""
        added, intake.added = intake.added, []
        blank = [entry.id for entry in added if not self._layout.files(entry).any_exists()]
        self.sums.take(intake.sums, blank)
        self._store.add_images([with_left_labels(entry, self._layout.files(entry)) for entry in added])

"""Where the files of a project lie, and whether those of its images are still the same."""

from pathlib import Path

from segstudio.io.disk import DISK
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.axis_readings import AxisReadings
from segstudio.project.layout import Layout
from segstudio.project.manifest_store import ManifestStore
from segstudio.project.project_images import ProjectImages
from segstudio.project.project_place import PlacedDisk, ProjectPlace
from segstudio.project.saved_project import SavedProject


class ProjectFiles(SavedProject):
    """The content of a project in a folder, and its files; may be asked on any thread.

    Attributes
    ----------
    folder
        Where it lies.
    axes
        Says what the axes of its images mean.
    """

    def __init__(self, store: ManifestStore, place: ProjectPlace) -> None:
        super().__init__(store)
        self.folder = place.folder
        self._place = place
        self._layout = Layout(place.folder)
        self._images = ProjectImages(store, self._layout, self._change_entry, PlacedDisk(DISK, place))
        self.axes = AxisReadings(store, self._images.path, self._change_entry, self._worked_on)

    def check_there(self, says: str) -> None:
        """Raise the `DiskError` that begins with `says`, as "a.tif cannot be opened", when the project's drive is gone.

        Asked after files were read of which one that is missing is blank. Not for the thread of the window.
        """
        self._place.check(says)

    @property
    def runs_folder(self) -> Path:
        """Folder of the trainings."""
        return self._layout.runs

    @property
    def predictions_folder(self) -> Path:
        """Folder of the predictions: ``<run>/<image id>.tif``."""
        return self._layout.predictions

    def image_path(self, image_id: str) -> Path:
        """Return where the image file is."""
        return self._images.path(image_id)

    def label_path(self, image_id: str) -> Path:
        """Return the label TIFF of an image, which need not exist."""
        return self.files(image_id).labels

    def files(self, image_id: str) -> AnnotationFiles:
        """Return all files of an image's annotation."""
        return self._layout.files(self.entry(image_id))

    def _worked_on(self, image_id: str) -> bool:
        return self.files(image_id).any_exists()

    def check_image(self, image_id: str, *, however_large: bool = False) -> None:
        """Raise `BadInput` when the image file is missing or no longer the one that was labelled; see `ImageSums`."""
        self._images.check(image_id, however_large=however_large)

    def seems_changed(self, image_id: str) -> bool:
        """Return whether a quick look at an image file tells that it is no longer the one that was labelled."""
        return self._images.sums.seems_changed(self.entry(image_id), self.image_path(image_id))

    def accept_changed_image(self, image_id: str) -> None:
        """Go on with the content that an image file has now; raise `BadInput` when it does not fit to the labels."""
        self._images.accept_changed(image_id)

    def relocate(self, image_id: str, path: Path) -> None:
        """Say where a moved image file is now; raise `BadInput` when it is another file."""
        self._images.relocate(image_id, path)

    def find_moved(self, folder: Path) -> int:
        """Look in `folder` for images that are missing, by their content; return how many were found."""
        return self._images.find_moved(folder)

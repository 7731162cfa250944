"""Where everything of a project lies in its folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from segstudio.core.errors import WrongUsage
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.linked_folders import image_place
from segstudio.project.manifest import MANIFEST, ImageEntry

#: Name of the folder of what is of no use to other programs.
INTERNAL: Final = ".segstudio"


def is_project(folder: Path) -> bool:
    """Return whether `folder` holds a project."""
    return (folder / MANIFEST).is_file()


def keep_out(path: Path) -> None:
    """Let nothing be written by hand of the user where a project keeps its own files.

    Raises
    ------
    WrongUsage
        `path` lies in the labels, regions, journals, trainings or predictions of any project.
    """
    full = path.resolve()
    for folder in full.parents:
        layout = Layout(folder)
        own = (layout.labels, layout.regions, layout.internal, layout.runs, layout.predictions)
        if is_project(folder) and any(full.is_relative_to(place) for place in own):
            raise WrongUsage(
                f"{path} lies where the project {folder.name} keeps its own files; nothing was written.",
                hint="Choose another folder.",
                code="in-project",
            )


@dataclass(frozen=True)
class Layout:
    """The paths of a project in `folder`; none of them need exist."""

    folder: Path

    @property
    def internal(self) -> Path:
        """Folder of journals, snapshots and the lock: of no use to other programs."""
        return self.folder / INTERNAL

    @property
    def lock(self) -> Path:
        """The lock file."""
        return self.internal / "lock"

    @property
    def sums(self) -> Path:
        """Folder of the checksums of the published files."""
        return self.internal / "sums"

    @property
    def labels(self) -> Path:
        """Folder of the label TIFFs and object tables."""
        return self.folder / "labels"

    @property
    def regions(self) -> Path:
        """Folder of the region TIFFs."""
        return self.folder / "regions"

    @property
    def runs(self) -> Path:
        """Folder of the trainings."""
        return self.folder / "runs"

    @property
    def predictions(self) -> Path:
        """Folder of the predictions: ``<run>/<image id>.tif``."""
        return self.folder / "predictions"

    def image(self, entry: ImageEntry) -> Path:
        """Return where the image file is read: nowhere that the project names and the user has never been."""
        return image_place(self.folder, entry.path)

    def files(self, entry: ImageEntry) -> AnnotationFiles:
        """Return all files of an image's annotation."""
        return AnnotationFiles(
            self.labels / f"{entry.stem}.tif",
            self.regions / f"{entry.stem}.tif",
            self.labels / f"{entry.stem}.json",
            self.internal / "journal" / entry.id,
            self.internal / "snapshots" / entry.id,
            self.sums / f"{entry.id}.json",
            entry.name,
        )

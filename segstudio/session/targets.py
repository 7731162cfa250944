"""Which images of the project have a target: an image that a network is to make of them."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal

from segstudio.jobs.spec import Split
from segstudio.project.image_files import targets_folder
from segstudio.project.samples import project_pairs
from segstudio.session.background import Background

if TYPE_CHECKING:
    from segstudio.project.project import Project

#: Seconds after a change of a folder in which another one may leave its time as it is: some disks count in twos.
_TOO_NEW = 3.0


class Targets:
    """Looks for targets in the background, and knows what was found last.

    Parameters
    ----------
    project
        Returns the open project, or ``None``.
    background
        Looks at the disk.
    """

    changed = Signal()
    """Other images have targets now, or are used for something else."""

    def __init__(self, project: "Callable[[], Project | None]", background: Background) -> None:
        self.splits: Mapping[str, Split] = {}
        """What each image with a target is used for when pairs of images are learned, by the id of the image."""
        self._project = project
        self._background = background
        self._looking = self._again = False
        self._seen: object = None

    def forget(self) -> None:
        """Know of none: another project is open."""
        self.splits = {}
        self._seen = None

    def look(self) -> None:
        """Look anew where images or folders have changed; what is asked for meanwhile is looked for once more."""
        project = self._project()
        if project is None:
            return
        if self._looking:
            self._again = True
            return
        self._looking, self._again = True, False
        before = self._seen

        def find() -> tuple[object, Mapping[str, Split]] | None:
            try:
                seen = _seen(project)
                return (seen, _found(project)) if seen is None or seen != before else None
            except BaseException:
                self._looking = False  # an error that nobody expected is told once; it does not end the looking
                raise

        def take(found: tuple[object, Mapping[str, Split]] | None) -> None:
            self._looking = False
            if self._again or project is not self._project():
                self.look()
            elif found is not None:
                self._seen, splits = found
                if splits != self.splits:
                    self.splits = splits
                    self.changed.emit()

        self._background.run(find, take, lambda _error: take((None, {})))


def _seen(project: "Project") -> object:
    """Return what the targets depend on, to be compared; ``None`` when a folder has just changed, and may again."""
    images = project.images
    places: dict[Path, Path] = {}
    for image in {Path(entry.path).parent: entry.id for entry in images}.values():
        try:
            path = project.image_path(image)
        except KeyError:
            return None  # taken out meanwhile
        places[path.parent] = targets_folder(path)
    changed = {place: place.stat().st_mtime if place.is_dir() else 0.0 for place in places.values()}
    if any(abs(time.time() - at) < _TOO_NEW for at in changed.values()):
        return None
    return changed, [(entry.id, entry.path, entry.split) for entry in images]


def _found(project: "Project") -> Mapping[str, Split]:
    try:
        return {pair.image_id: pair.split for pair in project_pairs(project)}
    except KeyError:
        return {}  # an image was taken out meanwhile, which asks for another look

"""Labelled images that a training cannot use as they are: which, why, and what is said of them before it starts."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.annotation_reader import DAMAGED_LABELS, AnnotationReader
from segstudio.project.checksums import Sums, Verdict
from segstudio.project.image_sums import changed_image
from segstudio.project.linked_folders import ELSEWHERE
from segstudio.project.manifest import ImageEntry
from segstudio.project.project import Project

#: So many images are named; the list shows the others.
_NAMED: Final = 3
_WHY: Final = {
    "image-missing": "its file is gone",
    "image-changed": "another image is in its file now",
    ELSEWHERE: "its folder is not allowed yet",
    DAMAGED_LABELS: "its labels are damaged",
    "newer-format": "its labels are of a newer SegStudio",
}


@dataclass(frozen=True)
class LeftOut:
    """One image that is left out.

    Attributes
    ----------
    name
        File name, as shown.
    error
        What is wrong, with what helps.
    """

    name: str
    error: BadInput

    @property
    def why(self) -> str:
        """What is wrong, in a few words."""
        return _WHY.get(self.error.code, "its labels cannot be read")

    @property
    def sentence(self) -> str:
        """All of it, for a terminal."""
        return f"{self.name} is left out: {self.error.message} {self.error.hint}".strip()


def left_out_words(left_out: Sequence[LeftOut]) -> str:
    """Return which images are left out, why and what to do, for the window; empty for none."""
    if not left_out:
        return ""
    names = ", ".join(f"{item.name} ({item.why})" for item in left_out[:_NAMED])
    more = len(left_out) - _NAMED
    others = f" and {more} other image{'s' if more > 1 else ''}" if more > 0 else ""
    return f"Left out: {names}{others}. Open {'it' if len(left_out) == 1 else 'each'} from the list to see what helps."


def what_is_wrong(project: Project, entry: ImageEntry) -> BadInput | None:
    """Return why an image cannot be used, as far as a quick look tells; ``None`` when it can.

    Label files are read only when they are not as this program has written them, and once as long as nobody touches
    them. Not for the thread of the window.
    """
    path = project.image_path(entry.id)
    if not path.exists():
        try:
            project.check_image(entry.id)
        except BadInput as error:
            return error
    if project.seems_changed(entry.id):
        return changed_image(entry, path)
    files = project.files(entry.id)
    looks = tuple(_look(part) for part in (*files.published, files.sums) if part is not None)
    return _damage(files, (entry.height, entry.width), looks)


def _look(path: Path) -> tuple[int, int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


@lru_cache(maxsize=4096)
def _damage(files: AnnotationFiles, shape: tuple[int, int], _as_they_look: object) -> BadInput | None:
    sums = Sums(files.sums)
    try:
        if all(sums.judge(path) in (Verdict.OURS, Verdict.OLDER) for path in files.published if path.exists()):
            return None
        AnnotationReader(files, shape).planes(journaled=False)
    except BadInput as error:
        return error if error.code in (DAMAGED_LABELS, "newer-format") else None
    except OSError:
        return None  # a drive that cannot be read now is told by who reads it
    return None

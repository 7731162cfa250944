"""What verifying a project finds: each time the file, what is wrong, what is lost and what not, and what to do."""

from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Literal

#: ``damage``: something is not as it was written. ``note``: worth to know, nothing is wrong with it.
Level = Literal["damage", "note"]


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes
    ----------
    file
        Below the project's folder, with ``/``; whole where it lies elsewhere.
    wrong
        What is wrong, a sentence.
    lost
        What is lost and what is not, a sentence.
    do
        What to do about it, a sentence.
    level
        Whether it is damage.
    image
        Name of the image concerned, if any.
    """

    file: str
    wrong: str
    lost: str
    do: str
    level: Level = "damage"
    image: str = ""

    @property
    def title(self) -> str:
        """The file, after the image that it belongs to where its path does not tell.

        Examples
        --------
        >>> Finding(".segstudio/journal/5c69e5/1.sj", "It is damaged.", "", "", image="a.png").title
        'a.png: .segstudio/journal/5c69e5/1.sj'
        >>> Finding("labels/a.tif", "It is damaged.", "", "", image="a.png").title
        'labels/a.tif'
        """
        stems = {PurePath(part).stem for part in PurePath(self.file).parts}
        told = not self.image or PurePath(self.image).stem in stems
        return self.file if told else f"{self.image}: {self.file}"


@dataclass(frozen=True)
class Report:
    """What verifying a project has found.

    Attributes
    ----------
    findings
        The damage first.
    images, files
        So many were looked at.
    complete
        Whether everything was; not so when it was stopped.
    """

    findings: tuple[Finding, ...]
    images: int
    files: int
    complete: bool = True

    @property
    def damage(self) -> tuple[Finding, ...]:
        """The findings that are damage."""
        return tuple(item for item in self.findings if item.level == "damage")

    @property
    def whole(self) -> bool:
        """Whether all was looked at and nothing is damaged."""
        return self.complete and not self.damage


def shown(folder: Path, path: Path) -> str:
    """Return how a file is called in a finding about the project in `folder`."""
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else str(path)

"""Why the disk of a project has not taken what was done last, in words for the user."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from segstudio.core.errors import UserError
from segstudio.io.disk import DiskError


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why something is not on the disk of the project.

    Attributes
    ----------
    reason, remedy
        What is wrong and what helps, without a full stop.
    kept_in
        Folder of the rescue store that has it; ``None`` when nothing has.
    otherwise
        What may be done instead, but does not bring it back by itself; without a full stop.
    """

    reason: str
    remedy: str = ""
    kept_in: Path | None = None
    otherwise: str = ""

    @property
    def help(self) -> str:
        """All that helps, as a sentence."""
        return f"{self.remedy}, or {self.otherwise}." if self.otherwise else f"{self.remedy}."

    def kept(self, folder: Path) -> "Refusal":
        """Return the same of something that a folder of the rescue store has."""
        return replace(self, kept_in=folder)

    def __str__(self) -> str:
        """Return all of it in sentences."""
        where = "" if self.kept_in is None else f"It is kept in {self.kept_in} and goes back by itself"
        otherwise = self.otherwise and f"Or {self.otherwise}"
        return " ".join(f"{part}." for part in (self.reason, self.remedy, where, otherwise) if part)


#: Of a project whose drive is there without it: it may come back only from a trash or a backup, or never.
REMOVED: Final = Refusal("The project's folder was deleted, moved or renamed", "Put it back where it was")
#: By the codes of `DiskError`; the folder is that of a project that is open, so no other one can be chosen.
_DISK: Final = {
    "disk-full": Refusal("The project's disk is full", "Make room there"),
    "no-permission": Refusal("The project's folder cannot be written to", "Allow writing there again"),
    "no-reading": Refusal("The project's folder cannot be read", "Allow reading it again"),
    "read-only": Refusal("The project's disk is read-only", "Make it writable again"),
    "folder-replaced": Refusal(
        "The project's folder holds another project, or another copy of this one",
        "Put back the one that was open",
        otherwise="close the project and open it again to work with the other one",
    ),
    "folder-removed": REMOVED,
    "folder-missing": Refusal("The project's folder is gone", "Connect its drive again"),
}
_SILENT: Final = Refusal("The project's disk does not answer", "Check the drive and its connection")


def refusal_of(error: UserError | None) -> Refusal:
    """Return the words for what a disk has raised; ``None`` for one that does not answer."""
    if error is None:
        return _SILENT
    if isinstance(error, DiskError) and error.reason:
        reason = f"{error.reason[:1].upper()}{error.reason[1:]}"
        return _DISK.get(error.code, Refusal(reason, "Check the disk and its connection"))
    return Refusal(error.message.rstrip("."), error.hint.rstrip("."))

"""Copies that sync programs leave beside a file that was changed on two computers at the same time."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

#: What they add to the name: Dropbox, Nextcloud, Box and Google Drive in brackets; Syncthing, ownCloud, iCloud,
#: Windows and macOS without. None of it in itself says that it is a copy: an image may be called so.
_ADDED: Final = re.compile(
    r"( ?\([^()]{1,120}\)|\.sync-conflict-.+|_conflict-.+| - .*[Cc]opy.*| copy( \d+)?| \d{1,2})$"
)
_OWN: Final = re.compile(r"\.(foreign|kept)-\d+$|\.v\d+$")
_SUFFIXES: Final = frozenset((".tif", ".tiff", ".json"))


def conflict_copies(folder: Path, stems: Collection[str]) -> list[Path]:
    """Return files of a project that look like copies by a sync program: labels, regions, object tables, manifest.

    Parameters
    ----------
    folder
        Of the project.
    stems
        Names of the label files of all its images, also of those that were taken out: none of these is a copy.
    """
    found = [path for name in ("labels", "regions") for path in _in(folder / name, stems)]
    return [*_in(folder, ("project",)), *found]


def told(copies: Collection[Path]) -> list[str]:
    """Return the sentence about such copies for the user; none without any."""
    if not copies:
        return []
    first, others = next(iter(copies)), len(copies) - 1
    if not others:
        return [
            f"“{first.name}” in {first.parent.name} looks like a copy that a sync program made when two computers had "
            "changed the same file. It is not used: compare it with your work, then move it away."
        ]
    return [
        f"“{first.name}” in {first.parent.name} and {others:,} more look like copies that a sync program made when two "
        "computers had changed the same file. They are not used: compare them with your work, then move them away."
    ]


def _in(folder: Path, stems: Collection[str]) -> list[Path]:
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return []
    return [folder / name for name in names if _is_copy(name, stems)]


def _is_copy(name: str, stems: Collection[str]) -> bool:
    path = Path(name)
    stem = path.stem.removesuffix(".json")
    if path.suffix.lower() not in _SUFFIXES or stem in stems or _OWN.search(stem):
        return False
    added = _ADDED.search(stem)
    return added is not None and stem[: added.start()] in stems

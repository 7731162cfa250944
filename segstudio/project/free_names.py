"""Names with the first number that is not taken: nothing that was kept before is written over."""

from collections.abc import Callable
from itertools import count
from pathlib import Path


def free_paths(numbered: Callable[[int], tuple[Path, ...]]) -> tuple[Path, ...]:
    """Return what `numbered` makes of the first number, from 1 on, for which none of the paths is there."""
    return next(paths for paths in map(numbered, count(1)) if not any(path.exists() for path in paths))


def free_path(folder: Path, before: str, after: str = "") -> Path:
    """Return the first of ``<before>1<after>``, ``<before>2<after>`` … that is not in a folder."""
    return free_paths(lambda number: (folder / f"{before}{number}{after}",))[0]

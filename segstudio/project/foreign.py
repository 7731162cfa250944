"""What other programs have done to the published files of an image while it was closed, by their sums."""

from collections.abc import Sequence, Set
from pathlib import Path
from typing import Final

from segstudio.labels.digest import tile_digest
from segstudio.labels.history import PLANES, Planes
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.checksums import Sums, Verdict
from segstudio.project.journal_records import JournalRecord
from segstudio.project.replay import Base, Replayed

_NAMES: Final = (*PLANES, "objects")


class SeenFiles:
    """The published files of an image as they are found; make it before they are read.

    Attributes
    ----------
    changed, missing
        Files that another program changed or damaged, or took away.
    """

    def __init__(self, files: AnnotationFiles) -> None:
        sums = self._sums = Sums(files.sums)
        verdicts = {path: _verdict(sums, path) for path in files.published}
        self.changed = {path for path, verdict in verdicts.items() if verdict in (Verdict.CHANGED, Verdict.DAMAGED)}
        self.missing = {path for path, verdict in verdicts.items() if verdict is Verdict.MISSING}
        self._paths = dict(zip(_NAMES, files.published, strict=True))
        self._trusted: dict[str, bool] = {}
        self.changed_planes = frozenset(name for name, path in self._paths.items() if path in self.changed)

    @property
    def saved(self) -> int:
        """Number of the last action in these files, as they were written last; 0 when that is not known."""
        return max(map(self._saved, self._paths))

    def ahead_of(self, last: int) -> Set[str]:
        """Return which of them hold actions after `last`, each byte as this program wrote it."""
        return frozenset(name for name in self._paths if self._saved(name) > last and self.trusts(name))

    def _saved(self, name: str) -> int:
        return max((item.seq for item in self._sums.of(self._paths[name])[:1]), default=0)

    def trusts(self, name: str) -> bool:
        """Return whether each byte of ``"labels"``, ``"regions"`` or ``"objects"`` is as this program wrote it last."""
        if name not in self._trusted:
            path = self._paths[name]
            self._trusted[name] = self._sums.holds_newest(path)
        return self._trusted[name]

    @property
    def trusted(self) -> set[Path]:
        """Those of which `trusts` was asked, and which are."""
        return {self._paths[name] for name, holds in self._trusted.items() if holds}

    def without(self, records: Sequence[JournalRecord]) -> Set[Path]:
        """Return changed files of which this program has no version of its own: nothing can be put in their place."""
        return frozenset() if records else self.changed

    def notices(self, journalled: bool) -> list[str]:
        """Return the sentences about files for which there is no version to put in their place, or that are gone."""
        gone = (
            f"{path.name} was taken away from {path.parent} by another program. "
            + ("It is written anew from the journal." if journalled else "Put it back, or choose an earlier state.")
            for path in sorted(self.missing)
        )
        other = (
            f"{path.name} was changed by another program since it was saved here. It is shown as it is now."
            for path in sorted(self.changed)
            if not journalled
        )
        return [*gone, *other]


def _verdict(sums: Sums, path: Path) -> Verdict:
    try:
        return sums.judge(path)
    except OSError:
        return Verdict.UNKNOWN  # told by who reads it


def restore_unjournalled(
    planes: Planes, records: Sequence[JournalRecord], base: Base, changed: Set[str], result: Replayed
) -> None:
    """Put back the tiles of `changed` files that no action has touched: they are as before the first record."""
    names = [plane for plane in PLANES if plane in changed]
    if not names or not records or result.lost:
        return
    origin = base()
    if origin is None:
        return
    touched = {(delta.plane, delta.key) for record in records for delta in record.edit.tiles}
    for name in names:
        plane, first = planes.plane(name), origin.plane(name)
        for key in {*plane.keys(), *first.keys()}:
            tile = first.tile(key)
            if (name, key) not in touched and plane.digest(key) != tile_digest(tile):
                plane.set_tile(key, tile)
                result.changed.add((name, key))
                result.foreign.add((name, key))

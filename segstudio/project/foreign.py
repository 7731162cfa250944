"""What other programs have done to the published files of an image while it was closed, by their sums."""

from collections.abc import Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import Final

from segstudio.io.disk import Disk
from segstudio.labels.digest import tile_digest
from segstudio.labels.history import PLANES, Planes
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.checksums import Sum, Sums, Verdict, sum_of_file
from segstudio.project.journal_records import JournalRecord
from segstudio.project.opening_words import OpeningWords
from segstudio.project.replay import Base, Replayed, reached

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
        self._newer: dict[Path, int] = {}
        self._may_be_newer = {path for path, verdict in verdicts.items() if verdict is Verdict.CHANGED}

    @property
    def changed_planes(self) -> Set[str]:
        """Names of those that another program changed or damaged."""
        return frozenset(name for name, path in self._paths.items() if path in self.changed)

    def believe(self, planes: Planes, records: Sequence[JournalRecord], base: Base) -> None:
        """Call files not changed that are as after a later action than the sums know: the sums are older ones.

        Parameters
        ----------
        planes
            As read from these files.
        """
        for name, path in self._paths.items():
            seq = reached(planes, records, name, base) if path in self._may_be_newer else None
            if seq is not None and seq > self._saved(name):
                self._newer[path] = seq
                self.changed.discard(path)

    def learn(self, disk: Disk) -> None:
        """Write down the sums of the files that are newer than theirs; may raise `DiskError`."""
        sums = Sums(self._sums.path, disk)
        for path, seq in self._newer.items():
            with suppress(OSError):  # taken away meanwhile
                stat = path.stat()
                sums.expect(path, Sum(sum_of_file(path), stat.st_size, stat.st_mtime_ns, seq))

    @property
    def saved(self) -> int:
        """Number of the last action in these files, as they were written last; 0 when that is not known."""
        return max(map(self._saved, self._paths))

    def held(self, records: Sequence[JournalRecord]) -> dict[str, int]:
        """Return the last action that each of them holds, where `records` lack one and cannot tell for certain.

        Only those of which each byte is as this program wrote it; and 0 for those that it never wrote.
        """
        last = records[-1].seq if records else 0
        unsure = [name for name in self._paths if len(records) < last or self._saved(name) > last]
        never = {name for name in unsure if not self._sums.of(self._paths[name]) and not self._paths[name].exists()}
        return {name: self._saved(name) for name in unsure if name in never or self.trusts(name)}

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

    def notices(self, words: OpeningWords, *, journalled: bool) -> list[str]:
        """Return the sentences about files for which there is no version to put in their place, or that are gone."""
        gone = (
            f"{path.name} was taken away from {path.parent} by another program. "
            + words.again(path, journalled=journalled)
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
    if not names or not records or records[0].seq != 1 or result.lost:
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

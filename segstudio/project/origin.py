"""The planes as they were before the first action of a journal: read, or worked out where their files are damaged."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import zstandard
from numpy.typing import NDArray

from segstudio.core.errors import BadInput
from segstudio.labels.digest import tile_digest
from segstudio.labels.history import PLANES, Planes, TileDelta, apply_delta
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.annotation_reader import AnnotationReader
from segstudio.project.journal import Journal
from segstudio.project.journal_records import JournalRecord, table_digest
from segstudio.project.replay_chains import chains, position_in, table_position


class Origin:
    """Gives the planes before the first action; reads them when they are asked for, and once.

    Parameters
    ----------
    disk
        The planes as read from the published files.
    journal
        Of the image.
    saved
        Number of the last action that these files hold; 0 when that is not known.

    Notes
    -----
    An action is undone by what does it. So a tile that is on the disk in a state to which the records lead is taken
    back to the first of them, and one that was blank is known by its digest. Any other stays as on the disk: who goes
    on from it finds that it does not fit. A tile that no record touches is as on the disk when no action is lost, and
    blank where there was no object.
    """

    def __init__(self, files: AnnotationFiles, disk: Planes, journal: Journal, saved: int) -> None:
        self._files = files
        self._disk = _copied(disk)
        self._records = records = journal.records
        whole = all(file.whole for file in journal.files) and saved <= journal.last
        self._nothing_lost = whole and all(two.seq == one.seq + 1 for one, two in pairwise(records))
        self._asked = False
        self._planes: Planes | None = None

    def __call__(self) -> Planes | None:
        """Return the planes, which the caller may change; ``None`` when nobody can tell."""
        if not self._asked:
            self._asked = True
            self._planes = self._read()
        return None if self._planes is None else _copied(self._planes)

    def _read(self) -> Planes | None:
        try:
            base = AnnotationReader(self._files.base, self._disk.shape)
        except BadInput:
            return None
        if not base.unreadable:
            return base.completed(None)
        found = self._worked_out()
        return None if found is None else base.completed(found)

    def _worked_out(self) -> Planes | None:
        disk, records = self._disk, self._records
        if not records or records[0].seq != 1:
            return None
        found, touched = _copied(disk), chains(records)
        was_empty = records[0].table_before == table_digest({})
        for name in PLANES:
            for key in [key for key in disk.plane(name).keys() if (name, key) not in touched]:  # noqa: SIM118 - no mapping
                if name == "labels" and was_empty:
                    found.plane(name).set_tile(key, None)
                elif not self._nothing_lost:
                    return None
        for (name, key), chain in touched.items():
            known, tile = _before(disk.plane(name), chain)
            if known:
                found.plane(name).set_tile(key, tile)
        found.objects = ObjectTable(_rows_before(dict(disk.objects), records), disk.objects.next_id())
        return found


def _copied(planes: Planes) -> Planes:
    table = ObjectTable(dict(planes.objects), planes.objects.next_id())
    return Planes(planes.labels.snapshot(), planes.regions.snapshot(), table)


def _before(plane: LabelMap, chain: list[TileDelta]) -> tuple[bool, NDArray[Any] | None]:
    """Return whether a tile is known as it was before the first delta, and that."""
    key = chain[0].key
    position = position_in(chain, plane.digest(key))
    if position is not None and all(one.after == two.before for one, two in pairwise(chain[:position])):
        tile = plane.tile(key)
        try:
            for delta in reversed(chain[:position]):
                tile = apply_delta(tile, delta, plane)
        except (ValueError, zstandard.ZstdError):
            tile = None
        if tile_digest(tile) == chain[0].before:
            return True, tile
    return chain[0].before == tile_digest(None), None


def _rows_before(objects: dict[int, ObjectInfo], records: Sequence[JournalRecord]) -> dict[int, ObjectInfo]:
    """Return the object table before the first record; as it is now when that is not known."""
    if records[0].table_before == table_digest({}):
        return {}
    position, rows = table_position(records, table_digest(objects)), dict(objects)
    for record in reversed(records[: position or 0]):
        for change in record.edit.objects:
            if change.before is None:
                rows.pop(change.id, None)
            else:
                rows[change.id] = change.before
    return rows if table_digest(rows) == records[0].table_before else objects

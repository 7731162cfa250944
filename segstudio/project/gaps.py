"""A journal that lacks an action: what comes behind it is done whole or not at all, never a part of it.

After a power cut the disk may hold the second of two actions and not the first; a bit may have flipped in one. The
later action may touch tiles, or rows of the object table, that only the lost one leads to, and others besides.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from segstudio.labels.history import ObjectChange, Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.project.journal_records import JournalRecord, table_digest
from segstudio.project.replay_chains import TileId, numbered_chains, position_in, table_position


def unfit(planes: Planes, records: Sequence[JournalRecord], held: Mapping[str, int]) -> list[JournalRecord]:
    """Return the records of which nothing is in `planes` yet, and some part does not follow from what is.

    Parameters
    ----------
    planes
        As read from the disk.
    held
        As `segstudio.project.replay.replay` takes it.
    """
    if all(two.seq == one.seq + 1 for one, two in pairwise(records)):
        return []
    there: dict[TileId, int] = {}
    for tile_id, chain in numbered_chains(records).items():
        found = position_in([delta for _, delta in chain], planes.plane(tile_id[0]).digest(tile_id[1]))
        if found is not None:  # of a tile in no known state nothing can be said
            there[tile_id] = held.get(tile_id[0], chain[found - 1][0] if found else 0)
    found = table_position(records, table_digest(planes.objects))
    table_there = held.get("objects", records[found - 1].seq if found else 0)
    digests: dict[TileId, bytes] = {}
    objects = dict(planes.objects)
    rejected = []
    for record in records:
        tiles = {(delta.plane, delta.key): delta for delta in record.edit.tiles if (delta.plane, delta.key) in there}
        pending = {tile_id: delta for tile_id, delta in tiles.items() if record.seq > there[tile_id]}
        rows = record.edit.objects if found is not None and record.seq > table_there else ()
        fits = rows_fit(objects, rows) and all(
            delta.before == digests.get(tile_id, planes.plane(tile_id[0]).digest(tile_id[1]))
            for tile_id, delta in pending.items()
        )
        if fits:
            digests |= {tile_id: delta.after for tile_id, delta in pending.items()}
            change_rows(objects, rows)
        elif len(pending) == len(record.edit.tiles) and len(rows) == len(record.edit.objects):
            rejected.append(record)
    return rejected


def rows_fit(objects: Mapping[int, ObjectInfo], changes: Iterable[ObjectChange]) -> bool:
    """Return whether each row is as before its change; what became of other rows does not matter."""
    return all(objects.get(change.id) == change.before for change in changes)


def change_rows(objects: dict[int, ObjectInfo], changes: Iterable[ObjectChange]) -> None:
    """Change, add and take away rows of an object table."""
    for change in changes:
        if change.after is None:
            objects.pop(change.id, None)
        else:
            objects[change.id] = change.after

"""Brings stored planes up to date with the journal, by digest chains: no pointer to keep in step, idempotent.

The records of one tile form a chain of states. The newest state that equals what is on the disk tells which
records it already has; the rest is applied. A tile in no known state was changed by another program. The object
table counts as one more tile.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Any, Final

import zstandard
from numpy.typing import NDArray

from segstudio.labels.digest import tile_digest
from segstudio.labels.history import Planes, TileDelta, apply_delta
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.project.gaps import change_rows, rows_fit, unfit
from segstudio.project.journal_records import JournalRecord, changed_digest, table_digest
from segstudio.project.replay_chains import TileId, chains, numbered_chains, position_in, table_position

#: The planes as they were before the first record of the journal; read only when they are needed.
Base = Callable[[], Planes | None]
_NOTHING: Final[Mapping[str, int]] = MappingProxyType({})
_DECODE_ERRORS: Final = (ValueError, zstandard.ZstdError)


@dataclass
class Replayed:
    """What a replay did.

    Attributes
    ----------
    changed
        Tiles that are now different from the disk.
    table_changed
        Whether the object table is.
    foreign
        Tiles in no known state, rebuilt from the journal.
    lost
        Tiles in no known state that could not be rebuilt; they are as on the disk, and the journal no longer fits.
    """

    changed: set[TileId] = field(default_factory=set)
    table_changed: bool = False
    foreign: set[TileId] = field(default_factory=set)
    foreign_table: bool = False
    lost: set[TileId] = field(default_factory=set)
    lost_table: bool = False


def replay(
    planes: Planes,
    records: Sequence[JournalRecord],
    base: Base = lambda: None,
    trusted: Callable[[str], bool] = lambda name: False,
    held: Mapping[str, int] = _NOTHING,
) -> Replayed:
    """Apply to `planes`, as read from the disk, what the journal has more.

    Parameters
    ----------
    planes
        Changed in place.
    records
        The whole journal of the image, in order.
    base
        Gives the planes before the first record, for tiles that another program has changed.
    trusted
        Tells of ``"labels"``, ``"regions"``, ``"objects"`` whether the file is as this program published it: a state
        that is not known there was lost from the journal. Asked only then.
    held
        Number of the last action in those of them of which it is known. It is needed where the journal has lost
        actions: a plane that became blank again would be taken for the one before the first action.
    """
    result, last = Replayed(), records[-1].seq if records else 0
    used = max((change.id for record in records for change in record.edit.objects), default=0)
    left_out = unfit(planes, records, held)
    records = [record for record in records if record not in left_out]
    ahead = {name for name, seq in held.items() if seq > last}
    start = _Lazy(base)
    for tile_id, numbered in numbered_chains(records).items():
        chain = [delta for _, delta in numbered]
        there = sum(seq <= held[tile_id[0]] for seq, _ in numbered) if tile_id[0] in held else None
        if tile_id[0] not in ahead and not _replay_tile(planes, tile_id, chain, there, result):
            if trusted(tile_id[0]) or not _rebuild_tile(planes, tile_id, chain, start):
                result.lost.add(tile_id)
            else:
                result.changed.add(tile_id)
                result.foreign.add(tile_id)
    if "objects" not in ahead:
        there = sum(record.seq <= held["objects"] for record in records) if "objects" in held else None
        _replay_table(planes, records, there, _Lazy(lambda: None if trusted("objects") else start.get()), result)
    for record in left_out:
        result.lost |= {(delta.plane, delta.key) for delta in record.edit.tiles}
        result.lost_table |= bool(record.edit.objects)
    planes.objects = ObjectTable(dict(planes.objects), max(planes.objects.next_id(), used + 1))
    return result


def fits(planes: Planes, records: Sequence[JournalRecord]) -> bool:
    """Return whether `planes`, as read from the disk, are in a state to which the records lead, each tile of them."""
    return table_position(records, table_digest(planes.objects)) is not None and all(
        position_in(chain, planes.plane(plane).digest(key)) is not None
        for (plane, key), chain in chains(records).items()
    )


def reached(planes: Planes, records: Sequence[JournalRecord], name: str, base: Base) -> int | None:
    """Return the number of the last action in ``"labels"``, ``"regions"`` or ``"objects"``, as read from the disk.

    ``None`` when they are in no state to which the records, from the first one on, lead.
    """
    if not records or records[0].seq != 1:
        return None
    if name == "objects":
        position = table_position(records, table_digest(planes.objects))
        return None if position is None else records[position - 1].seq if position else 0
    plane = planes.labels if name == "labels" else planes.regions
    chains = {tile_id[1]: chain for tile_id, chain in numbered_chains(records).items() if tile_id[0] == name}
    last, following = 0, records[-1].seq + 1
    for key, chain in chains.items():
        position = position_in([delta for _, delta in chain], plane.digest(key))
        if position is None:
            return None
        last = max(last, chain[position - 1][0] if position else 0)
        following = min(following, chain[position][0] if position < len(chain) else following)
    origin = base() if last < following else None
    if origin is None:
        return None
    first = origin.labels if name == "labels" else origin.regions
    others = {*plane.keys(), *first.keys()} - chains.keys()
    return last if all(plane.digest(key) == tile_digest(first.tile(key)) for key in others) else None


class _Lazy:
    def __init__(self, base: Base) -> None:
        self._base = base
        self._planes: Planes | None = None
        self._asked = False

    def get(self) -> Planes | None:
        if not self._asked:
            self._asked = True
            self._planes = self._base()
        return self._planes


def _replay_tile(planes: Planes, tile_id: TileId, chain: list[TileDelta], there: int | None, result: Replayed) -> bool:
    """Bring a tile up to date; return whether that could be done from the state in which it was found.

    Parameters
    ----------
    there
        How many of the chain are in it; ``None`` when only its state can tell.
    """
    plane = planes.plane(tile_id[0])
    key = tile_id[1]
    position = position_in(chain, plane.digest(key))
    if position is None:
        return False
    position = position if there is None else there
    if position == len(chain):
        return True
    tile = _advance(plane.tile(key), chain[position:], planes)
    if tile is None:
        _advance_to_gap(planes, tile_id, chain[position:], result)
        return False
    plane.set_tile(key, tile)
    result.changed.add(tile_id)
    return True


def _rebuild_tile(planes: Planes, tile_id: TileId, chain: list[TileDelta], base: _Lazy) -> bool:
    """Make a tile of what it was before the first record; return whether that could be done."""
    origin, (name, key) = base.get(), tile_id
    first = None if origin is None else origin.plane(name).tile(key)
    tile = _advance(first, chain, planes) if tile_digest(first) == chain[0].before else None
    if tile is None:
        return False
    planes.plane(name).set_tile(key, tile)
    return True


def _advance_to_gap(planes: Planes, tile_id: TileId, chain: list[TileDelta], result: Replayed) -> None:
    """Bring a tile as far as its records follow each other; a damaged one lies behind them."""
    plane, key = planes.plane(tile_id[0]), tile_id[1]
    whole = next((index for index, (one, two) in enumerate(pairwise(chain), 1) if one.after != two.before), len(chain))
    tile = _advance(plane.tile(key), chain[:whole], planes)
    if tile is not None:
        plane.set_tile(key, tile)
        result.changed.add(tile_id)


def _advance(tile: NDArray[Any] | None, chain: list[TileDelta], planes: Planes) -> NDArray[Any] | None:
    """Return the tile after `chain`, or ``None`` when a link is missing or the result is not what it should be."""
    if any(one.after != two.before for one, two in pairwise(chain)):
        return None
    try:
        for delta in chain:
            tile = apply_delta(tile, delta, planes.plane(delta.plane))
    except _DECODE_ERRORS:
        return None
    return tile if tile_digest(tile) == chain[-1].after else None


def _replay_table(
    planes: Planes, records: Sequence[JournalRecord], there: int | None, base: _Lazy, result: Replayed
) -> None:
    objects = dict(planes.objects)
    digest = table_digest(objects)
    position = table_position(records, digest)
    if position is None:
        origin = base.get()
        result.foreign_table = True
        if origin is not None and records and table_digest(origin.objects) == records[0].table_before:
            objects, digest, position = dict(origin.objects), records[0].table_before, 0
    if position is None:
        result.lost_table = True
    elif records:
        pending = records[position if result.foreign_table or there is None else there :]
        objects, result.lost_table = _apply_table(objects, digest, pending)
        result.table_changed = result.foreign_table or any(record.edit.objects for record in pending)
    planes.objects = ObjectTable(objects, planes.objects.next_id())


def _apply_table(
    objects: dict[int, ObjectInfo], digest: bytes, records: Sequence[JournalRecord]
) -> tuple[dict[int, ObjectInfo], bool]:
    """Return the table after `records`, and whether some do not follow each other.

    Of those that do not, behind one that is lost, the rows that are as they were before are changed.
    """
    objects, lost = dict(objects), False
    for record in records:
        if not record.edit.objects:
            continue
        after = changed_digest(record.table_before, record.edit.objects)
        lost |= record.table_before != digest or record.table_after != after
        if lost and not rows_fit(objects, record.edit.objects):
            return objects, True
        change_rows(objects, record.edit.objects)
        digest = table_digest(objects) if lost else after
    return objects, lost or table_digest(objects) != digest

"""The states that the records of a journal lead a tile, or the object table, through."""

from collections.abc import Sequence

from segstudio.core.tiles import TileKey
from segstudio.labels.history import Plane, TileDelta
from segstudio.project.journal_records import JournalRecord

TileId = tuple[Plane, TileKey]


def numbered_chains(records: Sequence[JournalRecord]) -> dict[TileId, list[tuple[int, TileDelta]]]:
    """Return what was done to each tile, each with the number of its action."""
    found: dict[TileId, list[tuple[int, TileDelta]]] = {}
    for record in records:
        for delta in record.edit.tiles:
            found.setdefault((delta.plane, delta.key), []).append((record.seq, delta))
    return found


def chains(records: Sequence[JournalRecord]) -> dict[TileId, list[TileDelta]]:
    """Return what was done to each tile."""
    return {tile_id: [delta for _, delta in chain] for tile_id, chain in numbered_chains(records).items()}


def position_in(chain: list[TileDelta], digest: bytes) -> int | None:
    """Return how many deltas of the chain the state `digest` already has, the newest such state."""
    for index in range(len(chain), 0, -1):
        if chain[index - 1].after == digest:
            return index
        if chain[index - 1].before == digest:
            return index - 1
    return None


def table_position(records: Sequence[JournalRecord], digest: bytes) -> int | None:
    """Return how many records the object table `digest` already has, the newest such state; ``None`` for no such."""
    if not records:
        return 0
    for index in range(len(records), 0, -1):
        if records[index - 1].table_after == digest:
            return index
        if records[index - 1].table_before == digest:
            return index - 1
    return None

"""The way from one state of an annotation to an earlier one, as one record that can be undone like any other."""

from collections.abc import Iterator
from dataclasses import dataclass

from segstudio.core.tiles import Window
from segstudio.labels.history import PLANES, EditRecord, ObjectChange, Plane, Planes, TileDelta
from segstudio.labels.label_map import LabelMap
from segstudio.labels.objects import ObjectInfo, ObjectTable
from segstudio.labels.tile_difference import difference

#: What the undo menu calls it.
NAME = "Restore earlier labels"
#: Of an object of which there are only pixels.
_UNKNOWN = ObjectInfo(source="import", state="unreviewed")


@dataclass(frozen=True, eq=False)
class Restoration:
    """What becomes of an annotation; made by `restoration`, on any thread, for one state of it.

    Attributes
    ----------
    record
        What changes.
    then
        The planes afterwards, taken over by `apply`; unchanged tiles are those of the planes before.
    """

    record: EditRecord
    then: Planes

    def apply(self, planes: Planes) -> None:
        """Do it at once; `planes` must be in the state that it was made for."""
        planes.labels.become(self.then.labels)
        planes.regions.become(self.then.regions)
        planes.objects.become(self.then.objects)


def restoration(now: Planes, then: Planes, name: str = NAME) -> Restoration | None:
    """Work out how the planes `now` become `then`; ``None`` when they are equal already.

    Parameters
    ----------
    now
        A view of the planes of its own (`LabelMap.snapshot`).
    then
        Taken over and brought in step: every object has pixels, and all pixels have an object.

    Raises
    ------
    ValueError
        The planes have another shape.
    """
    if now.shape != then.shape:
        raise ValueError(f"An annotation of {then.shape} for an image of {now.shape}.")
    deltas: list[TileDelta] = []
    window = Window(0, 0, 0, 0)
    for name_of_plane in PLANES:
        for bounds, delta in _changes(name_of_plane, now.plane(name_of_plane), then.plane(name_of_plane)):
            deltas.append(delta)
            window = window.union(bounds)
        then.plane(name_of_plane).index()
    objects, then.objects = _rows(now, then)
    return Restoration(EditRecord(name, tuple(deltas), objects, window), then) if deltas or objects else None


def _changes(plane: Plane, now: LabelMap, then: LabelMap) -> Iterator[tuple[Window, TileDelta]]:
    for key in sorted({*now.keys(), *then.keys()}):
        kept = now.stored(key)
        if kept is not None and kept is then.stored(key):
            continue
        area = now.grid.window(key)
        before, after = now.tile(key), then.tile(key)
        change = difference(before, after, Window.whole(area.shape), area.shape)
        if change is None:
            if kept is None:
                then.set_tile(key, None)
            else:
                then.keep(key, kept)
        else:
            delta = TileDelta(plane, key, change.xor, now.digest(key), then.digest(key))
            yield change.bounds.shift(area.y0, area.x0), delta


def _rows(now: Planes, then: Planes) -> tuple[tuple[ObjectChange, ...], ObjectTable]:
    """Return the changes of the object table, and the table: rows without pixels go, pixels without a row get one."""
    present = then.labels.values()
    rows = {object_id: then.objects.get(object_id, _UNKNOWN) for object_id in present}
    both = sorted({*now.objects, *rows})
    changes = (ObjectChange(object_id, now.objects.get(object_id), rows.get(object_id)) for object_id in both)
    return tuple(change for change in changes if change.before != change.after), ObjectTable(rows)

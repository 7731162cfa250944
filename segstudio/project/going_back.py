"""What going back to an earlier state of an image would change."""

from dataclasses import dataclass

from segstudio.labels.history import Planes
from segstudio.labels.label_map import LabelMap
from segstudio.labels.packed_tile import values_of


@dataclass(frozen=True)
class Changes:
    """How an annotation differs from an earlier one.

    Attributes
    ----------
    back, gone
        Objects that would come back, and objects of now that would go.
    other
        Objects that would get another outline or class.
    regions
        Whether what is stated about regions would change.
    """

    back: frozenset[int] = frozenset()
    gone: frozenset[int] = frozenset()
    other: frozenset[int] = frozenset()
    regions: bool = False

    def __bool__(self) -> bool:
        return bool(self.back or self.gone or self.other or self.regions)


def changes(now: Planes, then: Planes) -> Changes:
    """Return what becomes of `now` when the state `then` is restored; tiles that both share are not looked at."""
    before, after = set(now.objects), set(then.objects)
    touched = _touched(now.labels, then.labels)
    reclassed = {object_id for object_id in before & after if now.objects[object_id] != then.objects[object_id]}
    return Changes(
        frozenset(after - before),
        frozenset(before - after),
        frozenset((touched | reclassed) & before & after),
        bool(_differing(now.regions, then.regions)),
    )


def _differing(now: LabelMap, then: LabelMap) -> list[tuple[int, int]]:
    keys = sorted({*now.keys(), *then.keys()})
    return [key for key in keys if now.stored(key) is not then.stored(key) and _differs(now, then, key)]


def _differs(now: LabelMap, then: LabelMap, key: tuple[int, int]) -> bool:
    area = now.grid.window(key)
    return bool((now.read(area) != then.read(area)).any())


def _touched(now: LabelMap, then: LabelMap) -> set[int]:
    """Return the ids that have other pixels."""
    found: set[int] = set()
    for key in _differing(now, then):
        area = now.grid.window(key)
        old, new = now.read(area), then.read(area)
        differs = old != new
        found |= values_of(old[differs]) | values_of(new[differs])
    return found

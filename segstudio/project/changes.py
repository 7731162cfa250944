"""What an open image tells those who show it: which pixels and objects have changed, and whether all is saved."""

from dataclasses import dataclass, replace
from typing import Final

from segstudio.core.stack_shape import StackShape
from segstudio.core.tiles import Window, plane_window
from segstudio.labels.history import EditRecord, Planes
from segstudio.labels.objects import ObjectTable
from segstudio.labels.packed_tile import values_of

#: ``"saved"``, ``"saving"``, or ``"rescued: "`` or ``"failed: "`` and a sentence. Rescued: the disk of the project
#: refuses what was done last, and it lies safe in the rescue store; failed: that refuses as well, or the label files
#: cannot be written.
SaveState = str
SAVED: Final = "saved"
SAVING: Final = "saving"
RESCUED: Final = "rescued"
FAILED: Final = "failed"

#: For windows with more pixels all objects of the image count as changed: to look at the pixels takes too long.
_LARGE_WINDOW: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class DocumentChange:
    """What has changed.

    Attributes
    ----------
    window
        Holds all changed pixels; empty when none did.
    planes
        ``"labels"``, ``"regions"``; empty when only the object table changed.
    object_ids
        Objects whose pixels or row may have changed, those that vanished included; empty while `live`.
    live
        A gesture is going on; the final change follows.
    announced
        Live changes have told of all these pixels already, as for every edit; not so for undo and redo.
    """

    window: Window
    planes: frozenset[str]
    object_ids: frozenset[int] = frozenset()
    live: bool = False
    announced: bool = False


def change_of(edit: EditRecord, now: Planes, *, announced: bool, known: frozenset[int] | None = None) -> DocumentChange:
    """Return what `edit` has changed; `now` is the annotation after it, `known` its `ids_far_and_wide`, if known."""
    planes = frozenset(str(delta.plane) for delta in edit.tiles)
    ids = ids_far_and_wide(edit, now.objects) if known is None else known
    if "labels" in planes and not _large(edit.window):
        values = now.labels.read(edit.window)
        ids |= values_of(values) if values.size else frozenset()
    return DocumentChange(edit.window, planes, ids, announced=announced)


def plane_to_see(window: Window, shape: tuple[int, int], shown: int) -> int:
    """Return on which plane of a stack of labels a change of `window` is seen: on the one shown, or on its first."""
    if window.empty or not window.intersect(plane_window(shape, shown)).empty or not isinstance(shape, StackShape):
        return shown
    return window.y0 // shape.pitch


def seen_on(change: DocumentChange, shape: tuple[int, int], plane: int) -> DocumentChange:
    """Return a change of a stack of labels in pixels of one plane; flat labels have but one."""
    there = plane_window(shape, plane)
    if there.shape == shape:
        return change
    seen = change.window.intersect(there)
    here = Window(0, 0, 0, 0) if seen.empty else seen.shift(-there.y0, 0)
    return replace(change, window=here, planes=change.planes if not here.empty else frozenset())


def ids_far_and_wide(edit: EditRecord, after: ObjectTable) -> frozenset[int]:
    """Return the objects whose row has changed, and all there are `after` it when pixels of a large window have."""
    ids = frozenset(change.id for change in edit.objects)
    wide = _large(edit.window) and any(delta.plane == "labels" for delta in edit.tiles)
    return ids | after.keys() if wide else ids


def _large(window: Window) -> bool:
    return window.height * window.width > _LARGE_WINDOW

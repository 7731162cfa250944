"""The side of a document that shows one plane of a stack after the other."""

from collections.abc import Mapping

from psygnal import Signal

from segstudio.core.stack_shape import LABEL_TILE, plane_start
from segstudio.labels.history import Planes
from segstudio.labels.objects import ObjectInfo
from segstudio.project.manifest import ImageEntry
from segstudio.project.saved_document import SavedDocument


class PagedDocument(SavedDocument):
    """A document of which one plane is in front; a flat image has but that.

    Attributes
    ----------
    entry
        The image in the project.
    stack
        Labels, regions and objects of all planes.
    plane
        The plane that is in front; 0 for a flat image.
    planes
        Labels, regions and objects of that plane.
    """

    turning = Signal()
    """Another plane of a stack comes to the front now."""
    turned = Signal(int)
    """Another plane of a stack is in front: its number."""

    entry: ImageEntry
    stack: Planes
    plane: int
    planes: Planes

    def _show_planes(self, entry: ImageEntry, stack: Planes) -> None:
        """Begin with the first plane."""
        self.entry, self.stack, self.plane = entry, stack, 0
        self.planes = stack.page(0)

    def objects_in_front(self) -> Mapping[int, ObjectInfo]:
        """Return the rows of the objects with pixels on the plane in front; of a flat image all rows."""
        objects = self.stack.objects
        if self.planes is self.stack:
            return objects
        return {number: objects[number] for number in self.planes.labels.values() if number in objects}

    def plane_with(self, object_id: int) -> int | None:
        """Return a plane on which an object is: the one in front, else the first; ``None`` for one without pixels."""
        if self.planes.labels.tiles_with(object_id):
            return self.plane
        row = next((row for row, _ in self.stack.labels.tiles_with(object_id)), None)
        return None if row is None else row * LABEL_TILE // plane_start(self.stack.shape, 1)

    def turn_to(self, plane: int) -> None:
        """Bring a plane of a stack to the front; a gesture that is going on has to be ended before.

        Raises
        ------
        IndexError
            There is no such plane.
        """
        if not 0 <= plane < self.entry.planes:
            raise IndexError(f"{self.entry.name} has {self.entry.planes} planes, there is no plane {plane}.")
        if plane != self.plane and self._may_turn():
            self.turning.emit()
            self.plane, self.planes = plane, self.stack.page(plane)
            self.turned.emit(plane)

    def _may_turn(self) -> bool:
        """Do what has to be done before another plane comes; return whether it may."""
        return True

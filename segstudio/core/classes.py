"""The classes that objects of a project can have."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

#: Okabe and Ito's colours, told apart with every common colour vision (jfly.uni-koeln.de/color, 2008), and their names.
COLOUR_NAMES = {
    "#56b4e9": "sky blue",
    "#e69f00": "orange",
    "#009e73": "bluish green",
    "#f0e442": "yellow",
    "#cc79a7": "reddish purple",
    "#0072b2": "blue",
    "#d55e00": "vermillion",
}
CLASS_COLOURS = tuple(COLOUR_NAMES)


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """One class: `id` counts from 1 and never changes, `name` and `colour` may."""

    id: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class ClassTable:
    """All classes of a project, in the order in which the user sees them. Never empty.

    Attributes
    ----------
    removed
        Classes that were taken out. Their ids are never given again: an undo can bring their objects back.
    """

    classes: tuple[ObjectClass, ...] = (ObjectClass(1, "cell", CLASS_COLOURS[0]),)
    removed: tuple[ObjectClass, ...] = ()

    def __getitem__(self, class_id: int) -> ObjectClass:
        for item in self.classes:
            if item.id == class_id:
                return item
        raise KeyError(class_id)

    def __len__(self) -> int:
        return len(self.classes)

    @property
    def ids(self) -> tuple[int, ...]:
        """Class ids in display order."""
        return tuple(item.id for item in self.classes)

    @property
    def names(self) -> tuple[str, ...]:
        """Class names in display order."""
        return tuple(item.name for item in self.classes)

    def add(self, name: str) -> "ClassTable":
        """Return a table with one more class of the next free id and colour."""
        new_id = max((*self.ids, *(item.id for item in self.removed)), default=0) + 1
        return replace(self, classes=(*self.classes, ObjectClass(new_id, name, _colour(new_id))))

    def rename(self, class_id: int, name: str) -> "ClassTable":
        """Return a table in which one class is called `name`."""
        renamed = (replace(item, name=name) if item.id == class_id else item for item in self.classes)
        return replace(self, classes=tuple(renamed))

    def recolour(self, class_id: int, colour: str) -> "ClassTable":
        """Return a table in which one class has another `colour`, ``"#rrggbb"``."""
        changed = (replace(item, colour=colour) if item.id == class_id else item for item in self.classes)
        return replace(self, classes=tuple(changed))

    def remove(self, class_id: int) -> "ClassTable":
        """Return a table without one class; ``ValueError`` for the last one."""
        gone, left = self[class_id], tuple(item for item in self.classes if item.id != class_id)
        if not left:
            raise ValueError("A project has at least one class.")
        return replace(self, classes=left, removed=(*self.removed, gone))

    def with_ids(self, ids: Iterable[int]) -> "ClassTable":
        """Return a table that has all classes of `ids`: those that were removed come back as they were."""
        known = {item.id: item for item in self.removed}
        back = [
            known.get(new, ObjectClass(new, f"class {new}", _colour(new))) for new in sorted(set(ids) - set(self.ids))
        ]
        removed = tuple(item for item in self.removed if item not in back)
        return replace(self, classes=(*self.classes, *back), removed=removed)


def _colour(class_id: int) -> str:
    return CLASS_COLOURS[(class_id - 1) % len(CLASS_COLOURS)]

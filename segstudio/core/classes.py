"""The classes that objects of a project can have."""

from dataclasses import dataclass

#: Okabe and Ito's colours, told apart with every common colour vision (jfly.uni-koeln.de/color, 2008).
CLASS_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#f0e442", "#cc79a7", "#0072b2", "#d55e00")


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """One class: `id` counts from 1 and never changes, `name` and `colour` may."""

    id: int
    name: str
    colour: str


@dataclass(frozen=True, slots=True)
class ClassTable:
    """All classes of a project, in the order in which the user sees them. Never empty."""

    classes: tuple[ObjectClass, ...] = (ObjectClass(1, "cell", CLASS_COLOURS[0]),)

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
        new_id = max(self.ids, default=0) + 1
        colour = CLASS_COLOURS[(new_id - 1) % len(CLASS_COLOURS)]
        return ClassTable((*self.classes, ObjectClass(new_id, name, colour)))

"""Which keys call which action: our own, those of a preset over them, and the user's over all."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from PySide6.QtCore import QT_TRANSLATE_NOOP
from PySide6.QtGui import QKeySequence

from segstudio.gui.key_presets import Keys

#: Keys that do something while they are held or end a gesture, and what; no action can have them.
RESERVED: Final[Mapping[str, object]] = {
    "Space": QT_TRANSLATE_NOOP("Keys", "moves the image while it is held"),
    "H": QT_TRANSLATE_NOOP("Keys", "hides the overlays while it is held"),
    "Tab": QT_TRANSLATE_NOOP("Keys", "shows only the image while it is held"),
    "Esc": QT_TRANSLATE_NOOP("Keys", "gives up a gesture"),
}


def chord(keys: str) -> str:
    """Return a key with what is held beside it as Qt writes it; empty when there is no such key, or several."""
    sequence = QKeySequence(keys)
    return sequence.toString() if sequence.count() == 1 else ""


@dataclass(frozen=True, slots=True)
class Bindings:
    """The keys of every action.

    Attributes
    ----------
    keys
        By the id of the action; no key stands at two of them.
    passed_over
        What was asked for and means nothing here, as ``"tool.brush: Foo"``.
    """

    keys: dict[str, tuple[str, ...]]
    passed_over: tuple[str, ...] = ()

    def owner(self, key: str) -> str:
        """Return the id of the action that has a key, as `chord` writes it; empty for none."""
        return next((action_id for action_id, keys in self.keys.items() if key in keys), "")


def bind(own: Keys, *layers: Keys) -> Bindings:
    """Lay keys over each other.

    Parameters
    ----------
    own
        The keys that actions have by themselves.
    layers
        Keys of some actions, in the place of those below; a key named in a layer is taken from every other action.
    """
    keys = {action_id: _chords(names) for action_id, names in own.items()}
    passed_over: list[str] = []
    for layer in layers:
        taken: dict[str, str] = {}
        for action_id, names in layer.items():
            if action_id not in own:
                passed_over.append(action_id)
                continue
            good = {chord(name): name for name in names if can_be_had(chord(name)) and chord(name) not in taken}
            passed_over += [f"{action_id}: {name}" for name in names if name not in good.values()]
            if good or not names:
                taken.update(dict.fromkeys(good, action_id))
                keys[action_id] = tuple(good)
        for action_id, chords in keys.items():
            keys[action_id] = tuple(each for each in chords if taken.get(each, action_id) == action_id)
    return Bindings(keys, tuple(passed_over))


def can_be_had(key: str) -> bool:
    """Tell whether an action can have a key, as `chord` writes it."""
    return bool(key) and key not in RESERVED


def _chords(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(chord(name) for name in names)

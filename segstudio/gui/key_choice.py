"""The keys that somebody is choosing: a preset, and keys of their own over it."""

from collections.abc import Iterable
from typing import Final

from segstudio.gui.key_bindings import Bindings, bind, can_be_had, chord
from segstudio.gui.key_presets import PRESETS, Keys

#: Keys of an action that can be chosen in the window.
CHOSEN: Final = 2


class KeyChoice:
    """Changes of keys, kept sparse: only what differs from the preset.

    Parameters
    ----------
    own
        The keys that actions have by themselves.
    preset, changed
        What the choice begins with.
    """

    def __init__(self, own: Keys, preset: str, changed: Keys) -> None:
        self._own = own
        self.preset = preset
        known = {action_id: keys for action_id, keys in changed.items() if action_id in own}
        self.changed = {action_id: _good(keys) for action_id, keys in known.items() if _good(keys) or not keys}
        self._keep_sparse()

    @property
    def bindings(self) -> Bindings:
        """The keys of all actions as chosen so far."""
        return bind(self._own, PRESETS[self.preset], self.changed)

    @property
    def base(self) -> Bindings:
        """The keys of all actions without changes."""
        return bind(self._own, PRESETS[self.preset])

    def take(self, action_id: str, names: tuple[str, ...]) -> dict[str, str]:
        """Give an action keys, and take them from those that have them.

        Returns
        -------
        dict
            Which action loses which key.
        """
        before = self.bindings
        keys = _good(names)
        losers = {before.owner(key): key for key in keys if before.owner(key) not in ("", action_id)}
        for loser in losers:
            if loser in self.changed:
                self.changed[loser] = tuple(key for key in before.keys[loser] if key not in keys)
        self.changed[action_id] = keys
        self._keep_sparse()
        return losers

    def like(self, preset: str) -> None:
        """Begin with the keys of another preset; changes stay."""
        self.preset = preset
        self._keep_sparse()

    def reset(self, action_id: str) -> dict[str, str]:
        """Give an action back the keys that it has without changes; return as `take`."""
        return self.take(action_id, self.base.keys[action_id])

    def reset_all(self) -> None:
        """Give all actions back the keys of the preset."""
        self.changed.clear()

    def _keep_sparse(self) -> None:
        for action_id in list(self.changed):
            others = {other: keys for other, keys in self.changed.items() if other != action_id}
            without = bind(self._own, PRESETS[self.preset], others).keys[action_id]
            if self.changed[action_id] == without:
                del self.changed[action_id]


def _good(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(can_be_had, map(chord, names))))

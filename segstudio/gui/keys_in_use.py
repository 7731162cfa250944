"""The keys that call actions at the moment, for sentences that name them."""

from collections.abc import Callable, Mapping

from psygnal import SignalInstance
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QWidget

_ARROWS = {"Up": "↑", "Down": "↓", "Left": "←", "Right": "→"}
_first: dict[str, str] = {}
_changed = SignalInstance((), name="keys_changed")


def use_keys(keys: Mapping[str, tuple[str, ...]]) -> None:
    """Name these keys from now on, and in the sentences that are shown."""
    _first.clear()
    _first.update({action_id: _shown(names[0]) for action_id, names in keys.items() if names})
    _changed.emit()


def key_of(action_id: str) -> str:
    """Return the first key of an action as this system writes it; empty for none."""
    return _first.get(action_id, "")


def in_brackets(action_id: str) -> str:
    """Return the key of an action behind a blank, in brackets; empty for none."""
    key = key_of(action_id)
    return f" ({key})" if key else ""


def name_keys(widget: QWidget, say: Callable[[], object]) -> None:
    """Call `say`, which names keys, now and whenever keys have changed, as long as `widget` lives."""
    say()
    _changed.connect(say)
    widget.destroyed.connect(lambda: _changed.disconnect(say, missing_ok=True))


def _shown(key: str) -> str:
    return _ARROWS.get(key) or QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)

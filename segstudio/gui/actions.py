"""The table of everything a user can do: text, keys, menu, and what it calls. Menus and the key map read it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtCore import QObject
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from segstudio.gui.theme import icon

_NATIVE = QKeySequence.SequenceFormat.NativeText


@dataclass(frozen=True, slots=True)
class Action:
    """One thing a user can do.

    Attributes
    ----------
    id
        ``"menu.verb"``; stable, used by tests and by saved key presets.
    keys
        Shortcuts that it has by itself, the first one shown in the menu. Empty for none.
    checked
        For a toggle: returns its state. ``None`` for a plain command.
    group
        Toggles of one group exclude each other.
    enabled
        Whether it can work now.
    separator
        A line above it in the menu.
    now
        Returns what it is called at the moment, as "Undo Erase"; `text` when ``None``.
    """

    id: str
    menu: str
    text: str
    call: Callable[[], object]
    keys: tuple[str, ...] = ()
    icon: str = ""
    tip: str = ""
    checked: Callable[[], bool] | None = None
    group: str = ""
    enabled: Callable[[], bool] | None = None
    separator: bool = False
    now: Callable[[], str] | None = None


#: Gestures that are no commands, for the key map: (what, how).
GESTURES: tuple[tuple[str, str], ...] = (
    ("New object, freehand, with any tool", "Right-click, circle the cell, right-click again or return to the start"),
    ("Move the image", "Hold Space and drag, middle-drag, or left-drag with Select"),
    ("Zoom", "Wheel"),
    ("Fit the image", "Double-click with Select"),
    ("Brush size", "Ctrl+Wheel"),
    ("Erase while painting", "Hold Alt"),
    ("Paint over neighbours", "Hold Shift"),
    ("Delete an object", "Ctrl+Click"),
    ("Merge into the selected object", "Alt+Click"),
    ("Close a polygon", "Click the first point, double-click, Enter or Space"),
    ("Drop the last point of a polygon", "Right-click, Backspace or Ctrl+Z"),
    ("Take what is proposed", "Enter, or a click; Esc refuses it"),
    ("Remove a vertex of an outline", "Right-click it, or Alt+Click"),
    ("Erase with any tool", "The eraser end of a pen"),
    ("Give up a gesture", "Esc"),
    ("Hide all overlays for a moment", "Hold H"),
    ("Show only the image", "Hold Tab"),
)


class ActionTable:
    """The actions as Qt objects, kept in step with the state of the session.

    Parameters
    ----------
    why_grey
        Returns why the action of an id cannot work at the moment; empty when nothing is to be said about it.
    """

    def __init__(
        self, parent: QObject, actions: tuple[Action, ...], why_grey: Callable[[str], str] = lambda _id: ""
    ) -> None:
        self._parent = parent
        self.why_grey = why_grey
        self.specs = {spec.id: spec for spec in actions}
        self._groups: dict[str, QActionGroup] = {}
        self.qt = {spec.id: self._make(spec) for spec in actions}

    def __getitem__(self, action_id: str) -> QAction:
        return self.qt[action_id]

    def menu(self, name: str) -> list[tuple[Action, QAction]]:
        """Return the actions of one menu, in order."""
        return [(spec, self.qt[spec.id]) for spec in self.specs.values() if spec.menu == name]

    def set_keys(self, keys: Mapping[str, tuple[str, ...]]) -> None:
        """Give the actions other keys."""
        for action_id, action in self.qt.items():
            action.setShortcuts([QKeySequence(key) for key in keys.get(action_id, ())])
            action.setToolTip(_tip(self.specs[action_id], action))
        self.refresh()

    def shown_keys(self, action_id: str) -> str:
        """Return the keys of an action as this system writes them; empty for none."""
        return "   ".join(keys.toString(_NATIVE) for keys in self.qt[action_id].shortcuts())

    def refresh(self) -> None:
        """Bring enabled and checked states up to date; nothing is called by it."""
        for spec in self.specs.values():
            action = self.qt[spec.id]
            if spec.enabled is not None:
                action.setEnabled(spec.enabled())
                why = "" if action.isEnabled() else self.why_grey(spec.id)
                action.setToolTip("\n".join(filter(None, (_tip(spec, action), why))))
            if spec.checked is not None:
                action.setChecked(spec.checked())
            if spec.now is not None:
                action.setText(spec.now())

    def _make(self, spec: Action) -> QAction:
        action = QAction(spec.text, self._parent)
        action.setObjectName(spec.id)
        action.setShortcuts([QKeySequence(key) for key in spec.keys])
        action.setToolTip(_tip(spec, action))
        if spec.icon:
            action.setIcon(icon(spec.icon))
        if spec.checked is not None:
            action.setCheckable(True)
        if spec.group:
            if spec.group not in self._groups:
                self._groups[spec.group] = QActionGroup(self._parent)
            self._groups[spec.group].addAction(action)
        action.triggered.connect(lambda _checked=False, call=spec.call: call())
        return action


def _tip(spec: Action, action: QAction) -> str:
    keys = "" if action.shortcut().isEmpty() else f" ({action.shortcut().toString(_NATIVE)})"
    return (spec.tip or spec.text.rstrip("…")) + keys

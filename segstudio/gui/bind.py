"""Model field ↔ widget, loop-safe: the only code that goes both ways.

A widget writes a field when the user moves it, and follows the field without telling it back.
"""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, SignalInstance
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QWidget

from segstudio.session.view_state import ViewState


def bind(view: ViewState, field: str, widget: QObject, moved: SignalInstance, write: Callable[[Any], None]) -> None:
    """Tie `widget` to a field of `view`.

    Parameters
    ----------
    moved
        Qt signal with the new value, when the user changes it.
    write
        Shows a value; signals of `widget` are blocked meanwhile.
    """

    def from_model(value: Any) -> None:  # noqa: ANN401 - any type a field can have
        widget.blockSignals(True)
        write(value)
        widget.blockSignals(False)

    def from_user(value: Any) -> None:  # noqa: ANN401
        setattr(view, field, value)

    from_model(getattr(view, field))
    signal = getattr(view.events, field)
    signal.connect(from_model, max_args=1)
    moved.connect(from_user)
    # The view state outlives its widgets: what is dead must not be written to.
    widget.destroyed.connect(lambda: signal.disconnect(from_model, missing_ok=True))


def bind_check(view: ViewState, field: str, box: QAbstractButton) -> None:
    """Tie a check box, or another button that stays down, to a bool."""
    bind(view, field, box, box.toggled, box.setChecked)


def bind_choice(view: ViewState, field: str, group: QButtonGroup) -> None:
    """Tie exclusive buttons to an int: the ids of the buttons are the values."""

    def write(value: int) -> None:
        chosen = group.button(value)
        if chosen is not None:
            chosen.setChecked(True)

    bind(view, field, group, group.idClicked, write)


def follow(view: ViewState, field: str, widget: QWidget, show: Callable[[Any], None]) -> None:
    """Show a field in a widget, one way; `show` is called at once and at each change."""

    def from_model(value: Any) -> None:  # noqa: ANN401
        show(value)

    show(getattr(view, field))
    signal = getattr(view.events, field)
    signal.connect(from_model, max_args=1)
    widget.destroyed.connect(lambda: signal.disconnect(from_model, missing_ok=True))

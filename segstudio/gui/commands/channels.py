"""Actions that show, hide and choose channels: a menu of its own in View."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from segstudio.gui.actions import Action
from segstudio.session.display.channels import channel_names

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow

#: Channels that have a key.
_KEYS = 9


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    view, made = w.session.view, w.session.made

    def names() -> tuple[str, ...]:
        source = made.seen
        return channel_names(source.info) if source is not None and source.info.kind == "channels" else ()

    def several() -> bool:
        return len(names()) == len(view.display.channels) > 1

    def of_channel(number: int) -> Action:
        def called() -> str:
            found = names()
            return f"{number + 1}: {found[number]}" if number < len(found) else f"Channel {number + 1}"

        return Action(
            f"view.channel_{number + 1}",
            "Channels",
            f"Channel {number + 1}",
            _pressing(w, number),
            (f"Alt+{number + 1}",),
            tip="Show or hide this channel; in the single view, bring it to the front",
            checked=lambda: several() and number in view.display.drawn,
            enabled=lambda: several() and number < len(view.display.channels),
            now=called,
        )

    def toggle_composite() -> None:
        view.display = replace(view.display, composite=not view.display.composite)

    return [
        *(of_channel(number) for number in range(_KEYS)),
        Action(
            "view.single_channel",
            "Channels",
            "One channel at a time",
            toggle_composite,
            ("Alt+0",),
            tip="One channel alone, in place of all visible ones added up",
            checked=lambda: several() and not view.display.composite,
            enabled=several,
            separator=True,
        ),
    ]


def _pressing(w: "MainWindow", number: int) -> Callable[[], None]:
    view = w.session.view

    def press() -> None:
        view.display = view.display.pressed(number)

    return press

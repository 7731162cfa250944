"""Actions of the colours of objects: a menu of its own in View."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, get_args

from segstudio.config.preferences import Preferences
from segstudio.gui.actions import Action
from segstudio.gui.figure_words import figure_name
from segstudio.session.object_order import FIGURES

if TYPE_CHECKING:
    from segstudio.gui.main_window import MainWindow

_MENU: Final = "Colours"
_BY: Final = {
    "object": "Each object its own colour",
    "class": "By class",
    "state": "By state",
    "source": "By source",
}
_PALETTES: Final = {
    "SegStudio": "12 colours",
    "Okabe-Ito": "7 colours of Okabe and Ito",
    "Tol bright": "7 bright colours of Tol",
    "Tol light": "9 light colours of Tol",
}


def actions(w: "MainWindow") -> list[Action]:
    """Return the actions of the menu."""
    view = w.session.view

    def by(name: str) -> Callable[[], None]:
        return lambda: setattr(view, "colour_by", name)

    def is_by(name: str) -> Callable[[], bool]:
        return lambda: view.colour_by == name

    def choose(palette: str) -> Callable[[], None]:
        return lambda: w.session.set_preferences(w.session.preferences.model_copy(update={"palette": palette}))

    def chosen(palette: str) -> Callable[[], bool]:
        return lambda: w.session.preferences.palette == palette

    names = _BY | {name: f"By {figure_name(name).lower()}" for name in FIGURES}
    ways = [
        Action(
            f"colours.{name}",
            _MENU,
            text,
            by(name),
            checked=is_by(name),
            group="colours",
            separator=name == FIGURES[0],
            tip=f"Colour the objects: {text[0].lower()}{text[1:]}",
        )
        for name, text in names.items()
    ]
    palettes = [
        Action(
            f"colours.palette_{number}",
            _MENU,
            _PALETTES[name],
            choose(name),
            checked=chosen(name),
            group="palettes",
            separator=number == 1,
            tip=f"Colours of single objects: {_PALETTES[name]}, also for people who see colours differently",
        )
        for number, name in enumerate(get_args(Preferences.model_fields["palette"].annotation), start=1)
    ]
    return ways + palettes

"""What a user has chosen for this computer."""

from typing import Literal

from pydantic import Field

from segstudio.config.base import Config, param

#: Recent projects that the welcome page lists.
RECENT_LIMIT = 8


class Preferences(Config):
    """Preferences."""

    schema_version: int = 1
    theme: Literal["dark", "light"] = param("dark", title="Theme")
    """Dark for dim rooms, light for bright ones."""
    device: Literal["auto", "cpu", "cuda", "mps"] = param("auto", title="Device")
    """What trainings and predictions run on."""
    minimap: bool = param(True, title="Minimap")
    """Show the whole image in a corner while a part of it is out of sight."""
    missing_colour: str = Field("#cc79a7", pattern="^#[0-9a-f]{6}$")
    """Colour of pixels without a value (NaN)."""
    palette: Literal["SegStudio", "Okabe-Ito", "Tol bright", "Tol light"] = param(
        "SegStudio", title="Colours of objects"
    )
    """All can be told apart by people who see colours differently; the fewer colours, the better they can be."""
    key_preset: Literal["SegStudio", "Cellpose", "napari", "QuPath"] = "SegStudio"
    """The program whose keys are used."""
    shortcuts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The user's own keys in the place of those, by the id of the action; an empty tuple for none."""
    recent: tuple[str, ...] = ()
    """Project folders, newest first."""
    rescue_folder: str = ""
    """Where to keep what the disk of a project refuses; among the user's own data when empty."""

    def opened(self, folder: str) -> "Preferences":
        """Return the preferences with `folder` as the newest recent project."""
        others = (item for item in self.recent if item != folder)
        return self.model_copy(update={"recent": (folder, *others)[:RECENT_LIMIT]})

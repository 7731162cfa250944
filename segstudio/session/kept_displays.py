"""How images are displayed, kept for each kind of image in a file of the project: see decision 0014."""

import json
import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segstudio.core.axes import ImageInfo
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import DiskError
from segstudio.io.json_file import json_content
from segstudio.project.layout import Layout
from segstudio.session.background import Background
from segstudio.session.display.channels import LUTS, ChannelDisplay, ImageDisplay, default_display
from segstudio.session.view_state import ViewState

if TYPE_CHECKING:
    from pathlib import Path

    from segstudio.project.project import Project

_LIMIT: Final = 4 << 20
_VERSION: Final = 1
_LUT: Final = "^(#[0-9a-f]{6}|" + "|".join(LUTS) + ")$"
log = logging.getLogger("segstudio")

_Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Channel(BaseModel):
    model_config = ConfigDict(extra="ignore")
    lut: Annotated[str, Field(pattern=_LUT)]
    visible: bool
    contrast: tuple[_Finite, _Finite] | None
    gamma: Annotated[float, Field(gt=0, le=100)]


class _Display(BaseModel):
    model_config = ConfigDict(extra="ignore")
    channels: Annotated[list[_Channel], Field(min_length=1, max_length=65_535)]
    current: Annotated[int, Field(ge=0)]
    composite: bool


class KeptDisplays:
    """Shows each image as those of its kind were left: of the same type and channels, by number, name and colour.

    Parameters
    ----------
    view
        What is shown now.
    background
        Reads and writes the file.
    lane
        Of images that are opened: what was kept is there before the first one of them is.
    """

    def __init__(self, view: ViewState, background: Background, lane: str) -> None:
        self._view = view
        self._background = background
        self._lane = lane
        self._kept: dict[str, ImageDisplay] = {}
        self._untouched = ImageDisplay()
        self._front = ""
        self._path: Path | None = None
        self._written: dict[str, ImageDisplay] = {}

    def project_opened(self, project: "Project") -> None:
        """Take what the project has kept; what is changed is kept in it, unless it is open for reading only."""
        self._kept, self._written, self._front = {}, {}, ""
        path = Layout(project.folder).internal / "display.json"
        self._path = None if project.read_only else path

        def take(found: dict[str, ImageDisplay] | None) -> None:
            if found is None:
                self._path = None  # of a newer version: it stays as it is
            self._kept, self._written = {**(found or {}), **self._kept}, dict(found or {})

        self._background.run(lambda: _read(path), take, lane=self._lane)

    def turn_to(self, info: ImageInfo | None, maker: str = "") -> None:
        """Show an image, or the one that the run `maker` made of it, as those of its kind were left.

        A kind that is new is shown as `default_display` says.
        """
        self._remember()
        self._front = _kind(info, maker) if info is not None else ""
        if info is not None:
            self._untouched = default_display(info)
            kept = self._kept.get(self._front, self._untouched)
            fits = len(kept.channels) == len(self._untouched.channels)
            self._view.display = kept if fits else self._untouched
        self._write()

    def project_closed(self) -> None:
        """Keep what is shown now, and forget the project."""
        self._remember()
        self._write()
        self._path, self._front = None, ""

    def _remember(self) -> None:
        display = self._view.display
        if self._front and (self._front in self._kept or display != self._untouched):
            self._kept[self._front] = display

    def _write(self) -> None:
        path, kept = self._path, dict(self._kept)
        if path is None or kept == self._written:
            return
        self._written = kept
        self._background.run(lambda: _write(path, kept), lane=self._lane)


def _kind(info: ImageInfo, maker: str) -> str:
    parts = [info.kind, str(info.channels), info.dtype, *info.channel_names, *info.channel_colours]
    return " | ".join([*parts, f"made by {maker}"] if maker else parts)


def _read(path: "Path") -> dict[str, ImageDisplay] | None:
    """Return what was kept; ``None`` when a newer version of the program has written it."""
    try:
        content = json_content(path, _LIMIT)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("%s cannot be read, images are displayed as at first: %s", path.name, error)
        return {}
    match content:
        case {"schema_version": int(version)} if version > _VERSION:
            log.warning("%s was written by a newer SegStudio, images are displayed as at first", path.name)
            return None
        case {"kinds": dict(kinds)}:
            return {kind: shown for kind, item in kinds.items() if (shown := _display(kind, item)) is not None}
    return {}


def _display(kind: str, item: Any) -> ImageDisplay | None:  # noqa: ANN401 - whatever the file holds
    try:
        read = _Display.model_validate(item)
    except ValidationError as error:
        log.warning("what is kept of images of the kind %r means nothing: %s", kind, error)
        return None
    channels = tuple(ChannelDisplay(**channel.model_dump()) for channel in read.channels)
    return ImageDisplay(channels, min(read.current, len(channels) - 1), read.composite)


def _write(path: "Path", kept: dict[str, ImageDisplay]) -> None:
    content = {"schema_version": _VERSION, "kinds": {kind: asdict(display) for kind, display in kept.items()}}
    try:
        write_atomic(path, json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "replace"))
    except DiskError as error:  # what matters has told already that the disk refuses
        log.warning("how images are displayed could not be kept: %s", error)

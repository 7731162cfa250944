"""What the engine offers, as JSON schemas, kept on disk so that the window needs no torch to show a form."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import EntryPoints, PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, ValidationError

from segstudio import __version__
from segstudio.core.registry import NO_PLUG_INS
from segstudio.io.atomic import write_atomic
from segstudio.io.json_file import limited_bytes

#: Where NVIDIA's driver tells what it is and which cards it drives: on Linux, on Windows.
_LINUX_DRIVER = Path("/proc/driver/nvidia")
_WINDOWS_DRIVER = Path(os.environ.get("SYSTEMROOT", "")) / "System32" / "nvcuda.dll"
_GROUPS = ("segstudio.architectures", "segstudio.formulations", "segstudio.exporters")


class Offer(BaseModel):
    """One plug-in: name, what it is, and its settings."""

    model_config = ConfigDict(frozen=True)

    name: str
    title: str
    description: str = ""
    settings: dict[str, Any] = {}
    """JSON schema of its Config; read it with `segstudio.config.form_spec.form_spec`."""
    decode: dict[str, Any] = {}
    """JSON schema of the settings that can be moved after the network ran; only formulations have it."""
    own_network: bool = False
    """A formulation that builds its network itself: no architecture is chosen."""
    result: Literal["objects", "boxes", "image"] = "objects"
    """What a formulation finds."""
    separates: bool = True
    """Whether a formulation keeps touching objects apart."""
    sees_whole: bool = False
    """A network whose tiles cannot equal the whole image; large images are predicted by blended tiles."""


class DeviceOffer(BaseModel):
    """One device that a job can run on."""

    model_config = ConfigDict(frozen=True)

    device: str
    name: str
    memory_mb: int
    note: str = ""


class Catalogue(BaseModel):
    """Everything that the engine offers."""

    model_config = ConfigDict(frozen=True)

    key: str
    formulations: tuple[Offer, ...]
    architectures: tuple[Offer, ...]
    exporters: tuple[Offer, ...] = ()
    sections: dict[str, Any] = {}
    """JSON schema of `segstudio.config.run.RunConfig`."""
    devices: tuple[DeviceOffer, ...] = ()
    broken: dict[str, str] = {}
    """Plug-ins that could not be loaded, and why."""

    def formulation(self, name: str) -> Offer:
        """Return the formulation called `name`; raise ``KeyError``."""
        return _named(self.formulations, name)

    def architecture(self, name: str) -> Offer:
        """Return the architecture called `name`; raise ``KeyError``."""
        return _named(self.architectures, name)


def catalogue_file() -> Path:
    """Return where the catalogue of this user is kept."""
    return Path(platformdirs.user_cache_dir("segstudio", appauthor=False)) / "catalogue.json"


def catalogue_key() -> str:
    """Return what a kept catalogue must carry to be valid.

    Made of the version, its files, the plug-ins installed, and what the devices depend on: the build of torch, the
    driver and the graphics cards.
    """
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256(__version__.encode())
    for folder in ("engine", "export", "config"):
        for file in sorted((package / folder).rglob("*.py")):
            digest.update(f"{file.name} {file.stat().st_mtime_ns}".encode())
    installed = EntryPoints(()) if os.environ.get(NO_PLUG_INS) else entry_points()  # once: each call reads every file
    for group in _GROUPS:
        for point in sorted(installed.select(group=group), key=lambda p: p.name):
            digest.update(f"{group} {point.name} {point.value}".encode())
    for trace in _device_traces():
        digest.update(trace.encode())
    return f"{__version__}-{digest.hexdigest()[:16]}"


def _device_traces() -> Iterator[str]:
    """Yield what changes with the devices that torch would list, without asking torch."""
    try:
        yield version("torch")
    except PackageNotFoundError:
        yield "no torch"
    yield os.environ.get("CUDA_VISIBLE_DEVICES", "all")
    yield from sorted(card.name for card in _LINUX_DRIVER.glob("gpus/*"))
    with suppress(OSError):
        yield (_LINUX_DRIVER / "version").read_text()
    with suppress(OSError):
        yield str(_WINDOWS_DRIVER.stat().st_mtime_ns)


def load_catalogue(path: Path | None = None) -> Catalogue | None:
    """Return the kept catalogue, or ``None`` when there is none that fits this version."""
    try:
        catalogue = Catalogue.model_validate_json(limited_bytes(path or catalogue_file()))
    except (OSError, ValidationError):
        return None
    return catalogue if catalogue.key == catalogue_key() else None


def store_catalogue(catalogue: Catalogue, path: Path | None = None) -> Path:
    """Keep `catalogue` for the next start and return its file."""
    target = path or catalogue_file()
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(target, catalogue.model_dump_json().encode())
    return target


def _named(offers: tuple[Offer, ...], name: str) -> Offer:
    for offer in offers:
        if offer.name == name:
            return offer
    raise KeyError(name)

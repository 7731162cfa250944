"""project.json of earlier versions made into that of today, one version after the other.

A step takes the content that one version wrote and returns that of the next one; it looks at nothing else, so that
it does the same in all later versions. Add one with each new `SCHEMA_VERSION`, and never change an old one.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import BadInput
from segstudio.io.atomic import write_atomic
from segstudio.io.disk import DISK, Disk

SCHEMA_VERSION: Final = 3

Content = dict[str, Any]


def _to_2(content: Content) -> Content:
    """Make removed classes a field, and give each save a number: it tells the newer one of two copies."""
    settings = content.get("settings")
    if not isinstance(settings, dict):
        return content  # told as damage by who checks the fields
    removed = settings.get("removed_classes")
    left = {name: value for name, value in settings.items() if name != "removed_classes"}
    return {"revision": 0, **content, "settings": left, "removed_classes": removed if isinstance(removed, list) else []}


def _to_3(content: Content) -> Content:
    """Say along which axes the planes of images lie: of stacks the first plane was labelled, as if they were flat."""
    images = content.get("images")
    if not isinstance(images, list):
        return content
    flat = [{"axes": "", "sizes": [], **item} if isinstance(item, dict) else item for item in images]
    return {**content, "images": flat}


STEPS: Final[Mapping[int, Callable[[Content], Content]]] = {1: _to_2, 2: _to_3}


def migrated(content: Content) -> Content:
    """Return the content of project.json, as any earlier version wrote it, in the form of today."""
    for version in range(content["schema_version"], SCHEMA_VERSION):
        content = {**STEPS[version](content), "schema_version": version + 1}
    return content


def check_version(path: Path, content: Content, *, newer: bool) -> int:
    """Return the version that wrote a project.json.

    Parameters
    ----------
    newer
        Whether one that this program does not know is taken as well, for reading only.

    Raises
    ------
    BadInput
        It names none, or a newer one.
    """
    version = content.get("schema_version")
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise BadInput(
            f"{path.name} is damaged: the field schema_version is no version number.",
            hint="Restore it from a backup.",
            code="file-damaged",
            path=path,
        )
    if version > SCHEMA_VERSION and not newer:
        raise BadInput(
            f"{path.name} was written by a newer SegStudio (format {version}, this one knows {SCHEMA_VERSION}).",
            hint="Open it for reading only, or install the newest version; nothing was changed.",
            code="newer-format",
            path=path,
        )
    return version


def of_version(path: Path, version: int) -> Path:
    """Return where the project.json of an earlier version is kept when a later one first writes: project.v1.json."""
    return path.with_name(f"{path.stem}.v{version}{path.suffix}")


def keep_version(path: Path, version: int, data: bytes, disk: Disk = DISK) -> None:
    """Keep the content of a project.json before a later version of the program writes it for the first time.

    Raises
    ------
    DiskError
        Nothing has changed then.
    """
    kept = of_version(path, version)
    if version < SCHEMA_VERSION and not kept.exists():
        write_atomic(kept, data, disk)

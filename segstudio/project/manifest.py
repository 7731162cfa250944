"""project.json: what a project consists of, checked field by field."""

import json
from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from segstudio.config.problems import first_problem
from segstudio.core.classes import ClassTable, ObjectClass
from segstudio.core.errors import BadInput
from segstudio.core.stack_shape import shape_of
from segstudio.io.objects_file import parse_json
from segstudio.project.checksums import sum_of
from segstudio.project.label_stems import STEM_BYTES, clean_stem, stem_key
from segstudio.project.migration import SCHEMA_VERSION, check_version, migrated

MANIFEST: Final = "project.json"
BACKUP: Final = "project.json.bak"
#: About 100,000 images.
SIZE_LIMIT: Final = 64 << 20

#: Lists and objects lie at most so deeply in each other; a setting may be a table.
DEPTH_LIMIT: Final = 32
#: Setting that remembers whose the label files are that no image of the project has.
LEFT_LABELS: Final = "left_labels"
#: Setting that remembers the automatic choice between training and validation.
AUTOMATIC_SPLITS: Final = "automatic_splits"

SplitChoice = Literal["auto", "train", "val", "test"]
ImageState = Literal["empty", "labelled", "predicted", "reviewed"]


@dataclass(frozen=True)
class ImageEntry:
    """One image of a project.

    Attributes
    ----------
    id
        Never changes.
    path
        Relative to the project folder, with ``/``, when the image lies near it; absolute otherwise.
    name
        File name, as shown.
    stem
        Name of its label files without ending; unique in the project.
    height, width, channels, dtype
        Of the image, pixels and numpy name.
    pixel_size_um
        Side of a pixel in micrometres, ``None`` when unknown.
    axes, sizes
        Letters of the axes along which the planes of a stack lie, slowest first, as ``"TZ"``, and how many there are
        along each; empty for a flat image.
    read_as
        What the user says its axes mean, as `segstudio.io.read_as` takes it; empty for what its file says.
    fingerprint
        Size and hash of beginning and end of the file: tells whether it is still the same.
    split
        ``"auto"``: by the hash of `id`.
    reviewed
        The user has called it finished.
    objects
        Number of objects when the image was published, left or closed the last time.
    marked
        Regions were marked then.
    predicted
        Name of the run whose prediction came last, empty without.
    """

    id: str
    path: str
    name: str
    stem: str
    height: int
    width: int
    channels: int = 1
    dtype: str = "uint8"
    pixel_size_um: float | None = None
    axes: str = ""
    sizes: tuple[int, ...] = ()
    read_as: str = ""
    fingerprint: str = ""
    split: SplitChoice = "auto"
    reviewed: bool = False
    objects: int = 0
    marked: bool = False
    predicted: str = ""

    @property
    def planes(self) -> int:
        """How many planes it has."""
        return prod(self.sizes)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of its labels: ``(rows, columns)``, a `StackShape` where it has several planes."""
        return shape_of(self.height, self.width, self.planes)

    def plane_id(self, plane: int) -> str:
        """Return what a plane is called among files and messages: the id, with the number of the plane for a stack."""
        return self.id if self.planes == 1 else f"{self.id}.{plane}"

    @property
    def labelled(self) -> bool:
        """Whether a training can learn from it."""
        return self.objects > 0 or self.marked

    @property
    def state(self) -> ImageState:
        """How far the work on it is."""
        if self.reviewed:
            return "reviewed"
        if self.labelled:
            return "labelled"
        return "predicted" if self.predicted else "empty"


def image_and_plane(plane_id: str) -> tuple[str, int]:
    """Return the id of the image and the number of the plane that `ImageEntry.plane_id` has put together."""
    image_id, _, plane = plane_id.partition(".")
    return image_id, int(plane or 0)


@dataclass(frozen=True)
class Manifest:
    """The content of project.json."""

    name: str
    images: tuple[ImageEntry, ...] = ()
    classes: ClassTable = field(default_factory=ClassTable)
    settings: dict[str, Any] = field(default_factory=dict)
    revision: int = field(default=0, compare=False)
    """Number of the save that it was read from or written by: of two copies, the newer one has the larger number."""
    origin: str = field(default="", compare=False)
    """Digest of the file that it was read from or written to; empty before it was in any."""
    of_newer: bool = field(default=False, compare=False)
    """Whether a newer program wrote it: it is not to be saved, for that would drop what this one does not know."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Class(_Strict):
    id: Annotated[int, Field(ge=1, le=2**31 - 1)]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    colour: Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class _Image(_Strict):
    id: Annotated[str, Field(pattern=r"^[0-9a-z-]{1,40}$")]
    path: Annotated[str, Field(min_length=1, max_length=4096)]
    name: Annotated[str, Field(min_length=1, max_length=1024)]
    stem: Annotated[str, Field(min_length=1, max_length=200)]
    height: Annotated[int, Field(ge=1, le=2**31 - 1)]
    width: Annotated[int, Field(ge=1, le=2**31 - 1)]
    channels: Annotated[int, Field(ge=1, le=65_535)]
    dtype: Annotated[str, Field(max_length=20)]
    pixel_size_um: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    axes: Annotated[str, Field(pattern=r"^[A-Z]{0,8}$")]
    sizes: Annotated[list[Annotated[int, Field(ge=1, le=10**7)]], Field(max_length=8)]
    read_as: Annotated[str, Field(pattern=r"^[A-Z]{0,8}$")] = ""
    fingerprint: Annotated[str, Field(max_length=100)]
    split: SplitChoice
    reviewed: bool
    objects: Annotated[int, Field(ge=0)]
    marked: bool
    predicted: Annotated[str, Field(max_length=1024)]


class _Manifest(_Strict):
    schema_version: int
    revision: Annotated[int, Field(ge=0)]
    name: Annotated[str, Field(max_length=1024)]
    classes: Annotated[list[_Class], Field(min_length=1)]
    removed_classes: list[Any]
    settings: dict[str, Any]
    images: list[_Image]


class _OfNewer(_Manifest):
    """What a newer program wrote: fields that are known mean what they did, the others are passed over."""

    model_config = ConfigDict(extra="ignore", strict=True)


def parse_manifest(path: Path, raw: bytes, *, newer: bool = False) -> tuple[Manifest, int]:
    """Return the manifest that `raw`, the content of the file at `path`, holds, and the version that wrote it.

    Raises
    ------
    BadInput
        It is damaged, or of a newer program and that is not asked for.
    """
    content = parse_json(path, raw, DEPTH_LIMIT)
    version = check_version(path, content, newer=newer)
    try:
        newest = version > SCHEMA_VERSION
        model, content = (_OfNewer, _known_part(content)) if newest else (_Manifest, migrated(content))
        parsed = model.model_validate(content)
    except ValidationError as error:
        if version > SCHEMA_VERSION:
            check_version(path, content, newer=False)  # raises: it has changed too much
        raise _damaged(path, f"the field {first_problem(error)}") from error
    images = tuple(ImageEntry(**{**image.model_dump(), "sizes": tuple(image.sizes)}) for image in parsed.images)
    _check_names(path, images)
    classes = ClassTable(tuple(ObjectClass(item.id, item.name, item.colour) for item in parsed.classes))
    if len(set(classes.ids)) != len(classes):
        raise _damaged(path, "the field classes repeats an id")
    removed = (_removed(item) for item in parsed.removed_classes)
    classes = ClassTable(classes.classes, tuple(item for item in removed if item and item.id not in classes.ids))
    return Manifest(parsed.name, images, classes, parsed.settings, parsed.revision, sum_of(raw), newest), version


def _known_part(content: dict[str, Any]) -> dict[str, Any]:
    """Return what a newer program wrote without what this one does not know of images and classes."""
    part = dict(content)
    for name, model in (("images", _Image), ("classes", _Class)):
        items = content.get(name)
        if isinstance(items, list):
            known = model.model_fields
            part[name] = [_fields(item, known) if isinstance(item, dict) else item for item in items]
    return part


def _fields(item: dict[str, Any], known: Container[str]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name in known}


def _removed(item: object) -> ObjectClass | None:
    try:
        known = _Class.model_validate(item)
    except ValidationError:
        return None  # only its name would be lost
    return ObjectClass(known.id, known.name, known.colour)


def _check_names(path: Path, images: tuple[ImageEntry, ...]) -> None:
    ids: set[str] = set()
    stems: set[str] = set()
    for index, image in enumerate(images):
        if image.id in ids:
            raise _damaged(path, f"the field images.{index}.id repeats {image.id}")
        if "\0" in image.path:
            raise _damaged(path, f"the field images.{index}.path is no path")
        # Label files are written under this name: it must not lead out of the folder, nor to another image's.
        if image.stem != clean_stem(image.stem, STEM_BYTES) or stem_key(image.stem) in stems:
            raise _damaged(path, f"the field images.{index}.stem is no name of its own")
        ids.add(image.id)
        stems.add(stem_key(image.stem))


def _damaged(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"{path.name} is damaged: {reason}.",
        hint=f"Restore {path.name} in {path.parent} from a backup.",
        code="project-damaged",
        path=path,
    )


def _fields_of(entry: ImageEntry) -> Iterable[tuple[str, object]]:
    return ((name, getattr(entry, name)) for name in _Image.model_fields)


def encode_manifest(manifest: Manifest) -> bytes:
    """Return the bytes of project.json: one line an image, so that two versions can be compared."""
    images = ",\n  ".join(
        json.dumps({name: value for name, value in _fields_of(entry) if value or name != "read_as"}, ensure_ascii=False)
        for entry in manifest.images
    )
    table = manifest.classes
    classes, removed = (
        json.dumps([{"id": item.id, "name": item.name, "colour": item.colour} for item in items], ensure_ascii=False)
        for items in (table.classes, table.removed)
    )
    text = (
        f'{{\n "schema_version": {SCHEMA_VERSION},\n "revision": {manifest.revision},\n'
        f' "name": {json.dumps(manifest.name, ensure_ascii=False)},\n'
        f' "classes": {classes},\n "removed_classes": {removed},\n'
        f' "settings": {json.dumps(manifest.settings, ensure_ascii=False, sort_keys=True, allow_nan=False)},\n'
        f' "images": [\n  {images}\n ]\n}}\n'
    )
    # What is no text, as half a character in a name, would make a file that cannot be read again.
    return text.encode("utf-8", "replace")

"""Samples → images with targets, made once, in memory up to a limit and in files beyond it."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from segstudio.config.run import RunConfig
from segstudio.core.errors import BadInput
from segstudio.core.tiles import Window
from segstudio.engine.data.annotation import read_annotation
from segstudio.engine.data.channels import ChannelPlan, as_channels
from segstudio.engine.data.normalise import normalise
from segstudio.engine.data.target_images import read_target
from segstudio.engine.data.training_image import TrainingImage
from segstudio.io.atomic import make_folders
from segstudio.io.disk import disk_errors
from segstudio.io.read_as import open_as
from segstudio.jobs.spec import SampleRecord

#: Larger images are cut into overlapping parts of at most this side, pixels.
PART_PX = 2048
_OVERLAP_PX = 128
_POSITIONS = 50_000
#: Of the 16-bit numbers as which targets wait: one extreme pixel must not become infinite, and so the loss.
_LARGEST = float(np.finfo(np.float16).max)
_MARGIN_PX = (8, 96)


@dataclass(frozen=True)
class LabelledPart:
    """One image, or one part of a large one: what is seen and what is known.

    Attributes
    ----------
    image
        ``(C, H, W)`` float32, normalised with the constants of the whole image.
    known
        ``(H, W)`` int32: object id, 0 background, -1 nothing known.
    target
        ``(K, H, W)`` float32: what a network is to make of the image, where it learns images.
    """

    sample: SampleRecord
    image: NDArray[np.float32]
    known: NDArray[np.int32]
    target: NDArray[np.float32] | None = None


class TargetStore:
    """Keeps images and targets in memory until `limit_bytes`, and the rest in files of `folder`, which is its own.

    The files are mapped, so the system reads only what a patch needs.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._left = limit_bytes
        self._files = 0
        self._kept: dict[int, NDArray[Any]] = {}

    def keep(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return `array`, or a read-only map of a file with its content; one that is kept already is not kept again.

        Raises
        ------
        DiskError
            The file could not be written.
        """
        if id(array) in self._kept:
            return array
        kept: NDArray[Any] = array if array.flags.c_contiguous else np.ascontiguousarray(array)
        if kept.nbytes <= self._left:
            self._left -= kept.nbytes
        else:
            kept = self._mapped(kept)
        self._kept[id(kept)] = kept
        return kept

    def close(self) -> None:
        """Remove the files."""
        self._kept.clear()
        if self._files:
            # Windows keeps files that are still mapped, and a run that was killed may have left others.
            shutil.rmtree(self._folder, ignore_errors=True)

    def _mapped(self, array: NDArray[Any]) -> NDArray[Any]:
        make_folders(self._folder)
        path = self._folder / f"{self._files:06d}.npy"
        self._files += 1
        with disk_errors(path, "written"):
            np.save(path, array)
        mapped: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        return mapped


@dataclass(frozen=True)
class Reading:
    """How samples are read: channels and percentiles, the largest side of a part, and whether targets are images.

    Images and labels wait in `store`, if there is one, and else in memory.
    """

    channels: ChannelPlan
    low_percentile: float = 1.0
    high_percentile: float = 99.8
    part_px: int = PART_PX
    targets: bool = False
    store: TargetStore | None = None


def read_sample(
    sample: SampleRecord, reading: Reading, note: Callable[[Path, str], None] = lambda path, sentence: None
) -> list[LabelledPart]:
    """Read an image with its labels, in parts if it is large; parts without any known pixel are left out.

    Parameters
    ----------
    note
        Told the file and a sentence for everything that had to be interpreted.

    Raises
    ------
    BadInput
        A file cannot be read, or does not fit the others.
    """
    with open_as(sample.image, sample.axes) as source:
        size = source.info.size
        raw = source.read(plane=sample.plane or 0)
        first = source.info.first_only if sample.plane is None else ""
        for sentence in (*source.info.warnings, *filter(None, (first,))):
            note(sample.image, sentence)
    target = None
    if reading.targets:
        if sample.target is None:
            return []
        target = read_target(sample.target, size, note)
        sample = sample.model_copy(update={"labels": None, "complete": True})  # known is where nothing is ignored
    known = read_annotation(sample, size, note)
    if not (known >= 0).any():
        return []
    known, classes = _small_ids(known, sample.object_classes)
    sample = sample.model_copy(update={"object_classes": classes})
    plan = reading.channels
    seen = as_channels(raw, plan.kind, plan.count, sample.image)
    image = normalise(seen, joint=plan.kind == "rgb", low=reading.low_percentile, high=reading.high_percentile)
    keep = (lambda array: array) if reading.store is None else reading.store.keep
    return [
        LabelledPart(
            sample,
            keep(image[:, *window.slices]),
            keep(known[window.slices]),
            None if target is None else target[:, *window.slices],
        )
        for window in parts(size, reading.part_px)
        if (known[window.slices] >= 0).any()
    ]


def parts(size: tuple[int, int], part_px: int) -> list[Window]:
    """Cut an image into windows of at most `part_px` that overlap, so that most objects lie whole in one of them.

    Examples
    --------
    >>> [(w.x0, w.x1) for w in parts((100, 3000), 2048)]
    [(0, 2048), (952, 3000)]
    """
    rows, columns = (list(_starts(length, part_px)) for length in size)
    return [Window(y, x, y + part_px, x + part_px).clip(size) for y in rows for x in columns]


def margin_px(diameter: float | None) -> int:
    """Return how far around a patch its labels are looked at when its targets are made: one object of `diameter`."""
    return int(np.clip(np.ceil(diameter or 0), *_MARGIN_PX))


def object_areas(known: NDArray[np.int32]) -> list[int]:
    """Return the number of pixels of each object in `known` ``(H, W)``, by ascending id."""
    _, counts = np.unique(known[known > 0], return_counts=True)
    return [int(number) for number in counts]


class TargetMaker(Protocol):
    """What makes targets of labels: a `Formulation`, or a preview."""

    class_ids: tuple[int, ...]

    @property
    def exact_targets(self) -> frozenset[str]:
        """Targets that stay float32."""
        ...

    def encode(
        self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None, /
    ) -> dict[str, NDArray[np.float32]]:
        """Return the targets of a whole image."""
        ...


@runtime_checkable
class ImageTargetMaker(Protocol):
    """What makes targets of target images too."""

    def encode_image(self, target: NDArray[np.float32], known: NDArray[np.bool_], /) -> dict[str, NDArray[np.float32]]:
        """Return the targets of a target image, known at some pixels."""
        ...


def training_image(
    part: LabelledPart, formulation: TargetMaker, patch: int, store: TargetStore, settings: RunConfig | None = None
) -> TrainingImage:
    """Return `part` with its targets, padded to at least one patch: the image reflected, the targets with 0.

    Parameters
    ----------
    settings
        Whether patches change their shape, for which the labels are kept, and whether classes are balanced.
        ``None`` means neither.
    """
    known = part.known
    classes = dict(part.sample.object_classes)
    if part.target is not None and isinstance(formulation, ImageTargetMaker):
        targets = formulation.encode_image(part.target, known >= 0)
    else:
        targets = formulation.encode(known, classes)
    add = [(0, max(0, patch - length)) for length in known.shape]
    grows = any(beyond for _, beyond in add)
    image = np.pad(part.image, [(0, 0), *add], mode="symmetric") if grows else part.image
    kept = {}
    for name in list(targets):
        planes = targets.pop(name)  # one after the other in 32 bits: together they are many times the image
        small = planes if name in formulation.exact_targets else planes.clip(-_LARGEST, _LARGEST).astype(np.float16)
        kept[name] = store.keep(np.pad(small, [(0, 0), *add]) if grows else small)
    rng = np.random.default_rng(known.size)
    reshapes = settings is not None and settings.augmentation.reshapes
    balance = settings is not None and settings.data.balance_classes
    return TrainingImage(
        image_id=part.sample.image_id,
        image=store.keep(image),
        targets=kept,
        objects=_positions(known > 0, rng),
        known=_positions(known >= 0, rng),
        labels=store.keep(np.pad(known, add, constant_values=-1) if grows else known) if reshapes else None,
        target=store.keep(np.pad(part.target, [(0, 0), *add])) if reshapes and part.target is not None else None,
        classes=classes if reshapes else {},
        of_class=_positions_of_class(known, classes, formulation.class_ids, rng) if balance else {},
    )


def check_trainable(samples: Sequence[SampleRecord]) -> None:
    """Raise `BadInput` when `samples` hold nothing to learn from."""
    if not samples:
        raise BadInput(
            "There is no image to train on.",
            hint="Add images and outline some objects, or mark more images for training.",
            code="no-training-images",
        )


def _small_ids(known: NDArray[np.int32], classes: Mapping[int, int]) -> tuple[NDArray[np.int32], dict[int, int]]:
    """Return `known` and the classes of its objects with ids that are numbers of pixels at most.

    Tables by id take memory for the largest one; some programs write ids that are random 32-bit numbers.
    """
    if int(known.max()) <= known.size:
        return known, dict(classes)
    ids = np.unique(known[known > 0])
    numbered = np.where(known > 0, np.searchsorted(ids, known) + 1, known).astype(np.int32)
    return numbered, {place: classes[int(i)] for place, i in enumerate(ids, start=1) if int(i) in classes}


def _starts(length: int, part: int) -> Iterator[int]:
    if length <= part:
        yield 0
        return
    number = -(-(length - _OVERLAP_PX) // (part - _OVERLAP_PX))
    for index in range(number):
        yield round(index * (length - part) / (number - 1))


def _positions_of_class(
    known: NDArray[np.int32], classes: Mapping[int, int], class_ids: Sequence[int], rng: np.random.Generator
) -> dict[int, NDArray[np.int32]]:
    ids = np.unique(known[known > 0])
    of_id = np.array([classes.get(int(number), class_ids[0]) for number in ids], np.int64)
    return {int(class_id): _positions(np.isin(known, ids[of_id == class_id]), rng) for class_id in np.unique(of_id)}


def _positions(mask: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int32]:
    flat = np.flatnonzero(mask)
    if len(flat) > _POSITIONS:
        flat = rng.choice(flat, _POSITIONS, replace=False)
    return np.stack(np.divmod(flat, mask.shape[1]), axis=1).astype(np.int32)

"""What a training learns from in a folder: a project, or images with masks or targets, as records."""

from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from segstudio.core.errors import BadInput
from segstudio.io.seg_file import ENDING
from segstudio.io.sources import open_image
from segstudio.jobs.spec import SampleRecord, Split
from segstudio.project.image_files import (
    IMAGES,
    MASKS,
    SPLITS,
    TARGETS,
    find_mask,
    find_target,
    list_images,
    without_masks,
)
from segstudio.project.layout import is_project
from segstudio.project.left_out import LeftOut
from segstudio.project.project import Project
from segstudio.project.samples import refuse_changed_images, training_samples
from segstudio.project.splits import FRACTION, resolve


def folder_samples(
    path: Path,
    limit: int | None = None,
    fraction: float = FRACTION,
    seed: int = 0,
    warn: Callable[[str], None] = lambda sentence: None,
    learns_images: bool = False,
) -> list[SampleRecord]:
    """Return the training data of a folder.

    Parameters
    ----------
    path
        A project; or a folder with ``images/`` and ``masks/`` (same stems, complete instance labels), or ``targets/``
        (the images that a network is to make of them); or one with ``train/`` and ``val/`` (and ``test/``) of that
        form.
    limit
        Use the first so many training images in the order of their stems.
    fraction, seed
        How images are chosen for validation where the folders do not say.
    warn
        Gets a sentence about images that are left out.
    learns_images
        Whether target images beside those of a project are learned, where there are any.

    Raises
    ------
    BadInput
        No images, no masks, a mask of another size, or one labelled image only.
    """
    path = path.absolute()
    if not path.is_dir():
        raise BadInput(
            f"{path.name} is not a folder." if path.exists() else f"{path.name} was not found in {path.parent}.",
            hint="Give a project, or a folder with images/ and masks/.",
            code="data-missing",
            path=path,
        )
    if is_project(path):
        with Project.open(path, read_only=True) as project:
            left_out: list[LeftOut] = []
            samples = training_samples(project, learns_images, fraction, seed, left_out.append)
            for item in left_out:
                warn(item.sentence)
            refuse_changed_images(project, samples)
    elif (path / "train").is_dir():
        samples = _split_folders(path, warn)
    else:
        samples = _one_folder(path, fraction, seed, warn)
    _check_enough(path, samples)
    return _limited(samples, limit)


@dataclass(frozen=True)
class _Pair:
    image: Path
    mask: Path | None
    target: Path | None

    @property
    def others(self) -> Iterator[tuple[str, Path]]:
        """Yield what must have the size of the image, with what to call it."""
        for name, path in (("mask", self.mask), ("target", self.target)):
            if path is not None:
                yield name, path


def _split_folders(path: Path, warn: Callable[[str], None]) -> list[SampleRecord]:
    samples: list[SampleRecord] = []
    used: set[str] = set()
    for split in SPLITS:
        if split == "auto" or not (path / split).is_dir():
            continue
        for pair in _pairs(path / split, warn):
            name = _free_name(pair.image.stem, split, used)
            used.add(name)
            samples.append(_record(pair, name, split))
    if not any(sample.split == "val" for sample in samples):
        return _resplit(samples)
    return samples


def _free_name(stem: str, split: str, used: Container[str]) -> str:
    """Return a name for an image that no other one has: splits are kept by it."""
    more = (f"{split}-{stem}-{number}" for number in count(2))
    return next(name for name in chain((stem, f"{split}-{stem}"), more) if name not in used)


def _resplit(samples: Sequence[SampleRecord]) -> list[SampleRecord]:
    """Take validation images out of the training images where no folder gives any; test images stay."""
    entries = [_entry(sample, sample.split if sample.split == "test" else "auto") for sample in samples]
    splits = resolve(entries, {})
    return [sample.model_copy(update={"split": splits[sample.image_id]}) for sample in samples]


def _one_folder(path: Path, fraction: float, seed: int, warn: Callable[[str], None]) -> list[SampleRecord]:
    pairs = _pairs(path, warn)
    names = _unique([pair.image for pair in pairs])
    samples = [_record(pair, name, "train") for pair, name in zip(pairs, names, strict=True)]
    splits = resolve([_entry(sample, "auto") for sample in samples], {}, fraction, seed)
    return [sample.model_copy(update={"split": splits[sample.image_id]}) for sample in samples]


@dataclass(frozen=True)
class _Entry:
    id: str
    split: str
    labelled: bool = True


def _entry(sample: SampleRecord, split: str) -> _Entry:
    return _Entry(sample.image_id, split)


def _unique(images: Sequence[Path]) -> list[str]:
    stems = [image.stem for image in images]
    return [image.stem if stems.count(image.stem) == 1 else image.name for image in images]


def _pairs(folder: Path, warn: Callable[[str], None]) -> list[_Pair]:
    """Return images with their masks or targets, sorted by stem, all checked for size."""
    images = folder / IMAGES
    if not images.is_dir():
        raise BadInput(
            f"{folder.name} has no folder {IMAGES}/.",
            hint=f"Put the images into {IMAGES}/ and their label masks, with the same names, into {MASKS}/.",
            code="no-images",
            path=folder,
        )
    files = without_masks(list_images(images))
    folders = (folder / MASKS, folder / TARGETS)
    if not any(path.is_dir() for path in folders) and not any(map(find_mask, files)):
        raise BadInput(
            f"{folder.name} has no folder {MASKS}/ beside {IMAGES}/, so nothing is labelled.",
            hint=f"Put a label mask with the same name for each image into {MASKS}/, or label in the window.",
            code="no-masks",
            path=folder,
        )
    if not files:
        raise BadInput(
            f"{images.name} in {folder.name} holds no images.",
            hint="Put TIFF, PNG or JPEG images there.",
            code="no-images",
            path=images,
        )
    found = [_Pair(image, find_mask(image), find_target(image)) for image in files]
    pairs = [pair for pair in found if pair.mask is not None or pair.target is not None]
    if not pairs:
        raise BadInput(
            f"No mask in {folder / MASKS} has the name of an image, so nothing is labelled.",
            hint="Give each mask the name of its image; the ending may differ.",
            code="no-labels",
            path=folder / MASKS,
        )
    if len(pairs) < len(files):
        lacking = "mask" if not (folder / TARGETS).is_dir() else "mask or target"
        warn(f"{len(files) - len(pairs)} of {len(files)} images in {images} have no {lacking} and are left out.")
    for pair in pairs:
        _check_size(pair)
    return pairs


def _check_size(pair: _Pair) -> None:
    with open_image(pair.image) as image:
        height, width = image.info.size
    for name, path in pair.others:
        if path.name.endswith(ENDING):
            continue  # compared when it is read: that takes a process
        with open_image(path, indices=name == "mask") as other:
            rows, columns = other.info.size
        if (rows, columns) != (height, width):
            raise BadInput(
                f"The {name} {path.name} has {rows} × {columns} pixels, its image {pair.image.name} "
                f"{height} × {width}.",
                hint=f"Export the {name} again in the size of the image, or take both out of the folders.",
                code=f"{name}-size",
                path=path,
            )


def _record(pair: _Pair, name: str, split: Split) -> SampleRecord:
    return SampleRecord(
        image_id=name,
        image=pair.image,
        labels=pair.mask,
        target=pair.target,
        complete=pair.mask is not None,
        split=split,
    )


def _check_enough(path: Path, samples: Sequence[SampleRecord]) -> None:
    usable = [sample for sample in samples if sample.split != "test"]
    if not usable:
        raise BadInput(
            f"{path.name} has no labelled image to train on.",
            hint="Label about 10 objects in at least 2 images.",
            code="no-labels",
            path=path,
        )
    if len(usable) == 1:
        raise BadInput(
            f"{path.name} has one labelled image only ({usable[0].image.name}).",
            hint="Label a second one: one is for training, the other to see how well it works.",
            code="one-image",
            path=path,
        )
    if not any(sample.split == "train" for sample in usable):
        raise BadInput(
            f"{path.name} has no labelled image for training: all are for validation.",
            hint="Set the split of some images to train.",
            code="no-training-images",
            path=path,
        )


def _limited(samples: Sequence[SampleRecord], limit: int | None) -> list[SampleRecord]:
    if limit is None:
        return list(samples)
    if limit < 1:
        raise BadInput(f"{limit} training images are too few.", hint="Give at least 1.", code="limit")
    training = sorted((sample for sample in samples if sample.split == "train"), key=lambda sample: sample.image.stem)
    kept = {id(sample) for sample in training[:limit]}
    return [sample for sample in samples if sample.split != "train" or id(sample) in kept]

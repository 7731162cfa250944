"""What a training learns from: the saved labels of a project, or a folder of images with masks, as records."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from segstudio.core.errors import BadInput
from segstudio.io.objects_file import read_objects
from segstudio.io.sources import open_image
from segstudio.jobs.spec import SampleRecord, Split
from segstudio.project.image_files import IMAGES, MASKS, SPLITS, TARGETS, find_mask, find_target, list_images
from segstudio.project.layout import is_project
from segstudio.project.project import Project
from segstudio.project.splits import FRACTION, resolve, resolve_kept


def project_samples(project: Project, fraction: float = FRACTION, seed: int = 0) -> list[SampleRecord]:
    """Return a record for each image of a project, labelled or not, from what is saved.

    Parameters
    ----------
    project
        Documents with newer edits are to be checkpointed before.
    fraction, seed
        As in `segstudio.project.splits.resolve_kept`.

    Raises
    ------
    BadInput
        An object table is damaged.
    """
    rows = []
    for entry in project.images:
        files = project.files(entry.id)
        objects = read_objects(files.objects)[0] if files.objects.exists() else {}
        labels = files.labels if files.labels.exists() else None
        regions = files.regions if files.regions.exists() else None
        # The tables are newer than the counts in the manifest when another program runs on the project.
        known = replace(entry, objects=len(objects), marked=regions is not None and entry.marked)
        rows.append((known, labels, regions, {key: info.class_id for key, info in objects.items()}))
    splits = project.splits([row[0] for row in rows], fraction, seed)
    return [
        SampleRecord(
            image_id=entry.id,
            image=project.image_path(entry.id),
            labels=labels,
            regions=regions,
            object_classes=classes,
            pixel_size_um=entry.pixel_size_um,
            split=splits[entry.id],
        )
        for entry, labels, regions, classes in rows
    ]


def labelled_samples(project: Project, fraction: float = FRACTION, seed: int = 0) -> list[SampleRecord]:
    """Return the records of `project_samples` that a training can learn from: objects, or regions known to have none.

    The window and the command line both train on these, so that the same project gives both the same images, the same
    ones of them for validation.
    """
    return [sample for sample in project_samples(project, fraction, seed) if _useful(project, sample)]


def training_samples(
    project: Project, learns_images: bool, fraction: float = FRACTION, seed: int = 0
) -> list[SampleRecord]:
    """Return what a training learns from: pairs of images where it can learn those and there are any, else labels."""
    pairs = project_pairs(project, fraction, seed) if learns_images else []
    return pairs or labelled_samples(project, fraction, seed)


def project_pairs(project: Project, fraction: float = FRACTION, seed: int = 0) -> list[SampleRecord]:
    """Return a record for each image of a project that has a target: an image of its name in ``targets`` beside it.

    Parameters
    ----------
    fraction, seed
        As in `segstudio.project.splits.resolve_kept`.
    """
    found = [(entry, find_target(project.image_path(entry.id))) for entry in project.images]
    entries = [replace(entry, objects=1) for entry, target in found if target is not None]
    splits = resolve_kept(entries, {}, fraction, seed)
    return [
        SampleRecord(
            image_id=entry.id,
            image=project.image_path(entry.id),
            target=target,
            pixel_size_um=entry.pixel_size_um,
            split=splits[entry.id],
        )
        for entry, target in found
        if target is not None
    ]


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
            samples = training_samples(project, learns_images, fraction, seed)
    elif (path / "train").is_dir():
        samples = _split_folders(path, warn)
    else:
        samples = _one_folder(path, fraction, seed, warn)
    _check_enough(path, samples)
    return _limited(samples, limit)


def _useful(project: Project, sample: SampleRecord) -> bool:
    return sample.labels is not None and (bool(sample.object_classes) or project.entry(sample.image_id).marked)


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
            name = pair.image.stem if pair.image.stem not in used else f"{split}-{pair.image.stem}"
            used.add(name)
            samples.append(_record(pair, name, split))
    if not any(sample.split == "val" for sample in samples):
        return _resplit(samples)
    return samples


def _resplit(samples: Sequence[SampleRecord]) -> list[SampleRecord]:
    """Take validation images out of the training images where no folder gives any; test images stay."""
    entries = [_entry(sample, sample.split if sample.split == "test" else "auto") for sample in samples]
    splits = resolve(entries)
    return [sample.model_copy(update={"split": splits[sample.image_id]}) for sample in samples]


def _one_folder(path: Path, fraction: float, seed: int, warn: Callable[[str], None]) -> list[SampleRecord]:
    pairs = _pairs(path, warn)
    names = _unique([pair.image for pair in pairs])
    samples = [_record(pair, name, "train") for pair, name in zip(pairs, names, strict=True)]
    splits = resolve([_entry(sample, "auto") for sample in samples], fraction, seed)
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
    if not (folder / MASKS).is_dir() and not (folder / TARGETS).is_dir():
        raise BadInput(
            f"{folder.name} has no folder {MASKS}/ beside {IMAGES}/, so nothing is labelled.",
            hint=f"Put a label mask with the same name for each image into {MASKS}/, or label in the window.",
            code="no-masks",
            path=folder,
        )
    files = list_images(images)
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

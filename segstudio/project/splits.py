"""Which image is for training, validation or test: by the hash of its id, and in a project once and for all."""

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Final, Protocol

from segstudio.jobs.spec import Split

FRACTION: Final = 0.2
_AUTO: Final = "auto"


class Splittable(Protocol):
    """What `resolve` has to know of an image."""

    @property
    def id(self) -> str:
        """Stable name."""

    @property
    def split(self) -> str:
        """``"auto"``, or what the user chose."""

    @property
    def labelled(self) -> bool:
        """Whether a training can use it."""


def position(image_id: str, seed: int) -> float:
    """Return a number in [0, 1) that depends on the id and the seed alone."""
    digest = blake2b(f"{seed}|{image_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 11) / (1 << 53)


def resolve(
    entries: Iterable[Splittable], kept: Mapping[str, Split], fraction: float = FRACTION, seed: int = 0
) -> Mapping[str, Split]:
    """Return the split of each image, where none whose split is kept ever changes sides by itself.

    Parameters
    ----------
    entries
        Images; a split other than ``"auto"`` stays.
    kept
        Earlier choices for automatic images by their id; they stay. A folder, unlike a project, keeps none.
    fraction
        Share of the labelled images that goes to validation, 0 to 1: of two or more at least one.
    seed
        Which of several new images go to validation.

    Notes
    -----
    Images without labels count for training: what they become is decided when they have some.
    """
    images = list(entries)
    result: dict[str, Split] = {}
    for image in images:
        chosen = image.split if image.split in ("train", "val", "test") else kept.get(image.id, "train")
        result[image.id] = chosen  # type: ignore[assignment]  # one of the three
    used = [image.id for image in images if image.labelled and result[image.id] != "test"]
    new = [image.id for image in images if image.labelled and image.split == _AUTO and image.id not in kept]
    wanted = min(max(round(fraction * len(used)), 1), len(used) - 1) if fraction > 0 and len(used) > 1 else 0
    missing = max(0, wanted - sum(result[image_id] == "val" for image_id in used))
    for image_id in sorted(new, key=lambda image_id: position(image_id, seed))[:missing]:
        result[image_id] = "val"
    return result

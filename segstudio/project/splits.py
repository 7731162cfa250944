"""Which image is for training, validation or test: by the hash of its id, so that adding one never moves another."""

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


def resolve(entries: Iterable[Splittable], fraction: float = FRACTION, seed: int = 0) -> Mapping[str, Split]:
    """Return the split of each image.

    Parameters
    ----------
    entries
        Images; a split other than ``"auto"`` stays.
    fraction
        Share of the others that goes to validation, 0 to 1.
    seed
        Another seed gives another choice.

    Notes
    -----
    With two or more labelled images at least one is for validation and one for training, as far as the user's own
    choices allow: the one nearest to the border changes sides.
    """
    images = list(entries)
    result: dict[str, Split] = {}
    for image in images:
        if image.split in ("train", "val", "test"):
            result[image.id] = image.split  # type: ignore[assignment]  # one of the three
        else:
            result[image.id] = "val" if position(image.id, seed) < fraction else "train"
    if fraction > 0:
        _fill(images, result, seed)
    return result


def _fill(images: list[Splittable], result: dict[str, Split], seed: int) -> None:
    used = [image for image in images if image.labelled and result[image.id] != "test"]
    free = sorted((image for image in used if image.split == _AUTO), key=lambda image: position(image.id, seed))
    if len(used) < 2 or not free:
        return
    present = {result[image.id] for image in used}
    if "val" not in present:
        result[free[0].id] = "val"
    elif "train" not in present:
        result[free[-1].id] = "train"

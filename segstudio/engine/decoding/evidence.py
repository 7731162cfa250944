"""What the pixels of objects say of them: how sure they are, and of which class. Parts of an object add up."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Planes = Sequence[NDArray[np.float32]] | NDArray[np.float32]
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Evidence:
    """Planes ``(H, W)`` by which objects are judged.

    Attributes
    ----------
    means, peaks
        The score of an object is the product of the means over its pixels and of the largest values in it.
    votes
        One plane a class: the class that has the largest sum over the object's pixels is the object's. Empty where
        there is only one.
    """

    means: Planes
    peaks: Planes = ()
    votes: Planes = ()


@dataclass(frozen=True)
class Tally:
    """What the pixels of each of n objects add up to.

    Attributes
    ----------
    pixels
        ``(1, n)``.
    sums, peaks, votes
        ``(planes, n)``: sums over the planes of means, largest values, sums of the votes.
    """

    pixels: Numbers
    sums: Numbers
    peaks: Numbers
    votes: Numbers

    @property
    def scores(self) -> Numbers:
        """``(n,)`` in 0..1."""
        means = (self.sums / np.maximum(self.pixels, 1)).prod(axis=0)
        return np.asarray(np.clip(means * np.clip(self.peaks, 0, 1).prod(axis=0), 0, 1), np.float64)

    @property
    def winners(self) -> NDArray[np.int64]:
        """``(n,)`` the place of each object's class among the votes; 0 without votes."""
        return np.argmax(self.votes, axis=0) if len(self.votes) else np.zeros(self.pixels.shape[1], np.int64)

    def joined(self, owner: NDArray[np.integer[Any]], count: int) -> "Tally":
        """Return the tally of `count` objects whose parts these are: `owner` ``(n,)`` is from 1, or 0 for none."""
        pixels, sums, votes = (_sums(owner, rows, count) for rows in (self.pixels, self.sums, self.votes))
        return Tally(pixels, sums, _peaks(owner, self.peaks, count), votes)


def tally(labels: NDArray[np.int32], evidence: Evidence, count: int) -> Tally:
    """Return what the pixels of the objects 1..`count` of `labels` ``(H, W)`` add up to."""
    inside = np.flatnonzero(labels)
    owner = labels.ravel()[inside]
    means, peaks, votes = (
        [plane.ravel()[inside] for plane in planes] for planes in (evidence.means, evidence.peaks, evidence.votes)
    )
    pixels = np.bincount(owner, minlength=count + 1)[None, 1:].astype(np.float64)
    return Tally(pixels, _sums(owner, means, count), _peaks(owner, peaks, count), _sums(owner, votes, count))


def chained(parts: Sequence[Tally]) -> Tally:
    """Return one tally of the objects of all `parts`, in their order."""
    return Tally(
        np.concatenate([part.pixels for part in parts], axis=1),
        np.concatenate([part.sums for part in parts], axis=1),
        np.concatenate([part.peaks for part in parts], axis=1),
        np.concatenate([part.votes for part in parts], axis=1),
    )


def _sums(owner: NDArray[np.integer[Any]], rows: Sequence[NDArray[Any]] | Numbers, count: int) -> Numbers:
    sums = np.zeros((len(rows), count))
    for total, row in zip(sums, rows, strict=True):
        total[:] = np.bincount(owner, row, count + 1)[1:]
    return sums


def _peaks(owner: NDArray[np.integer[Any]], rows: Sequence[NDArray[Any]] | Numbers, count: int) -> Numbers:
    peaks = np.full((len(rows), count + 1), -np.inf)
    for largest, row in zip(peaks, rows, strict=True):
        np.maximum.at(largest, owner, row)
    return peaks[:, 1:]

"""Validation of networks that make images: how near their images are to the targets that they did not learn from."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.engine.data.dataset import LabelledPart
from segstudio.engine.formulations import DecodeSettings
from segstudio.engine.training.average import Weights
from segstudio.engine.training.preview import Pictures, picture, window_of
from segstudio.engine.training.validate import PartPredictor

#: Structural similarity looks at windows of this side, pixels (Wang et al., 2004, as scikit-image computes it).
_SIMILARITY_PX = 7


@dataclass(frozen=True)
class ImageValidation:
    """Scores of one validation: means over its images, on the scale on which the targets are learned.

    Attributes
    ----------
    similarity
        Structural similarity (SSIM), 1 for the same image.
    psnr
        Peak signal to noise, dB: a peak of 1 over the mean squared difference.
    error
        Mean absolute difference.
    """

    similarity: float
    psnr: float
    error: float
    images: int
    seconds: float

    @property
    def score(self) -> float:
        """What decides which weights are best: the similarity of images far from their targets says nothing."""
        return self.psnr

    def figures(self) -> dict[str, float]:
        """Return what a `Metric` says of it."""
        return {"val_ssim": self.similarity, "val_psnr": self.psnr, "val_mae": self.error}

    def scores(self) -> dict[str, float]:
        """Return what a model card says of it."""
        return {"ssim": self.similarity, "psnr": self.psnr, "mae": self.error}


class ImageValidator(PartPredictor):
    """Makes images with given weights and compares them with their targets."""

    def run(self, weights: Weights, decode: DecodeSettings) -> tuple[DecodeSettings, ImageValidation]:
        """Score `weights` on the watched images; `decode` has no say."""
        return decode, self._score(self.watched, weights)

    def tune(self, weights: Weights, seconds: float) -> Iterator[tuple[int, DecodeSettings, ImageValidation]]:
        """Score all images; there is nothing to choose."""
        yield len(self.parts), self.candidates[0], self._score(self.parts, weights)

    def pictures(self, weights: Weights, decode: DecodeSettings) -> Pictures:
        """Return image, target and image made of the first watched part."""
        part = self.watched[0]
        assert part.target is not None
        result = self._score([part], weights)
        window = window_of(part.known)
        image, target, made = (
            picture(planes[:, *window]) for planes in (part.image, part.target, self.maps(part.image))
        )
        return Pictures(image, target, made, f"similarity {result.similarity:.2f} to the target")

    def _score(self, parts: Sequence[LabelledPart], weights: Weights) -> ImageValidation:
        start = time.monotonic()
        self.take(weights)
        rows = [_compared(part, self.maps(part.image)) for part in parts]
        similarity, squared, error = (float(np.mean(column)) for column in zip(*rows, strict=True))
        psnr = float(10 * np.log10(1 / max(squared, 1e-10)))
        return ImageValidation(similarity, psnr, error, len(rows), time.monotonic() - start)


def _compared(part: LabelledPart, maps: NDArray[np.float32]) -> tuple[float, float, float]:
    """Return similarity, mean squared and mean absolute difference where the target is known."""
    from skimage.metrics import structural_similarity

    assert part.target is not None
    known = part.known >= 0
    # In float32 the square of one extreme pixel of a target would leave the finite numbers.
    made, target = maps.astype(np.float64), part.target.astype(np.float64)
    difference = (made - target)[:, known]
    if min(part.known.shape) < _SIMILARITY_PX:
        similarity = 1.0 - float(np.abs(difference).mean())
    else:
        similar = [
            structural_similarity(one, other, data_range=1.0, win_size=_SIMILARITY_PX, full=True)[1][known].mean()  # type: ignore[no-untyped-call]
            for one, other in zip(made, target, strict=True)
        ]
        similarity = float(np.mean(similar))
    return similarity, float((difference**2).mean()), float(np.abs(difference).mean())

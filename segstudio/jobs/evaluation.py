"""What a model is worth on labelled images: the report of an `EvaluateJob`, as it lies on the disk."""

from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from segstudio.io.json_file import limited_bytes

#: Where the report of a run's model lies, in the folder of the run.
REPORT_NAME = "evaluation.json"
SCHEMA_VERSION: Final = 1


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class ImageCounts(_Frozen):
    """Matches in one image, one number for each threshold of the report."""

    image_id: str
    tp: tuple[int, ...]
    fp: tuple[int, ...]
    fn: tuple[int, ...]


class Evaluation(_Frozen):
    """Scores of one model on one set of images.

    Attributes
    ----------
    thresholds
        IoU at which an object counts as found.
    seconds_per_megapixel
        Median over the images of the time from opening an image until its objects are in a file; ``None`` when all are
        so small that the time tells nothing about a megapixel.
    parameters, weights_mb
        Size of the network: numbers that it has learned, and megabytes of the file with them.
    device
        What it was timed on.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    thresholds: tuple[float, ...]
    images: tuple[ImageCounts, ...]
    seconds_per_megapixel: float | None
    parameters: int
    weights_mb: float
    device: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> "Evaluation":
        lengths = {len(row) for image in self.images for row in (image.tp, image.fp, image.fn)}
        if not self.images or lengths != {len(self.thresholds)}:
            raise ValueError("each image needs one number for each threshold")
        return self

    @property
    def objects(self) -> int:
        """True objects, found or missed."""
        return sum(
            found + missed for image in self.images for found, missed in zip(image.tp[:1], image.fn[:1], strict=True)
        )

    def counts(self, thresholds: tuple[float, ...] | None = None) -> NDArray[np.int64]:
        """Return ``(images, thresholds, 3)`` int64: pairs found, false objects, missed objects.

        Raises
        ------
        KeyError
            A threshold was not evaluated.
        """
        table = np.array([[image.tp, image.fp, image.fn] for image in self.images], np.int64)
        table = table.reshape(len(self.images), 3, len(self.thresholds)).transpose(0, 2, 1)
        return table if thresholds is None else table[:, [self._place(threshold) for threshold in thresholds]]

    def _place(self, threshold: float) -> int:
        for place, known in enumerate(self.thresholds):
            if abs(known - threshold) < 1e-9:
                return place
        raise KeyError(threshold)


def read_evaluation(path: Path) -> Evaluation | None:
    """Return the report at `path`; ``None`` when there is none that can be read: it is then made again."""
    try:
        return Evaluation.model_validate_json(limited_bytes(path))
    except (OSError, ValidationError):
        return None

"""Label image, regions and completeness → one int32 image in which -1 means that nothing is known."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import BadInput
from segstudio.io.labels_file import read_label_plane
from segstudio.io.labels_import import read_labels
from segstudio.jobs.spec import SampleRecord
from segstudio.labels.regions import COMPLETE, IGNORE

#: Pixels this near to a drawn object are certainly background.
RIM_PX = 2


def combine(
    labels: NDArray[np.int32], regions: NDArray[np.uint8] | None = None, *, complete: bool = False
) -> NDArray[np.int32]:
    """Return what is known about each pixel: object id, 0 = certainly background, -1 = nothing.

    Parameters
    ----------
    labels
        ``(H, W)`` int32 ids, 0 where no object was drawn.
    regions
        ``(H, W)`` uint8: 0 not stated, 1 completely labelled, 2 ignore. ``None`` states nothing.
    complete
        The whole image is completely labelled.

    Examples
    --------
    >>> combine(np.array([[0, 0, 0, 0, 7]], np.int32)).tolist()
    [[-1, -1, 0, 0, 7]]
    """
    known = np.full(labels.shape, complete) if regions is None else (regions == COMPLETE) | complete
    if not known.all() and labels.any():
        distance = cv2.distanceTransform((labels == 0).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        known = known | (distance <= RIM_PX)
    result = np.where(known, labels, -1).astype(np.int32)
    if regions is not None:
        result[regions == IGNORE] = -1
    return result


def read_annotation(
    sample: SampleRecord, size: tuple[int, int], note: Callable[[Path, str], None] = lambda path, sentence: None
) -> NDArray[np.int32]:
    """Read what is known about the pixels of `sample`, an image of `size` ``(rows, columns)``.

    Parameters
    ----------
    note
        Told the file and a sentence for everything that had to be interpreted.

    Raises
    ------
    BadInput
        A file cannot be read or has another size than the image.
    """
    labels, regions = np.zeros(size, np.int32), None
    try:
        if sample.labels is not None and sample.plane is not None:
            labels = read_label_plane(sample.labels, np.int32, sample.plane, size)
        elif sample.labels is not None:
            labels, warnings = read_labels(sample.labels, expected_size=size)
            for sentence in warnings:
                note(sample.labels, sentence)
        if sample.regions is not None:
            regions = read_label_plane(sample.regions, np.uint8, sample.plane or 0, size)
    except BadInput as error:
        if error.code != "image-damaged":
            raise
        raise BadInput(
            f"The labels of {sample.image.name} cannot be learned from: {error.message}",
            hint="Labels of a project: open the image in the window, where an earlier state of them comes back. "
            "A mask of another program: export it anew.",
            code="labels-damaged",
            path=error.path,
        ) from error
    return combine(labels, regions, complete=sample.complete)

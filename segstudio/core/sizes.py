"""How large objects are, by one definition: the diameters of discs of their areas."""

from collections.abc import Sequence

import numpy as np


def median_diameter(areas: Sequence[int]) -> float | None:
    """Return the median diameter, pixels, of discs of these areas; ``None`` without any.

    What is called the median object anywhere is that of the training images.

    Examples
    --------
    >>> round(median_diameter([78, 314, 7854]))
    20
    """
    return float(2 * np.sqrt(np.median(areas) / np.pi)) if len(areas) else None

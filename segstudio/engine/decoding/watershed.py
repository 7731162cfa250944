"""Objects as catchment basins: seeds grow downhill from peaks until they meet."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import local_maxima, reconstruction
from skimage.segmentation import watershed

from segstudio.engine.decoding.components import components


def flood(height: NDArray[np.float32], seeds: NDArray[np.int32], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the basins of numbered `seeds` in `mask`, filled from the highest `height` down; all ``(H, W)``."""
    basins = watershed(-height, seeds, mask=mask, connectivity=2)  # type: ignore[no-untyped-call]
    return np.asarray(basins, np.int32)


def grow_seeds(seeds: NDArray[np.int32], height: NDArray[np.float32], mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Grow numbered `seeds` over `mask`, highest `height` first; parts of the mask without a seed become objects too.

    All arrays are ``(H, W)``. A part without a seed is one that the network is unsure of, not one it denies.
    """
    seeds = np.where(mask, seeds, 0).astype(np.int32)
    parts = components(mask)
    seeded = np.zeros(int(parts.max(initial=0)) + 1, bool)
    seeded[parts[seeds > 0]] = True
    several = seeded[parts] & mask
    grown = np.zeros(mask.shape, np.int32)
    if several.any():
        grown = flood(height, seeds, several)
    lonely = mask & ~several
    if lonely.any():
        grown = np.where(lonely, parts + int(grown.max(initial=0)), grown).astype(np.int32)
    return grown


def peaks_above(height: NDArray[np.float32], h: float, mask: NDArray[np.bool_]) -> NDArray[np.int32]:
    """Return the numbered peaks of `height` that rise by at least `h` over the pass to a higher one (h-maxima).

    Parameters
    ----------
    height
        ``(H, W)`` map whose peaks are object centres.
    h
        Smallest rise that counts; larger merges more.
    mask
        Where peaks may lie.
    """
    if not mask.any():
        return np.zeros(height.shape, np.int32)
    lowest = float(height[mask].min()) - h - 1
    ground = np.where(mask, height, np.float32(lowest)).astype(np.float32)
    flooded = reconstruction(ground - np.float32(h), ground, method="dilation")  # type: ignore[no-untyped-call]
    peaks = (local_maxima(flooded) > 0) & mask  # type: ignore[no-untyped-call]
    # A plateau that fills the whole image has nothing lower around it and counts as no maximum.
    return components(peaks if peaks.any() else mask)


def split_by_distance(
    height: NDArray[np.float32], mask: NDArray[np.bool_], h: float, sigma: float
) -> NDArray[np.int32]:
    """Cut `mask` into objects around the peaks of `height`, smoothed by a Gaussian of `sigma` pixels."""
    if not mask.any():
        return np.zeros(mask.shape, np.int32)
    smooth = ndimage.gaussian_filter(height, sigma) if sigma > 0 else height
    return grow_seeds(peaks_above(smooth, h, mask), smooth, mask)

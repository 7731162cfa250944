"""Time of targets and decoders on a 2048 x 2048 mosaic of nuclei: one JSON line a figure.

Run: ``python tests/bench/decode.py``.
Real nuclei with SEGSTUDIO_DATA or ../shared/data, synthetic cells otherwise.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from bench_figure import exit_code, figure
from factories import cells
from numpy.typing import NDArray
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.segmentation import watershed

from segstudio.engine.formulations import Formulation, formulations

ROOT = Path(__file__).resolve().parents[2]
SIDE = 2048
ENCODE_TARGET, DECODE_TARGET = 0.5, 1.0
#: Settings with other targets or decoders than the default.
VARIANTS = (("detection", "rotated", {"boxes": "rotated"}), ("distance", "signed", {"distance": "signed"}))


def mosaic() -> NDArray[np.int32]:
    """Return 2048 x 2048 labels of the 256 x 256 training nuclei, or of synthetic cells."""
    data = Path(os.environ.get("SEGSTUDIO_DATA", ROOT.parent / "shared" / "data")) / "nuclei" / "train" / "masks"
    labels = np.zeros((SIDE, SIDE), np.int32)
    if not data.is_dir():
        return cells((SIDE, SIDE), 2000, 0).labels
    used, place = 0, 0
    for path in sorted(data.glob("*.tif")):
        part = tifffile.imread(path).astype(np.int32)
        if part.shape != (256, 256) or place == 64:
            continue
        y, x = 256 * (place // 8), 256 * (place % 8)
        labels[y : y + 256, x : x + 256] = np.where(part > 0, part + used, 0)
        used += int(part.max())
        place += 1
    return labels


def best(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the shortest time of `work` in seconds per megapixel."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times) / (SIDE * SIDE / 1e6)


def textbook(distance: NDArray[np.float32], mask: NDArray[np.bool_]) -> object:
    """Decode as scikit-image's example does: peaks at a least distance, then a watershed."""
    smooth = ndimage.gaussian_filter(distance, 1)
    peaks = peak_local_max(smooth, min_distance=5, labels=mask.astype(np.int32))
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
    return watershed(-smooth, seeds, mask=mask)


def main() -> None:
    """Measure every formulation."""
    labels = mosaic()
    for name, kind in formulations:
        measure(name, kind(), labels)
    for name, variant, settings in VARIANTS:
        kind = formulations.get(name)
        measure(f"{name}.{variant}", kind(kind.Config.model_validate(settings)), labels)


def measure(name: str, formulation: Formulation, labels: NDArray[np.int32]) -> None:
    """Measure the targets of `labels`, and each decoder on the maps of a network that has learned them."""
    figure(f"encode.{name}", best(lambda: formulation.encode(labels)), "s/Mpx", target=ENCODE_TARGET)
    targets = formulation.encode(labels)
    maps = formulation.perfect_maps(targets)
    seen = set()
    for config in formulation.decode_candidates():
        decoder = getattr(config, "decoder", getattr(config, "outline", ""))
        if decoder in seen:
            continue
        seen.add(decoder)
        seconds = best(lambda c=config: formulation.decode(maps, c))  # type: ignore[misc]
        peer = None
        if decoder == "distance" and {"distance", "foreground"} <= set(targets):
            distance, mask = targets["distance"][0], targets["foreground"][0] > 0
            peer = best(lambda d=distance, m=mask: textbook(d, m))  # type: ignore[misc]
        full = f"decode.{name}{'.' + decoder if decoder else ''}"
        figure(full, seconds, "s/Mpx", target=DECODE_TARGET, peer=peer)


if __name__ == "__main__":
    main()
    raise SystemExit(exit_code())

"""Opens every file of the corpus of bad inputs in a process of its own; one JSON line each. See test_bad_corpus.py."""

import json
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from segstudio.core.errors import UserError
from segstudio.io.labels_import import read_labels
from segstudio.io.sources import open_image


def as_image(path: Path) -> dict[str, Any]:
    with open_image(path) as source:
        info = source.info
        planes = [source.read(plane=plane) for plane in range(info.planes)]
    pixels = planes[0] if len(planes) == 1 else np.stack(planes)
    finite = pixels[np.isfinite(pixels)] if pixels.dtype.kind == "f" else pixels
    return {
        "info": {
            "shape": info.shape,
            "size": info.size,
            "dtype": info.dtype,
            "kind": info.kind,
            "planes": info.planes,
            "pixel_size_um": info.pixel_size.mean if info.pixel_size else None,
        },
        "read": [str(pixels.dtype), list(pixels.shape)],
        "min": float(finite.min()) if finite.size else None,
        "max": float(finite.max()) if finite.size else None,
        "sum": int(pixels.sum(dtype=np.int64)) if pixels.dtype.kind in "ui" else None,
        "true_pixels": int(np.count_nonzero(pixels)),
        "nan": int(np.isnan(pixels).sum()) if pixels.dtype.kind == "f" else 0,
        "inf": int(np.isinf(pixels).sum()) if pixels.dtype.kind == "f" else 0,
        "frame_values": [float(plane.flat[0]) for plane in planes] if len(planes) > 1 else [],
        "top_left": np.atleast_1d(planes[0][2, 2] if min(info.size) > 2 else planes[0][0, 0]).tolist(),
        "warnings": info.warnings,
    }


def as_labels(path: Path, size: tuple[int, int] | None) -> dict[str, Any]:
    labels, warnings = read_labels(path, size)
    ids = np.unique(labels[labels > 0])
    return {
        "dtype": str(labels.dtype),
        "shape": labels.shape,
        "objects": len(ids),
        "min_id": int(ids.min()) if len(ids) else None,
        "max_id": int(ids.max()) if len(ids) else None,
        "lowest": int(labels.min()),
        "warnings": warnings,
    }


def outcome(work: Any, *args: Any) -> dict[str, Any]:
    start = time.perf_counter()
    try:
        found = {"outcome": "open", **work(*args)}
    except UserError as error:
        found = {"outcome": "refuse", "message": error.message, "hint": error.hint}
    except BaseException:  # noqa: BLE001 - a test must hear of it
        found = {"outcome": "crash", "message": traceback.format_exc()}
    return {**found, "seconds": time.perf_counter() - start}


def main() -> None:
    folder, limit = Path(sys.argv[1]), int(sys.argv[2])
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for entry in json.loads((folder / "MANIFEST.json").read_text("utf-8"))["files"]:
        path = folder / entry["file"]
        size = (96, 128) if "image/reference_gray.png" in entry["use"] else None
        found = {"image": outcome(as_image, path), "labels": outcome(as_labels, path, size)}
        sys.stdout.write(json.dumps({"file": entry["file"], **found}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()

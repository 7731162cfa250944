"""What a run runs on: versions, system, processor, memory."""

import os
import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from segstudio import __version__
from segstudio.jobs.processor import processor_name

_RECORDED = ("numpy", "scipy", "torch", "torchvision", "scikit-image", "opencv-python-headless", "safetensors")


def environment() -> dict[str, object]:
    """Return what a run ran on: versions, system, processor, memory."""
    import psutil

    return {
        "segstudio": __version__,
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "processor": processor_name(),
        "cores": os.cpu_count() or 1,
        "memory_mb": psutil.virtual_memory().total // 2**20,
        "packages": dict(_versions()),
    }


def _versions() -> Iterator[tuple[str, str]]:
    for name in _RECORDED:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"

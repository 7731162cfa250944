"""Computing the same to the last digit each time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from segstudio.core.errors import JobFailed

#: cuBLAS adds in the same order only with a workspace of its own; it reads this once, when CUDA starts.
_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Let torch take only ways to compute that do not depend on chance, if `wanted`.

    Raises
    ------
    JobFailed
        Inside, something was to be computed for which torch has no such way.
    """
    if not wanted:
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    benchmark = torch.backends.cudnn.benchmark
    os.environ.setdefault(*_WORKSPACE)
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False
    try:
        yield
    except RuntimeError as error:
        if "deterministic" not in str(error):
            raise
        raise JobFailed(
            f"This network or loss cannot be computed repeatably on this device: {str(error).splitlines()[0]}",
            hint="Switch the setting deterministic off, or train on the processor.",
            code="not-deterministic",
        ) from error
    finally:
        torch.use_deterministic_algorithms(before)
        torch.backends.cudnn.benchmark = benchmark

"""Floor 4: everything that learns; only the worker and the command line import it."""

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segstudio.engine.run import run_job

# Before torch comes: its threads would otherwise spin while they wait, and take the processor from the window and
# from each other (measured with other programs busy on 2 cores: 2.0 s a step, 0.97 s with this).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__all__ = ["run_job"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - as Python defines it for modules
    """Import the engine's door only when it is used: it brings torch along."""
    if name == "run_job":
        from segstudio.engine.run import run_job

        return run_job
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

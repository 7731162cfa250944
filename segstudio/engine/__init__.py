"""Floor 4: everything that learns; only the worker and the command line import it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segstudio.engine.run import run_job

__all__ = ["run_job"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - as Python defines it for modules
    """Import the engine's door only when it is used: it brings torch along."""
    if name == "run_job":
        from segstudio.engine.run import run_job

        return run_job
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

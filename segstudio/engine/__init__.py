"""Floor 4: everything that learns; only the worker and the command line import it."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from segstudio.engine.run import run_job

__all__ = ["run_job"]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    # Lazy: `segstudio doctor` needs one small module of this package, not all of it.
    if name == "run_job":
        from segstudio.engine.run import run_job

        return run_job
    raise AttributeError(name)

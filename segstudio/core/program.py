"""How this program starts itself again, for work that is done in a process of its own."""

import sys
from pathlib import Path


def program_command(*words: str) -> list[str]:
    """Return the command line that runs ``segstudio WORDS`` in a new process.

    A frozen program has no interpreter: there it is the console program beside the window's. Elsewhere ``-P`` keeps
    the working folder off the import path, in which a project could lay a ``torch.py``.
    """
    if getattr(sys, "frozen", False):
        own = Path(sys.executable)
        return [str(own.with_name("segstudio" + own.suffix)), *words]
    return [sys.executable, "-P", "-m", "segstudio", *words]

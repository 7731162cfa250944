"""``segstudio confined WORK``: the process that reads files of strangers; started by the program, not by people."""

import importlib
from typing import Final

#: What it does → the module that does it; the engine is imported only for what needs it.
_WORK: Final = {
    "images": "segstudio.io.first_look",
    "masks": "segstudio.io.python_objects",
    "weights": "segstudio.engine.weights_reader",
}


def main(words: list[str]) -> int:
    """Do the work that the first word names, until nobody asks any more; return the exit code."""
    importlib.import_module(_WORK[words[0]]).main(*words[1:])
    return 0

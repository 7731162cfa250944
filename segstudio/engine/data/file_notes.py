"""What had to be interpreted while the files of a training were read, one message for each kind."""

import re
from collections.abc import Iterator
from pathlib import Path

from segstudio.jobs.messages import Warned

_NUMBERS = re.compile(r"[\d,]+")


class FileNotes:
    """Collects sentences about files; those that differ in numbers only are told once."""

    def __init__(self) -> None:
        self._kinds: dict[str, list[tuple[str, str]]] = {}

    def add(self, path: Path, sentence: str) -> None:
        """Note a sentence about a file."""
        self._kinds.setdefault(_NUMBERS.sub("#", sentence), []).append((path.name, sentence))

    def messages(self) -> Iterator[Warned]:
        """Yield a message for each kind of sentence: about the first file, and how many others it holds for."""
        for found in self._kinds.values():
            name, sentence = found[0]
            rest = len(found) - 1
            more = f" The same holds for {rest} other file{'s' if rest > 1 else ''}." if rest else ""
            yield Warned(code="file-interpreted", message=f"{name}: {sentence}{more}")

"""Reads image files in a confined process, so that one which breaks its decoder breaks nothing else."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.io.confinement import claim_pipes, confine, limit_time, serve
from segstudio.io.sources import BaseSource, open_image

#: Bytes that reading may take: what one read may (`READ_BUDGET`) as it is decoded and as it is handed on.
MEMORY: Final = 3_000_000_000
#: Seconds of computing for one question.
SECONDS: Final = 10.0
_READERS: Final = ("segstudio.io.tiff", "segstudio.io.raster", "segstudio.io.arrays", "imagecodecs", "PIL.Image")


def main() -> None:
    """Answer questions on standard input until it is closed."""
    questions, answers = claim_pipes()
    for name in _READERS:  # their libraries are there when the first file comes
        import_module(name)
    look = FirstLook()
    confine(MEMORY)
    serve(questions, answers, look.answer, look.close)


class FirstLook:
    """Opens image files and decodes parts of them; the newest stays open, for the next part."""

    def __init__(self) -> None:
        self._asked: Any = None
        self._source: BaseSource | None = None

    def answer(self, line: bytes) -> bytes:
        """Return what was read, or why it cannot be read.

        A question names a file (``path``, ``indices``, and ``state``, which is another one when its content is) and
        the ``plane``, ``level`` and ``window`` to decode; without a window the file is only opened.
        """
        question = json.loads(line)
        limit_time(SECONDS)
        try:
            told = self._look(question)
        except UserError as error:
            told = {"message": error.message, "hint": error.hint, "code": error.code}
        return json.dumps(told).encode()

    def _look(self, question: dict[str, Any]) -> dict[str, Any]:
        source = self._open(question["path"], question["indices"], question["state"])
        if question["window"] is not None:
            source.read_level(question["level"], Window(*question["window"]), question["plane"])
        # Some formats are decoded when they are opened, and some never in parts.
        return {"whole": source.was_decoded if question["window"] is None else source.decodes == "planes"}

    def _open(self, path: str, indices: bool, state: object) -> BaseSource:
        asked = path, indices, state
        if self._source is None or self._asked != asked:
            self.close()
            self._source = open_image(Path(path), indices=indices)
            self._asked = asked
        return self._source

    def close(self) -> None:
        """Let go of the file: some systems let nobody rename what is open."""
        if self._source is not None:
            self._source.close()
            self._source = None

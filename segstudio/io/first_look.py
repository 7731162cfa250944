"""Reads image files in a confined process, so that one which breaks its decoder breaks nothing else."""

import json
import time
from collections.abc import Iterator
from importlib import import_module
from itertools import chain
from math import gcd
from pathlib import Path
from typing import Any, Final

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.io.confinement import claim_pipes, confine, limit_time, serve
from segstudio.io.sources import BaseSource, open_image

#: Bytes that reading may take: what one read may (`READ_BUDGET`) as it is decoded and as it is handed on.
MEMORY: Final = 3_000_000_000
#: Seconds of computing for one file.
SECONDS: Final = 10.0
#: A sample of an image that is read in parts is taken for so long, seconds.
_SAMPLED_S: Final = 0.04
_PART: Final = 512
_READERS: Final = ("segstudio.io.tiff", "segstudio.io.raster", "segstudio.io.arrays", "imagecodecs", "PIL.Image")
#: Parts of an image that are looked at in any case: its corners.
_CORNERS: Final = 4


def main() -> None:
    """Answer questions on standard input until it is closed."""
    questions, answers = claim_pipes()
    for name in _READERS:  # their libraries are there when the first file comes
        import_module(name)
    confine(MEMORY)
    serve(questions, answers, answer)


def answer(line: bytes) -> bytes:
    """Return what was read of the file of one question, or why it cannot be read."""
    question = json.loads(line)
    limit_time(SECONDS)
    try:
        told: dict[str, Any] = {"pixels": look(Path(question["path"]), question["indices"], question["pixels"])}
    except UserError as error:
        told = {"message": error.message, "hint": error.hint, "code": error.code}
    return json.dumps(told).encode()


def look(path: Path, indices: bool, pixels: bool) -> bool:
    """Open an image file; read, when `pixels`, what is decoded at once, or a sample of what is read in parts.

    Returns
    -------
    Whether pixels were read: some formats are decoded when they are opened.
    """
    with open_image(path, indices=indices) as source:
        if pixels and not source.was_decoded:
            _sample(source)
        return pixels or source.was_decoded


def _sample(source: BaseSource) -> None:
    end = time.monotonic() + _SAMPLED_S
    for number, window in enumerate(_parts(source.info), 1):
        source.read(window)
        if number >= _CORNERS and time.monotonic() > end:
            return


def _parts(info: ImageInfo) -> Iterator[Window]:
    """Yield the corners, then all other parts, in an order that no file can know."""
    down, across = -(-info.height // _PART), -(-info.width // _PART)
    count = down * across
    corners = dict.fromkeys((0, across - 1, count - across, count - 1))
    step = _coprime(int(count * 0.618) | 1, count)
    begin = time.monotonic_ns() % count
    others = ((begin + step * turn) % count for turn in range(count))
    for number in chain(corners, (other for other in others if other not in corners)):
        y, x = number // across * _PART, number % across * _PART
        yield Window(y, x, min(y + _PART, info.height), min(x + _PART, info.width))


def _coprime(step: int, count: int) -> int:
    while gcd(step, count) > 1:
        step += 1
    return step

"""Whether the weights of a model are a whole safetensors file, by its header; nothing of torch is needed."""

import json
import struct
from pathlib import Path
from typing import Final

from segstudio.io.regular_file import open_regular

#: As the format says.
_HEADER_LIMIT: Final = 100_000_000


def weights_problem(path: Path) -> str:
    """Return what is wrong with a safetensors file as a sentence; empty when its header fits to its length."""
    try:
        with open_regular(path) as file:
            size = path.stat().st_size
            start = file.read(8)
            length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
            if not 2 <= length <= min(_HEADER_LIMIT, size - 8):
                return "The weights are cut off or damaged: the length of their header is wrong."
            header = json.loads(file.read(length))
        return _bounds_problem(header, size - 8 - length)
    except OSError as error:
        return f"The weights cannot be read: {error.strerror or error}."
    except (ValueError, KeyError, TypeError, RecursionError):
        return "The weights are damaged: their header cannot be read."


def _bounds_problem(header: dict[str, dict[str, list[int]]], length: int) -> str:
    bounds = sorted(tuple(entry["data_offsets"]) for name, entry in header.items() if name != "__metadata__")
    end = 0
    for first, last in bounds:
        if first != end or last < first:
            return "The weights are damaged: their parts do not follow each other."
        end = last
    return "" if end == length else f"The weights are cut off: {length:,} bytes are there, {end:,} belong to them."

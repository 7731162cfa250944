"""What can go wrong while a file is decoded, as one sentence that names the file."""

import lzma
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from segstudio.core.errors import BadInput

#: Most bytes of decoded pixels that one read may take: a 20,000 x 20,000 RGB image fits.
READ_BUDGET = 1_300_000_000

#: What the decoders raise on damaged files. They document none of it.
DECODE_ERRORS = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    EOFError,
    OSError,
    RuntimeError,
    SyntaxError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tokenize.TokenError,
)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises inside into a `BadInput` that names the file."""
    try:
        yield
    except BadInput:
        raise
    except MemoryError as error:
        raise BadInput(
            f"{path.name} needs more memory than there is.",
            hint="Close other programs, or cut the image into smaller ones.",
            code="image-memory",
            path=path,
        ) from error
    except PermissionError as error:
        raise no_permission(path) from error
    except FileNotFoundError as error:  # taken away since it was opened
        raise not_found(path) from error
    except DECODE_ERRORS as error:
        raise damaged(path, plain_reason(error)) from error


def damaged(path: Path, reason: str) -> BadInput:
    """Return the error for a file whose content is broken; `reason` completes "is damaged: …"."""
    return BadInput(
        f"{path.name} is damaged and cannot be read: {reason}.",
        hint="Copy it again from where it came, or export it anew.",
        code="image-damaged",
        path=path,
    )


def check_budget(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Raise `BadInput` when an array would need more than `READ_BUDGET` bytes."""
    size = dtype.itemsize
    for length in shape:
        size *= length
    if size > READ_BUDGET:
        raise BadInput(
            f"{path.name} is too large to be read at once: {shape[0]} × {shape[1]} pixels, {size / 1e9:,.1f} GB.",
            hint="Cut it into smaller images, or save it as a tiled TIFF and read it in parts.",
            code="image-too-large",
            path=path,
        )


def no_permission(path: Path) -> BadInput:
    """Return the error for a file that may not be read."""
    return BadInput(
        f"{path.name} cannot be read: no permission.",
        hint="Ask its owner for read permission, or copy it to a folder of your own.",
        code="image-permission",
        path=path,
    )


def not_found(path: Path) -> BadInput:
    """Return the error for a file that is not there, or not any more."""
    return BadInput(
        f"{path.name} was not found.",
        hint=f"Is it still in {path.parent}? Was a drive removed?",
        code="image-missing",
        path=path,
    )


def no_part(holder: Path, part: str) -> BadInput:
    """Return the error for a name behind a file that stands for nothing in it."""
    return BadInput(
        f"There is no image “{part[:100]}” in {holder.name}.",
        hint=f"Add {holder.name} itself: then you can choose among what it holds.",
        code="image-missing",
        path=holder,
    )


def plain_reason(error: BaseException) -> str:
    """Return what went wrong in words for the user, to complete a sentence."""
    # What decoders say is for programmers; it stays in the chain of causes.
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return "its content is broken or ends early"

"""The first bytes of a file: they tell what it is, whatever its name says."""

import re
from pathlib import Path
from typing import Final, NoReturn

from segstudio.core.errors import BadInput
from segstudio.io.decoding import no_permission, not_found, plain_reason
from segstudio.io.regular_file import open_regular

#: So many bytes are looked at.
HEAD: Final = 512


def read_head(path: Path) -> bytes:
    """Return the first `HEAD` bytes of a file; raise `BadInput` when there are none to be read."""
    try:
        if path.is_dir():
            refuse_folder(path)
        if path.exists() and not path.is_file():
            raise BadInput(f"{path.name} is not a file.", hint="Choose an image file.", code="image-format", path=path)
        with open_regular(path) as file:
            head = file.read(HEAD)
    except FileNotFoundError as error:
        raise not_found(path) from error
    except PermissionError as error:
        raise no_permission(path) from error
    except (OSError, ValueError) as error:
        raise BadInput(
            f"{path.name} cannot be opened: {plain_reason(error)}.", hint="Check the drive.", code="image-io", path=path
        ) from error
    if not head:
        raise BadInput(
            f"{path.name} is empty (0 bytes).",
            hint="The copy or the download broke off; get the file again.",
            code="image-empty",
            path=path,
        )
    return head


def refuse_folder(path: Path) -> NoReturn:
    """Raise `BadInput`: a folder is no image, unless a reader takes it."""
    raise BadInput(
        f"{path.name} is a folder, not an image.",
        hint="Choose the image files inside it.",
        code="image-is-folder",
        path=path,
    )


#: What is said of files that may hold objects drawn elsewhere.
NO_OUTLINES: Final = "outlines and boxes of other programs cannot be imported: have that program export label images"
#: A line as YOLO writes it: a class, then coordinates as parts of the image.
_YOLO: Final = re.compile(rb"\d+( [01]?\.?\d+(e-\d+)?){4,}\s")

#: Beginnings of files that people take for images, and what to tell them.
_KNOWN = (
    (b"\xd0\xcf\x11\xe0", "is a file of another microscope program, which cannot be read; export it as OME-TIFF"),
    (b"%PDF", "is a PDF document, not an image; export the picture as TIFF or PNG"),
    (b"PK\x03\x04", "is a ZIP archive, not an image; unpack it first"),
    (b"PK\x05\x06", "is an empty ZIP archive, not an image"),
    (b"Iout", f"is an ImageJ region of interest, not an image; {NO_OUTLINES}"),
    (b"\x80", "is a file of Python objects (pickle), not an image, and is not opened because it could run code"),
)


def what_it_is(head: bytes) -> str:
    """Return what to tell the user about a file that no reader takes, by its first bytes: ``"is a PDF document…"``."""
    for magic, words in _KNOWN:
        if head.startswith(magic):
            return words
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "is a web page, not an image; the download went wrong"
    if text.startswith((b"{", b"[")):
        return f"is a text file (JSON), not an image; {NO_OUTLINES}"
    if _YOLO.match(text + b"\n"):
        return f"is a text file of numbers, not an image; {NO_OUTLINES}"
    if b"\0" not in head:
        return "is a text file, not an image"
    return "is not an image that can be read"

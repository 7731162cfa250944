"""Names of label files: safe on every system, and of one image only."""

import unicodedata
from collections.abc import Container
from typing import Final

_FORBIDDEN: Final = frozenset('<>:"/\\|?*')
_RESERVED: Final = frozenset(
    ("con", "prn", "aux", "nul", *(f"{word}{digit}" for word in ("com", "lpt") for digit in range(10)))
)
#: Leaves room for ``.foreign-12.tif`` within the 255 bytes of most file systems.
STEM_BYTES: Final = 120


def stem_key(stem: str) -> str:
    """Return what two stems share when some disk takes them for the same name."""
    return unicodedata.normalize("NFC", stem).casefold()


def label_stem(stem: str, taken: Container[str]) -> str:
    """Return a name for label files: `stem` where that is safe on every system and not `taken` (`stem_key`)."""
    clean, number = clean_stem(stem, STEM_BYTES - 8), 2
    candidate = clean
    while stem_key(candidate) in taken:
        candidate, number = f"{clean}-{number}", number + 1
    return candidate


def clean_stem(stem: str, limit: int) -> str:
    """Return `stem` as a name that is safe on every system, of at most `limit` bytes."""
    clean = "".join(
        "_" if char in _FORBIDDEN or unicodedata.category(char) in ("Cc", "Cs") else char for char in stem
    ).strip(" ")
    clean = clean.rstrip(". ").replace(".foreign-", "_foreign-")
    if not clean or clean.startswith((".", "-", "$")) or clean.split(".")[0].casefold() in _RESERVED:
        clean = f"image_{clean}"
    while len(clean.encode()) > limit:
        clean = clean[:-1]
    return clean.rstrip(". ")

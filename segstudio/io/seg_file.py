"""Cellpose's ``_seg.npy``: its masks as a plain array, taken out by a confined process."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from segstudio.core.errors import BadInput
from segstudio.core.program import program_command
from segstudio.io.confined import ask_once
from segstudio.io.decoding import damaged

#: How the program names them: ``a_seg.npy`` beside ``a.png``.
ENDING: Final = "_seg.npy"
_MEMORY: Final = 4_000_000_000
_WAIT_S: Final = 120.0


@contextmanager
def plain_masks(path: Path) -> Iterator[Path]:
    """Yield a plain array file with the masks in `path`, of the same name in a temporary folder.

    Raises
    ------
    BadInput
        It holds no masks, or something else than numbers, text, lists and arrays, which could run code.
    """
    with TemporaryDirectory(prefix="segstudio-") as folder:
        told = ask_once(program_command("confined", "masks", folder), _MEMORY, path, _WAIT_S)
        if told is None:
            raise damaged(path, "reading it broke off")
        if "foreign" in told:
            raise BadInput(
                f"{path.name} holds Python objects ({told['foreign']}), which could run code, and is not opened.",
                hint="In the program that wrote it, export the masks or the image as PNG or TIFF.",
                code="image-objects",
                path=path,
            )
        if "problem" in told:
            raise BadInput(
                f"{path.name} holds Python objects and gave no masks: {told['problem']}.",
                hint="In Cellpose, save the masks as PNG or TIFF (File > Save masks).",
                code="labels",
                path=path,
            )
        yield Path(folder) / path.name

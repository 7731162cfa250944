"""Libraries that read the formats of microscope makers and videos: they are installed when somebody wants them."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

from segstudio.core.errors import BadInput
from segstudio.io.decoding import damaged


class OptionalFormat(NamedTuple):
    """Formats that need a library which is not installed with the program.

    Attributes
    ----------
    formats
        For people.
    library
        Name by which it is imported.
    extra
        What is written in brackets when it is installed: ``segstudio[czi]``.
    """

    formats: str
    library: str
    extra: str

    @property
    def installed(self) -> bool:
        """Whether it can be read here."""
        return find_spec(self.library) is not None


CZI: Final = OptionalFormat("Zeiss CZI", "czifile", "czi")
ND2: Final = OptionalFormat("Nikon ND2", "nd2", "nd2")
LIF: Final = OptionalFormat("Leica LIF", "liffile", "lif")
VIDEO: Final = OptionalFormat("video", "av", "video")
OPTIONAL_FORMATS: Final = (CZI, ND2, LIF, VIDEO)


def library_for(wanted: OptionalFormat, path: Path) -> Any:  # noqa: ANN401 - modules without types
    """Import what reads a format; raise `BadInput`, with how to install it, when it is missing or broken."""
    try:
        return import_module(wanted.library)
    except Exception as error:  # of a broken library any kind
        if wanted.installed:
            raise BadInput(
                f"{path.name} is a {wanted.formats} file, and {wanted.library}, which reads those, is installed but "
                f"does not start: {error}.",
                hint=f'Install it anew with: pip install --force-reinstall "segstudio[{wanted.extra}]", then start '
                "SegStudio again. Or export the image as OME-TIFF.",
                code="reader-broken",
                path=path,
            ) from error
        raise BadInput(
            f"{path.name} is a {wanted.formats} file, and what reads those is not installed.",
            hint=f'Install it with: pip install "segstudio[{wanted.extra}]", then start SegStudio again. '
            "Or export the image as OME-TIFF.",
            code="reader-missing",
            path=path,
        ) from error


@contextmanager
def library_errors(used: OptionalFormat, path: Path) -> Iterator[None]:
    """Turn the errors of a library's own kinds, which are no usual ones, into the sentence for a damaged file."""
    module = import_module(used.library)
    places = [vars(module), vars(getattr(module, "error", module))]
    kinds = [kind for names in places for kind in names.values() if isinstance(kind, type)]
    mine = [kind for kind in kinds if kind.__module__.partition(".")[0] == used.library]
    own: tuple[type[Exception], ...] = tuple(kind for kind in mine if issubclass(kind, Exception))
    try:
        yield
    except own as error:
        raise damaged(path, "its content is broken or ends early") from error

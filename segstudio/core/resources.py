"""Finds a file of `resources/` in a checkout, an installed wheel or a frozen program."""

from pathlib import Path


def resource(*parts: str) -> Path:
    """Return the path of a bundled file or folder.

    In a wheel the folder lies inside the package as ``_resources``, in a checkout beside it.

    Raises
    ------
    FileNotFoundError
        The file is in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    for root in (package / "_resources", package.parent / "resources"):
        path = root.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError("/".join(parts))

"""Why nothing is changed in a project that is open for reading only."""

from pathlib import Path

from segstudio.core.errors import UserError


def refuse_change(name: str, *, of_newer: bool, path: Path | None = None) -> UserError:
    """Return the error for who wants to change something.

    Parameters
    ----------
    name
        Of the project, or of the image in it.
    of_newer
        Whether a newer program wrote the project.
    path
        Of the project's folder.
    """
    if of_newer:
        says = f"{name} is open for reading only: a newer SegStudio wrote the project."
        hint = "Update SegStudio to change something."
    else:
        says = f"{name} is open for reading only."
        hint = "Close the project in other windows and programs, see that its folder can be written, and open it again."
    return UserError(says, hint=hint, code="read-only", path=path)

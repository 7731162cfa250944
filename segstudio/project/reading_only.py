"""Why nothing is changed in a project that is open for reading only, or opened in one that is closed."""

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


def refuse_closed(name: str, path: Path) -> UserError:
    """Return the error for who wants to open an image of the project `name`, in the folder `path`, that is closed."""
    return UserError(
        f"The project {name} is closed.", hint="Open it again to open its images.", code="project-closed", path=path
    )

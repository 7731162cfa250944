"""Errors that are written for the person at the microscope."""

from pathlib import Path


class UserError(Exception):
    """Something went wrong that the user can understand and mend.

    Parameters
    ----------
    message
        One sentence: what happened, to which file.
    hint
        One sentence: what to do about it. May be empty.
    code
        Stable machine-readable name, such as ``"image-truncated"``.
    path
        The file concerned, when there is one. Its name belongs into `message` too.

    Notes
    -----
    `exit_code` is what the command line returns: 2 wrong usage, 3 bad input, 4 the job failed.
    """

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "", code: str = "error", path: Path | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.path = path

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class BadInput(UserError):
    """A file or folder that cannot be used as it is."""


class BadModel(UserError):
    """A model file that is damaged, foreign, or does not fit the image."""


class WrongUsage(UserError):
    """The command or the settings do not make sense together."""

    exit_code = 2


class JobFailed(UserError):
    """A job that started and could not finish."""

    exit_code = 4

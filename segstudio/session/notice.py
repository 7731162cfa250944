"""What the program tells the user without stopping them."""

from dataclasses import dataclass
from typing import Literal

from segstudio.core.errors import UserError

Level = Literal["info", "good", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the user, with what to do about it."""

    message: str
    hint: str = ""
    level: Level = "info"

    @classmethod
    def of(cls, error: UserError) -> "Notice":
        """Return what went wrong and what to do."""
        return cls(error.message, error.hint, "error")

"""What the program tells the user without stopping them."""

from dataclasses import dataclass
from typing import Literal

from segstudio.core.errors import UserError

Level = Literal["info", "good", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A sentence for the user, with what to do about it.

    Attributes
    ----------
    group
        What several notices are about, as a job that leaves out many images; they are shown as one.
    about
        What only the newest notice is true of, as a class that is removed and comes back: it takes the place of others.
    image
        Id of the only image that it is about: it goes when another one is opened.
    weight
        Of several in one group the one with the largest is in sight, the first of equals.
    others
        What the others of its group are, one and several of them, as ``("file was not added", "files were …")``.
    outlives
        It stays when the project is closed: it is about the program or another project, or about data that could not be
        saved or were rescued, of which nobody would tell again.
    lasting
        It is true until somebody withdraws it: no other message takes its place, and nobody can dismiss it.
    """

    message: str
    hint: str = ""
    level: Level = "info"
    group: str = ""
    about: str = ""
    image: str = ""
    weight: int = 0
    others: tuple[str, str] = ("", "")
    outlives: bool = False
    lasting: bool = False

    @property
    def text(self) -> str:
        """All of it in one line."""
        return f"{self.message} {self.hint}".strip()

    @classmethod
    def of(cls, error: UserError) -> "Notice":
        """Return what went wrong and what to do."""
        return cls(error.message, error.hint, "error")

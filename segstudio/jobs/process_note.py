"""Which process works on a run, as a file in its folder says."""

import socket
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from segstudio.io.json_file import TooLarge, limited_bytes


class ProcessNote(BaseModel):
    """Which process works on a run."""

    model_config = ConfigDict(frozen=True)

    pid: int
    created: float
    host: str

    @classmethod
    def of_this_process(cls) -> "ProcessNote":
        """Return the note of the process that calls."""
        import psutil  # here and below: the window starts without it

        own = psutil.Process()
        return cls(pid=own.pid, created=own.create_time(), host=socket.gethostname())

    @classmethod
    def read(cls, path: Path) -> "ProcessNote | None":
        """Return the note in a file; ``None`` when there is none, or it is damaged."""
        try:
            return cls.model_validate_json(limited_bytes(path))
        except (FileNotFoundError, NotADirectoryError, TooLarge, ValidationError):
            return None

    @property
    def elsewhere(self) -> bool:
        """Whether the process is one of another computer."""
        return self.host != socket.gethostname()

    @property
    def alive(self) -> bool:
        """Whether the process, one of this computer, lives."""
        import psutil

        try:
            process = psutil.Process(self.pid)
            return abs(process.create_time() - self.created) < 2.0 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def kill(self) -> None:
        """End the process, one of this computer, at once."""
        import psutil

        with suppress(psutil.NoSuchProcess):
            psutil.Process(self.pid).kill()

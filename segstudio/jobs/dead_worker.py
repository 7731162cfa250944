"""What is said of a worker process that went away, or was ended because it stood still."""

import os
import time
from pathlib import Path

from segstudio.io.regular_file import open_regular
from segstudio.jobs.messages import Failed
from segstudio.jobs.processes import HUNG

#: How the interpreter begins to tell that a call into C held it for too long.
_HELD = "Timeout ("
#: So much of a log is looked at: it may have grown for days.
_END = 1 << 18


def worker_died(job_id: str, exit_code: int | None, log: Path | None = None) -> Failed:
    """Return the message for a worker that went away without a word."""
    details = last_lines(log) if log is not None else ""
    if exit_code == HUNG or (exit_code == 1 and _HELD in details):
        return worker_hung(job_id, details)
    reason = "" if exit_code is None else f" (exit code {exit_code})"
    return Failed(
        time=time.time(),
        job_id=job_id,
        code="worker-died",
        message=f"The process that did this job ended unexpectedly{reason}.",
        hint="Your labels are safe. Start the job again; Go on continues a training from its last checkpoint. "
        "When it happens again, the computer may have run out of memory: reduce the batch or tile size.",
        details=details,
    )


def worker_hung(job_id: str, details: str = "") -> Failed:
    """Return the message for a worker that stood still and was ended."""
    return Failed(
        time=time.time(),
        job_id=job_id,
        code="worker-hung",
        message="The process that did this job stood still and gave no sign of life; it was ended.",
        hint="Your labels are safe. Start the job again; Go on continues a training from its last checkpoint. "
        "When it happens again, check the drive of the images and the driver of the graphics card.",
        details=details,
    )


def last_lines(log: Path, count: int = 40) -> str:
    """Return the end of a log; empty when it cannot be read."""
    try:
        with open_regular(log) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _END))
            return "\n".join(file.read().decode("utf-8", errors="replace").splitlines()[-count:])
    except OSError:
        return ""

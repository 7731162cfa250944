"""Any exception → one sentence, a hint and folded details; the engine's errors are told by the names of their types."""

import errno
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pydantic import ValidationError

from segstudio.config.problems import sentence
from segstudio.core.errors import JobFailed, UserError, WrongUsage
from segstudio.jobs.messages import Failed

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}
_NO_RIGHT = {errno.EACCES, errno.EPERM, errno.EROFS}


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` says that memory, of the GPU or the computer, did not suffice."""
    if isinstance(error, MemoryError) or any(kind.__name__ == "OutOfMemoryError" for kind in type(error).__mro__):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "out of memory" in text or "can't allocate memory" in text or "not enough memory" in text
    )


def as_user_error(error: BaseException) -> UserError:
    """Return what to tell the user about `error`; a `UserError` is returned as it is."""
    if isinstance(error, UserError):
        return error
    if is_out_of_memory(error):
        return JobFailed(
            "The memory did not suffice for this job.",
            hint="Reduce the batch or tile size, close other programs, or choose the processor (CPU) as device.",
            code="out-of-memory",
        )
    if isinstance(error, ValidationError):
        return _invalid_setting(error)
    if isinstance(error, OSError):
        return _disk(error)
    if isinstance(error, RuntimeError) and str(error).startswith("Symlink loop"):  # pathlib until Python 3.12
        return WrongUsage(
            f"A link leads back to itself: {_first_line(error)}.",
            hint="Give the file or folder itself.",
            code="link-loop",
        )
    if "CUDA" in str(error) or "AcceleratorError" in type(error).__name__:
        return JobFailed(
            f"The GPU reported an error: {_first_line(error)}",
            hint="Start the job again; when it happens twice choose the processor (CPU) as device.",
            code="gpu-error",
        )
    return JobFailed(
        f"Something unexpected happened: {type(error).__name__}: {_first_line(error)}",
        hint="Please report this with the details.",
        code="internal-error",
    )


def failure(error: BaseException, job_id: str = "") -> Failed:
    """Return the message that ends a job which `error` stopped; the traceback is in its details."""
    told = as_user_error(error)
    return Failed(
        job_id=job_id,
        code=told.code,
        message=told.message,
        hint=told.hint,
        details="".join(traceback.format_exception(error))[-20_000:],
    )


@contextmanager
def reported(report: Callable[[Failed], None], job_id: str = "") -> Iterator[None]:
    """Call `report` with the failure of whatever is raised inside, then let it pass on as a `UserError`."""
    try:
        yield
    except Exception as error:
        report(failure(error, job_id))
        if isinstance(error, UserError):
            raise
        raise as_user_error(error) from error


def _invalid_setting(error: ValidationError) -> WrongUsage:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    more = f" ({error.error_count() - 1} more settings are wrong.)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        return WrongUsage(f"There is no setting called {place}.{more}", code="unknown-setting")
    if not place:  # two settings that do not fit each other
        words = sentence(first)
        return WrongUsage(
            f"{words[:1].upper()}{words[1:]}.{more}",
            hint="Change one of these settings and start again.",
            code="invalid-setting",
        )
    return WrongUsage(
        f"The setting {place} cannot be {first['input']!r}: {sentence(first)}.{more}",
        hint="Change this setting and start again.",
        code="invalid-setting",
    )


def _disk(error: OSError) -> JobFailed:
    name = f" {error.filename}" if error.filename else ""
    if error.errno in _NO_SPACE:
        return JobFailed(
            f"The disk is full; the file{name} could not be written.",
            hint="Free some space and start again; what was written before is intact.",
            code="disk-full",
        )
    if error.errno in _NO_RIGHT:
        return JobFailed(
            f"There is no permission to use the file or folder{name}.",
            hint="Choose another folder, or change the permissions of this one.",
            code="no-permission",
        )
    if error.errno in (errno.ENOTDIR, errno.EEXIST):
        return JobFailed(
            f"There is a file where a folder is needed:{name}.",
            hint="Choose another folder.",
            code="not-a-folder",
        )
    if error.errno == errno.ENOENT:
        return JobFailed(
            f"The file or folder{name} does not exist any more.",
            hint="Check whether it was moved or a drive was taken away.",
            code="file-missing",
        )
    return JobFailed(
        f"The disk reported an error{name and ' for' + name}: {error.strerror or error}",
        hint="Check the drive or the network connection and start again.",
        code="disk-error",
    )


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no further word"])[0][:300]

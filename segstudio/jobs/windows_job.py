"""Windows: a job object ends a child and its children when the last process that holds it is gone."""

import ctypes
import subprocess
import sys
from typing import Any, Final

_EXTENDED_LIMITS: Final = 9
_KILL_ON_CLOSE: Final = 0x2000


class _BasicLimits(ctypes.Structure):
    _fields_ = (
        ("PerProcessUserTimeLimit", ctypes.c_int64),
        ("PerJobUserTimeLimit", ctypes.c_int64),
        ("LimitFlags", ctypes.c_uint32),
        ("MinimumWorkingSetSize", ctypes.c_size_t),
        ("MaximumWorkingSetSize", ctypes.c_size_t),
        ("ActiveProcessLimit", ctypes.c_uint32),
        ("Affinity", ctypes.c_size_t),
        ("PriorityClass", ctypes.c_uint32),
        ("SchedulingClass", ctypes.c_uint32),
    )


class ExtendedLimits(ctypes.Structure):
    """What Windows calls JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("Basic", _BasicLimits),
        ("IoCounters", ctypes.c_uint64 * 6),
        ("ProcessMemoryLimit", ctypes.c_size_t),
        ("JobMemoryLimit", ctypes.c_size_t),
        ("PeakProcessMemoryUsed", ctypes.c_size_t),
        ("PeakJobMemoryUsed", ctypes.c_size_t),
    )


class JobObject:
    """A job that holds one process and all that it starts.

    Parameters
    ----------
    kernel
        The system's library ``kernel32``; tests give one that fails.
    """

    def __init__(self, kernel: Any) -> None:  # noqa: ANN401 - a library of the system
        self._kernel = kernel
        kernel.CreateJobObjectW.restype = ctypes.c_void_p
        self._handle = kernel.CreateJobObjectW(None, None)
        if not self._handle:
            raise OSError("CreateJobObjectW failed")

    @classmethod
    def around(cls, process: "subprocess.Popen[bytes]") -> "JobObject | None":
        """Return a job that holds `process`; ``None`` where there is none or the system refuses.

        Without it the end of standard input still tells a child that this process is gone.
        """
        if sys.platform != "win32":
            return None
        return cls.holding(ctypes.windll.kernel32, int(process._handle))

    @classmethod
    def holding(cls, kernel: Any, process: int) -> "JobObject | None":  # noqa: ANN401 - a library of the system
        """Return a job that holds the process with the handle `process`; ``None`` when the system refuses."""
        try:
            job = cls(kernel)
        except OSError:
            return None
        if job._limit(_KILL_ON_CLOSE) and kernel.AssignProcessToJobObject(
            ctypes.c_void_p(job._handle), ctypes.c_void_p(process)
        ):
            return job
        job.close()
        return None

    def let_go(self) -> None:
        """Let what it holds go on when it is closed."""
        self._limit(0)

    def close(self) -> None:
        """Give the job up: what it holds ends, unless it was let go; may be called twice."""
        if self._handle:
            self._kernel.CloseHandle(ctypes.c_void_p(self._handle))
            self._handle = None

    def _limit(self, flags: int) -> bool:
        limits = ExtendedLimits()
        limits.Basic.LimitFlags = flags
        size = ctypes.sizeof(limits)
        handle = ctypes.c_void_p(self._handle)
        return bool(self._kernel.SetInformationJobObject(handle, _EXTENDED_LIMITS, ctypes.byref(limits), size))

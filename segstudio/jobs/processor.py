"""The name of the processor, as its maker sells it; the standard library knows only its family."""

import platform
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

#: Seconds that the system may take to answer.
_PATIENCE = 2.0
_CPUINFO = Path("/proc/cpuinfo")
_REGISTRY = r"HARDWARE\DESCRIPTION\System\CentralProcessor\0"


@cache
def processor_name() -> str:
    """Return the model of the processor where the system tells it, else its family, as ``"x86_64"``.

    May read a file or start a program: call it in a worker, never where a hand waits.
    """
    told = {"linux": _from_linux, "darwin": _from_mac, "win32": _from_windows}.get(sys.platform, str)()
    return shortened(told) or platform.processor() or platform.machine()


def shortened(name: str) -> str:
    """Return the name of a model without trade marks, clock and generalities.

    Examples
    --------
    >>> shortened("11th Gen Intel(R) Core(TM) i7-11850H @ 2.50GHz")
    'Intel Core i7-11850H'
    >>> shortened("AMD Ryzen 7 5800X 8-Core Processor             ")
    'AMD Ryzen 7 5800X'
    """
    plain = re.sub(r"\((R|TM|C)\)|®|™|@.*$", " ", name, flags=re.IGNORECASE)
    plain = re.sub(r"\b(\d+th Gen|\d+-Core|CPU|Processor)\b", " ", plain, flags=re.IGNORECASE)
    return " ".join(plain.split())


def model_in(cpuinfo: str) -> str:
    """Return the model that a ``/proc/cpuinfo`` names, empty when it names none, as on many ARM boards."""
    found = re.search(r"^(?:model name|Model)\s*:\s*(.+)$", cpuinfo, flags=re.MULTILINE)
    return found.group(1) if found else ""


def _from_linux() -> str:
    try:
        return model_in(_CPUINFO.read_text("utf-8", errors="replace"))
    except OSError:
        return ""


def _from_mac() -> str:
    command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _from_windows() -> str:
    if sys.platform != "win32":
        return ""
    import winreg

    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, _REGISTRY) as key:
            return str(winreg.QueryValueEx(key, "ProcessorNameString")[0])
    except OSError:
        return ""

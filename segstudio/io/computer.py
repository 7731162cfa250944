"""Which computer this is, so that a lock file of another one is known for what it is."""

import ctypes
import socket
import sys
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

_LINUX: Final = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))


def computer_mark() -> str:
    """Return a mark of this computer that says nothing else about it; empty when the system has none.

    Notes
    -----
    Names alone do not do: many computers have the same one, and some get a new one in each network. Copied systems have
    the same identity, so the name counts as well, but where the identity is the hardware's.
    """
    identity = _identity()
    if not identity:
        return ""
    name = "" if sys.platform == "darwin" else socket.gethostname()
    return blake2b(f"SegStudio {identity} {name}".encode(), digest_size=8).hexdigest()


def _identity() -> str:
    if sys.platform == "win32":
        import winreg

        with (
            suppress(OSError),
            winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key,
        ):
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    elif sys.platform == "darwin":
        with suppress(OSError, AttributeError):
            identity, wait = (ctypes.c_ubyte * 16)(), (ctypes.c_long * 2)(1, 0)
            if ctypes.CDLL(None).gethostuuid(identity, wait) == 0:
                return bytes(identity).hex()
    else:
        for path in _LINUX:
            with suppress(OSError, ValueError):
                identity_text = path.read_text("ascii").strip()
                if identity_text and identity_text != "uninitialized":
                    return identity_text
    return ""

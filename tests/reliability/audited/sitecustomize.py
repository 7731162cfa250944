"""Imported by each process of an audited session: writes down what reaches for the network, and what is imported."""

import os
import sys
from typing import Any

_LOG = os.environ.get("SEGSTUDIO_AUDIT_LOG", "")
#: Events of a socket that reaches another machine, or a name server.
_NETWORK = (
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostby",
    "socket.getnameinfo", "urllib.Request", "http.client.", "ftplib.", "smtplib.",
)  # fmt: skip


def _listen(event: str, args: tuple[Any, ...]) -> None:
    if event.startswith(_NETWORK):
        if event in ("socket.connect", "socket.bind") and isinstance(args[1], str | bytes):
            return  # of this machine: a file, no address
        _say(f"{os.getpid()} {event} {str(args)[:200]}")


def _say(text: str) -> None:
    descriptor = os.open(_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(descriptor, text.encode() + b"\n")
    os.close(descriptor)


if _LOG:
    _say(f"{os.getpid()} listens {' '.join(sys.orig_argv[1:])[:200]}")
    sys.addaudithook(_listen)

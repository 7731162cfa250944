"""Runs pip and turns its output into one progress line, and its failures into one sentence."""

import os
import platform
import queue
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

#: A package from this size on gets a line of its own where the output is no terminal, bytes.
_LARGE = 20 * 2**20
_NETWORK = (
    "NewConnectionError", "Temporary failure in name resolution", "getaddrinfo failed", "Network is unreachable",
    "ConnectTimeoutError", "Connection refused", "ProxyError", "Read timed out", "ReadTimeoutError", "SSLError",
    "nodename nor servname", "Connection reset by peer", "Cannot connect to proxy",
)  # fmt: skip
_SPACE = ("No space left on device", "Errno 28", "WinError 112", "Disk quota exceeded")


class Progress:
    """What pip is doing, as one line of text.

    Feed it pip's lines; `text` is the line to show.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._file = ""
        self._seen = 0
        self._amount = ""
        self._installing = 0
        self.started_large = ""

    def feed(self, line: str) -> None:
        """Take one line of pip's output; `started_large` names a large download that begins with it."""
        self.started_large = ""
        line = line.strip()
        if line.startswith("Progress "):
            self._amount = _amount(line)
        elif match := re.match(r"(?:Downloading|Using cached) (\S+?)(?: \((.+)\))?$", line):
            self._begin(match[1], match[2] or "", cached=line.startswith("Using"))
        elif match := re.match(r"Collecting ([\w.\-\[\],]+)", line):
            self._file, self._amount = f"looking up {match[1]}", ""
        elif line.startswith("Installing collected packages:"):
            self._installing = line.count(",") + 1
            self._file = self._amount = ""

    @property
    def text(self) -> str:
        """The line, without the time."""
        if self._installing:
            return f"{self._title}: unpacking {self._installing} packages"
        return " - ".join(part for part in (self._title, self._file, self._amount) if part)

    def _begin(self, file: str, size: str, *, cached: bool) -> None:
        name = re.match(r"(.+?)-(\d[^-]*)", file.rsplit("/", 1)[-1])
        self._seen += 1
        self._file = f"{name[1]} {name[2]}" if name else file
        self._amount = f"{size}{', kept from before' if cached else ''}"
        if _bytes(size) >= _LARGE:
            self.started_large = f"{self._file} ({self._amount})"


class Installation:
    """Installs into one environment.

    Parameters
    ----------
    python
        The environment's interpreter.
    log
        Where all of pip's output goes.
    unfinished
        A file that exists while packages are being written.
    """

    def __init__(self, python: Path, log: Path, unfinished: Path) -> None:
        self._python = python
        self._log = log
        self._unfinished = unfinished

    def run(self, words: list[str], title: str) -> str:
        """Run ``pip install``; return an empty text, or one sentence that says why it failed."""
        options = ["--disable-pip-version-check", "--no-input"]
        if self._pip_version() >= (24, 1):
            options += ["--progress-bar", "raw"]
        command = [str(self._python), "-m", "pip", "install", *options, *words]
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8", "PIP_NO_COLOR": "1"}
        self._unfinished.touch()
        started = time.monotonic()
        output = self._watch(command, environment, title)
        if output is not None:
            # pip fails cleanly: it puts back what it had begun to replace.
            self._unfinished.unlink()
            return explain(output, self._log)
        self._unfinished.unlink()
        _show(f"{title}: done in {_clock(time.monotonic() - started)}", last=True)
        return ""

    def _watch(self, command: list[str], environment: dict[str, str], title: str) -> str | None:
        """Show the progress until pip ends; return its output when it failed."""
        progress, kept, started, shown = Progress(title), [], time.monotonic(), 0.0
        pause = 0.2 if sys.stdout.isatty() else 15.0
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8", "errors": "replace"}
        with self._log.open("a", encoding="utf-8") as log, subprocess.Popen(command, env=environment, **pipes) as pip:
            try:
                for line in _lines(pip):
                    progress.feed(line)
                    if line and not line.startswith("Progress "):
                        log.write(line)
                        kept.append(line)
                    now = time.monotonic()
                    if now - shown > pause or progress.started_large:
                        _show(f"{progress.text} - {_clock(now - started)}")
                        shown = now
            except BaseException:
                pip.terminate()
                raise
        return None if pip.returncode == 0 else "".join(kept)

    def _pip_version(self) -> tuple[int, ...]:
        code = "import pip; print(pip.__version__)"
        done = subprocess.run([str(self._python), "-c", code], capture_output=True, text=True, check=False)
        return tuple(int(part) for part in re.findall(r"\d+", done.stdout)[:2])


def explain(output: str, log: Path) -> str:
    """Return one sentence for a failed ``pip install`` with this `output`."""
    if any(mark in output for mark in _SPACE):
        return "The disk is full: the installation takes up to 9 GB. Free some space and run the same command again."
    if any(mark in output for mark in _NETWORK):
        return (
            "The packages could not be downloaded, for this computer does not reach the package index. Connect it, "
            "or name your proxy in HTTPS_PROXY, and run the same command again; what was downloaded is kept."
        )
    if match := re.search(r"No matching distribution found for (\S+)", output):
        return (
            f"There is no {match[1]} for this computer: {platform.system()} {platform.machine()}, "
            f"Python {platform.python_version()}. SegStudio runs on Windows and Linux (64 bit) and on Macs with Apple "
            "silicon, with Python 3.11 to 3.13."
        )
    errors = [line.strip() for line in output.splitlines() if line.startswith("ERROR")]
    reason = errors[-1] if errors else (output.strip().splitlines() or ["pip gave no reason"])[-1]
    return f"The installation failed: {reason}\nAll of pip's output is in {log}"


def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    """Yield the lines of `process`, and an empty one whenever it says nothing for a while."""
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(line)
        lines.put(None)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    while True:
        try:
            line = lines.get(timeout=0.2)
        except queue.Empty:
            line = ""
        if line is None:
            reader.join()
            return
        yield line


def _show(text: str, *, last: bool = False) -> None:
    if sys.stdout.isatty():
        width = os.get_terminal_size().columns - 1
        sys.stdout.write("\r" + text[:width].ljust(width) + ("\n" if last else ""))
    else:
        sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _amount(line: str) -> str:
    match = re.match(r"Progress (\d+) of (\d+)", line)
    if match is None or int(match[2]) == 0:
        return ""
    done, total = int(match[1]), int(match[2])
    return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB ({100 * done // total} %)"


def _bytes(size: str) -> float:
    match = re.match(r"([\d.]+)\s*(kB|MB|GB|bytes)", size)
    return float(match[1]) * {"bytes": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[match[2]] if match else 0.0


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

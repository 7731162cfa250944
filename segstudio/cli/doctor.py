"""``segstudio doctor``: what this computer offers, and how to mend what is missing."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal

import psutil
from platformdirs import user_data_path
from rich.console import Console
from rich.text import Text

from segstudio import __version__
from segstudio.cli.qt_libraries import install_command, missing_libraries
from segstudio.io.optional_reader import OPTIONAL_FORMATS

Verdict = Literal["good", "note", "bad"]

#: Seconds that another process gets to import a large library on a slow disk.
_PROBE_SECONDS = 120
_MARKS: dict[Verdict, tuple[str, str]] = {"good": ("✓", "green"), "note": ("!", "yellow"), "bad": ("✗", "red")}
_PACKAGES = (
    "numpy",
    "scipy",
    "scikit-image",
    "opencv-python-headless",
    "tifffile",
    "imagecodecs",
    "pyqtgraph",
    "pydantic",
)

#: Runs in a process of its own: a torch that crashes while loading must become a sentence, not a crash.
_TORCH_PROBE = """
import json, torch, torchvision
cuda = torch.cuda.is_available()
mps = getattr(torch.backends, "mps", None)
print(json.dumps({
    "torch": torch.__version__, "torchvision": torchvision.__version__, "cuda_build": torch.version.cuda,
    "cuda": cuda, "threads": torch.get_num_threads(),
    "gpus": [[torch.cuda.get_device_name(i), torch.cuda.get_device_properties(i).total_memory]
             for i in range(torch.cuda.device_count())] if cuda else [],
    "mps_built": bool(mps and mps.is_built()), "mps": bool(mps and mps.is_available()),
}))
"""

_QT_PROBE = """
import json, os, sys
from PySide6.QtCore import qVersion
from PySide6.QtGui import QGuiApplication
app = QGuiApplication(sys.argv[:1])
screens = [[s.name(), s.size().width(), s.size().height(), s.devicePixelRatio()] for s in app.screens()]
print(json.dumps({"qt": qVersion(), "platform": app.platformName(), "screens": screens}))
sys.stdout.flush()
os._exit(0)
"""


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    topic
        ``"python"``, ``"qt"``, ``"torch"``, ``"device"``, ``"memory"``, ``"disk"``, ``"formats"`` or ``"packages"``.
    text
        What was found, one sentence.
    fix
        What to do about it; empty when nothing is to do.
    details
        The same as figures, for ``--json``.
    """

    topic: str
    verdict: Verdict
    text: str
    fix: str = ""
    details: dict[str, Any] | None = None


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``doctor`` to the commands."""
    parser = subparsers.add_parser(
        "doctor",
        help="report what this computer offers: Python, Qt, torch, GPU, disk, memory",
        description="Reports what this computer offers and how to mend what is missing. "
        "Exit code 0: SegStudio can work here (notes are allowed); 4: something needed is missing.",
    )
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Print the report; return 0 when everything needed is there, else 4."""
    findings = list(examine())
    console = Console(highlight=False, soft_wrap=True)
    if namespace.json:
        print_json(console, findings)
    else:
        print_report(console, findings)
    return 4 if any(finding.verdict == "bad" for finding in findings) else 0


def examine() -> Iterator[Finding]:
    """Yield what is found, topic by topic. Takes some seconds, for torch is really loaded."""
    yield python_finding(sys.version_info[:3], sys.executable)
    yield packages_finding()
    yield qt_finding(probe(_QT_PROBE))
    torch = probe(_TORCH_PROBE)
    yield torch_finding(torch)
    yield device_finding(torch, driver_version(), sys.platform)
    yield memory_finding(psutil.virtual_memory().total, psutil.virtual_memory().available)
    yield disk_finding(user_data_path("segstudio", appauthor=False))
    yield formats_finding()


def print_report(console: Console, findings: list[Finding]) -> None:
    """Write the report for people."""
    console.print(f"SegStudio {__version__} on {platform.platform()}")
    for finding in findings:
        mark, colour = _MARKS[finding.verdict]
        console.print(Text.assemble((f" {mark} ", colour), (f"{finding.topic:<9}", "bold"), finding.text))
        if finding.fix:
            console.print(Text.assemble("   ", " " * 9, ("→ ", colour), finding.fix))


def print_json(console: Console, findings: list[Finding]) -> None:
    """Write the report for programs."""
    report = {
        "segstudio": __version__,
        "platform": platform.platform(),
        "findings": [asdict(finding) for finding in findings],
    }
    console.file.write(json.dumps(report, indent=1) + "\n")


def probe(code: str, timeout_s: float = _PROBE_SECONDS) -> dict[str, Any]:
    """Run `code` in a Python of its own and return the JSON object it prints.

    Instead of raising, returns ``{"error": sentence, "log": last lines}``.
    """
    command = [sys.executable, "-W", "ignore", "-c", code]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"did not answer within {timeout_s:.0f} seconds", "log": ""}
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines:
        result: dict[str, Any] = json.loads(lines[-1])
        return result
    log = done.stderr.strip()
    last = log.splitlines()[-1] if log else "no message"
    cause = last if done.returncode > 0 else f"crashed with signal {-done.returncode}"
    return {"error": cause, "log": log[-4000:]}


def python_finding(found: tuple[int, int, int], executable: str) -> Finding:
    """Judge the Python version."""
    text = f"{'.'.join(map(str, found))} ({8 * (8 if sys.maxsize > 2**32 else 4)} bit), {executable}"
    if found < (3, 11, 0):
        return Finding("python", "bad", text, "SegStudio needs Python 3.11 or newer.")
    return Finding("python", "good", text)


def packages_finding() -> Finding:
    """List the versions of the libraries; a missing one is bad."""
    versions: dict[str, str | None] = {}
    for name in _PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = None
    missing = [name for name, found in versions.items() if found is None]
    if missing:
        fix = "Repair the environment: python packaging/bootstrap.py run, or pip install . in the program's folder."
        return Finding("packages", "bad", f"Missing: {', '.join(missing)}.", fix, dict(versions))
    text = ", ".join(f"{name} {found}" for name, found in versions.items())
    return Finding("packages", "good", text, details=dict(versions))


def qt_finding(qt: dict[str, Any]) -> Finding:
    """Judge what the Qt probe said."""
    if "error" not in qt:
        name, width, height, ratio = (qt["screens"] or [["none", 0, 0, 1]])[0]
        text = f"Qt {qt['qt']} on {qt['platform']}, screen {name} {width}×{height} at {100 * ratio:.0f} %"
        return Finding("qt", "good", text, details=qt)
    missing = missing_libraries()
    if missing:
        return Finding("qt", "bad", f"Libraries are missing: {', '.join(missing)}.", install_command(missing), qt)
    if _no_screen():
        text = "There is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set); the command line works."
        fix = "For the window, log in on a desktop, or connect with ssh -X."
        return Finding("qt", "note", text, fix, qt)
    fix = "Reinstall it: python packaging/bootstrap.py run"
    return Finding("qt", "bad", f"Qt does not start: {qt['error']}", fix, qt)


def torch_finding(torch: dict[str, Any]) -> Finding:
    """Judge what the torch probe said about the libraries themselves."""
    if "error" in torch:
        text = f"torch cannot be loaded: {torch['error']}"
        fix = "Reinstall it: pip install --force-reinstall torch torchvision. Labelling works without it."
        if sys.platform == "win32" and "DLL" in torch.get("log", ""):
            fix = "Install Microsoft's Visual C++ redistributable (x64) and start again. Labelling works without it."
        return Finding("torch", "bad", text, fix, torch)
    text = f"torch {torch['torch']}, torchvision {torch['torchvision']}, {torch['threads']} CPU threads"
    return Finding("torch", "good", text, details=torch)


def device_finding(torch: dict[str, Any], driver: str | None, system: str) -> Finding:
    """Say which device trains here, and when it is the CPU, why and what would change that.

    Parameters
    ----------
    torch
        What the probe printed.
    driver
        Version of the NVIDIA driver, ``None`` when there is none.
    system
        ``sys.platform``.
    """
    if "error" in torch:
        return Finding("device", "bad", "Unknown, for torch cannot be loaded.")
    if torch["cuda"]:
        cards = ", ".join(f"{name} ({memory / 2**30:.0f} GB)" for name, memory in torch["gpus"])
        return Finding("device", "good", f"GPU: {cards}, CUDA {torch['cuda_build']}, driver {driver or 'unknown'}")
    if torch["mps"]:
        return Finding("device", "good", "GPU: Apple Metal (MPS)")
    text, fix = _why_no_gpu(torch, driver, system)
    return Finding("device", "note", f"CPU. {text}", fix, {"driver": driver, "cuda_build": torch["cuda_build"]})


def driver_version() -> str | None:
    """Return the version of the NVIDIA driver, or ``None``."""
    kernel = Path("/proc/driver/nvidia/version")
    tool = shutil.which("nvidia-smi")
    if tool is not None:
        command = [tool, "--query-gpu=driver_version", "--format=csv,noheader"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            return None
        if done.returncode == 0 and done.stdout.strip():
            return done.stdout.split()[0]
    if kernel.is_file():
        words = kernel.read_text(encoding="utf-8", errors="replace").split()
        return next((word for word in words if word.replace(".", "").isdigit() and "." in word), None)
    return None


def memory_finding(total: int, available: int) -> Finding:
    """Judge the main memory, bytes."""
    text = f"{total / 2**30:.1f} GB, {available / 2**30:.1f} GB free, {os.cpu_count()} processors"
    details = {"total": total, "available": available, "processors": os.cpu_count()}
    if available < 2 * 2**30:
        fix = "Close other programs before training: it takes about 2 GB."
        return Finding("memory", "note", text, fix, details)
    return Finding("memory", "good", text, details=details)


def disk_finding(folder: Path) -> Finding:
    """Judge the free space where the program keeps its own files."""
    there = next(path for path in (folder, *folder.parents) if path.is_dir())
    free = shutil.disk_usage(there).free
    text = f"{free / 2**30:.1f} GB free in {there}"
    if free < 2 * 2**30:
        return Finding("disk", "note", text, "Free some space: one training can take 1 GB.", {"free": free})
    return Finding("disk", "good", text, details={"free": free})


def formats_finding() -> Finding:
    """Say which formats can be read that need a library of their own."""
    there = [item.formats for item in OPTIONAL_FORMATS if item.installed]
    missing = [item for item in OPTIONAL_FORMATS if not item.installed]
    text = f"Beside TIFF, OME-Zarr, HDF5, PNG and JPEG: {', '.join(there) or 'nothing'}"
    if not missing:
        return Finding("formats", "good", text)
    extras = ",".join(item.extra for item in missing)
    names = ", ".join(item.formats for item in missing)
    fix = f'To read {names} too: pip install "segstudio[{extras}]"'
    return Finding("formats", "good", text, fix, {"missing": [item.extra for item in missing]})


def _why_no_gpu(torch: dict[str, Any], driver: str | None, system: str) -> tuple[str, str]:
    if system == "darwin":
        if not torch["mps_built"]:
            return "This torch was built without Metal.", "Use an arm64 Python on an Apple-silicon Mac."
        return "Metal is not available.", "It needs an Apple-silicon Mac with macOS 14 or newer."
    if driver is None and torch["cuda_build"] is not None:
        fix = "With an NVIDIA card in this computer: install its driver, restart, and run segstudio doctor again."
        return "No NVIDIA driver was found.", fix
    if driver is None:
        fix = "With an NVIDIA card: install its driver, then: pip install --force-reinstall torch torchvision"
        return "No NVIDIA driver was found, and this torch is the build without CUDA.", fix
    if torch["cuda_build"] is None:
        fix = "Install a CUDA build as pytorch.org/get-started says for this system, then run segstudio doctor again."
        return f"A driver ({driver}) is there, but this torch ({torch['torch']}) is the build without CUDA.", fix
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return "CUDA_VISIBLE_DEVICES hides every GPU.", "Unset CUDA_VISIBLE_DEVICES."
    fix = f"Install a driver for CUDA {torch['cuda_build']} or newer, restart, and run segstudio doctor again."
    return f"The driver {driver} is too old for this torch (CUDA {torch['cuda_build']}), or the card is in use.", fix


def _no_screen() -> bool:
    shown = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM")
    return sys.platform.startswith("linux") and not shown

"""Writes ``packaging/constraints/constraints.txt`` from the environment it runs in.

Usage: ``python packaging/pin.py`` in an environment whose tests pass. Only what SegStudio and its tests need is
written; what differs between platforms (CUDA's libraries, triton) is left to torch's own metadata.
"""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "packaging" / "constraints" / "constraints.txt"
HEADER = """\
# Versions with which the tests passed, for every platform. Written by packaging/pin.py.
# Used as: pip install -c packaging/constraints/constraints.txt .
"""
_PER_PLATFORM = re.compile(r"^(nvidia|cuda|triton|setuptools)")


def main() -> None:
    """Follow the requirements from pyproject.toml downwards and write what is installed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    queue = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    pins: dict[str, str] = {}
    while queue:
        requirement = Requirement(queue.pop())
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if name in pins or _PER_PLATFORM.match(name) or not _wanted(requirement):
            continue
        try:
            # The local part ("+cu132") differs between platforms.
            pins[name] = version(name).split("+")[0]
        except PackageNotFoundError:
            continue
        queue += requires(name) or []
    TARGET.parent.mkdir(exist_ok=True)
    lines = [f"{name}=={pin}\n" for name, pin in sorted(pins.items())]
    TARGET.write_text(HEADER + "".join(lines), encoding="utf-8")
    print(f"{len(pins)} versions written to {TARGET.relative_to(ROOT)}")


def _wanted(requirement: Requirement) -> bool:
    # Needed on any platform, but not by an extra that nobody asked for.
    return requirement.marker is None or "extra" not in str(requirement.marker)


if __name__ == "__main__":
    main()

"""Which shared libraries Qt lacks on this Linux, and the one command that installs them.

Also a program for the bootstrap, which may import nothing: ``python -m segstudio.cli.qt_libraries`` prints JSON.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

#: Shared library to Debian package, for all that Qt 6's X11 plug-in loads. Debian names as of release 12;
#: newer releases provide them under the same names.
DEBIAN_PACKAGES = {
    "libEGL.so.1": "libegl1",
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libOpenGL.so.0": "libopengl0",
    "libICE.so.6": "libice6",
    "libSM.so.6": "libsm6",
    "libX11-xcb.so.1": "libx11-xcb1",
    "libX11.so.6": "libx11-6",
    "libdbus-1.so.3": "libdbus-1-3",
    "libfontconfig.so.1": "libfontconfig1",
    "libfreetype.so.6": "libfreetype6",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libxcb-cursor.so.0": "libxcb-cursor0",
    "libxcb-icccm.so.4": "libxcb-icccm4",
    "libxcb-image.so.0": "libxcb-image0",
    "libxcb-keysyms.so.1": "libxcb-keysyms1",
    "libxcb-randr.so.0": "libxcb-randr0",
    "libxcb-render-util.so.0": "libxcb-render-util0",
    "libxcb-render.so.0": "libxcb-render0",
    "libxcb-shape.so.0": "libxcb-shape0",
    "libxcb-shm.so.0": "libxcb-shm0",
    "libxcb-sync.so.1": "libxcb-sync1",
    "libxcb-util.so.1": "libxcb-util1",
    "libxcb-xfixes.so.0": "libxcb-xfixes0",
    "libxcb-xkb.so.1": "libxcb-xkb1",
    "libxcb.so.1": "libxcb1",
    "libxkbcommon-x11.so.0": "libxkbcommon-x11-0",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libz.so.1": "zlib1g",
}

_BINARIES = ("plugins/platforms/libqxcb.so", "lib/libQt6Gui.so.6", "lib/libQt6Widgets.so.6", "lib/libQt6OpenGL.so.6")


def missing_libraries() -> list[str]:
    """Return the names of the shared libraries that Qt asks for and the system lacks; empty off Linux."""
    spec = importlib.util.find_spec("PySide6")
    if not sys.platform.startswith("linux") or shutil.which("ldd") is None or spec is None:
        return []
    folder = Path((spec.submodule_search_locations or ["."])[0]) / "Qt"
    found = {name for file in _BINARIES if (folder / file).is_file() for name in _not_found(folder / file)}
    return sorted(found)


def debian_packages(libraries: list[str]) -> list[str]:
    """Return the Debian packages that hold `libraries`, without doubles."""
    return sorted({DEBIAN_PACKAGES[name] for name in libraries if name in DEBIAN_PACKAGES})


def install_command(libraries: list[str]) -> str:
    """Return the one command that installs `libraries` on this distribution.

    rpm distributions install a package by the library it provides, so no table of names is needed there.
    """
    sudo = "" if _is_root() else "sudo "
    provided = " ".join(f"'{name}()(64bit)'" for name in libraries)
    if shutil.which("apt-get"):
        return f"{sudo}apt-get install -y {' '.join(debian_packages(libraries))}"
    if shutil.which("dnf"):
        return f"{sudo}dnf install -y {provided}"
    if shutil.which("zypper"):
        return f"{sudo}zypper install -y {provided}"
    if shutil.which("pacman"):
        return (
            f"{sudo}pacman -S --needed libglvnd libxkbcommon-x11 xcb-util-cursor xcb-util-wm "
            "xcb-util-image xcb-util-keysyms xcb-util-renderutil dbus fontconfig"
        )
    return f"Install the packages of your distribution that hold {', '.join(libraries)}."


def main() -> int:
    """Print ``{"missing": [...], "packages": [...], "command": "...", "root": true}``."""
    missing = missing_libraries()
    report = {
        "missing": missing,
        "packages": debian_packages(missing),
        "command": install_command(missing) if missing else "",
        "root": _is_root(),
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _not_found(file: Path) -> list[str]:
    done = subprocess.run(["ldd", str(file)], capture_output=True, text=True, timeout=30, check=False)
    return [line.split()[0] for line in done.stdout.splitlines() if line.rstrip().endswith("not found")]


if __name__ == "__main__":
    raise SystemExit(main())

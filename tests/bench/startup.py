"""How long from the start of the process to a usable window: prints JSON lines.

``python tests/bench/startup.py [--runs 5]``; without a screen it runs off-screen. Target: 1.5 s on two cores.
For comparison, on the same machine: napari 0.9.2 takes 4.0 s, the import of Cellpose 4's GUI module 6.1 s.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

from bench_figure import exit_code, figure

# The real main(), with only the event loop replaced: usable is when everything pending has been handled and painted.
CHILD = """
import os, sys, time
from PySide6.QtWidgets import QApplication
def measured(*_):
    app = QApplication.instance()
    for _ in range(3):
        app.processEvents()
    window = next(w for w in app.topLevelWidgets() if w.isVisible())
    window.grab()
    took = time.time() - float(os.environ["SEGSTUDIO_BENCH_START"])
    print(took, "torch" in sys.modules, flush=True)
    window.close()
    app.processEvents()
    return 0
QApplication.exec = measured
from segstudio.gui.app import main
sys.exit(main([]))
"""


def main() -> int:
    """Measure and print; return 1 when the target is missed or torch was imported."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--target", type=float, default=1.5, help="seconds")
    wishes = parser.parse_args()
    times, torch = [], False
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(wishes.runs + 1):
            seconds, imported = _start(folder)
            times.append(seconds)
            torch |= imported
    warm = times[1:]  # the first start also fills the caches of the disk
    median = statistics.median(warm)
    figure("startup.usable", median, "s", target=wishes.target, best=min(warm), worst=max(warm), first=times[0])
    figure("startup.torch_imported", float(torch), "", target=0.0)
    return exit_code()


def _start(folder: str) -> tuple[float, bool]:
    environment = {
        **os.environ,
        "SEGSTUDIO_BENCH_START": repr(time.time()),
        "QT_QPA_PLATFORM": os.environ.get("QT_QPA_PLATFORM", "offscreen"),
        "XDG_CONFIG_HOME": folder,
        "XDG_CACHE_HOME": folder,
        "XDG_STATE_HOME": folder,
        "XDG_DATA_HOME": folder,
    }
    done = subprocess.run([sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    seconds, torch = done.stdout.split()
    return float(seconds), torch == "True"


if __name__ == "__main__":
    raise SystemExit(main())

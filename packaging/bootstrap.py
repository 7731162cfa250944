"""Two commands on a fresh machine: ``bootstrap.py run`` opens SegStudio, ``bootstrap.py test`` runs its tests.

Standard library only. Makes ``.venv`` in the repository root, installs the program with pinned versions, checks the
libraries that Qt needs on Linux. A second start finds all that done and takes a moment.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

# The lines up to here, and this check, also run on Pythons that are too old: no newer syntax in this file.
if sys.version_info < (3, 11):  # noqa: UP036
    _newer = [name for name in ("python3.13", "python3.12", "python3.11") if shutil.which(name)]
    sys.exit(
        "SegStudio needs Python 3.11 or newer; this is {}.{}. ".format(*sys.version_info[:2])
        + (f"Run: {_newer[0]} packaging/bootstrap.py run" if _newer else "Install one from python.org.")
    )

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "segstudio-bootstrap.json"
#: There while packages are being installed: found at the next start, it means that the installation was cut short.
UNFINISHED = VENV / "segstudio-unfinished"
LOG = VENV / "segstudio-bootstrap.log"
CONSTRAINTS = ROOT / "packaging" / "constraints" / "constraints.txt"
#: The pip that installs: its "raw" progress is read for the progress line.
PIP = "pip==25.3"
#: Free space that a first installation takes, bytes: CUDA's libraries make most of it on Linux.
SPACE = (9 if sys.platform.startswith("linux") else 3) * 2**30


class Stop(Exception):
    """Something the user must mend first: the message is a sentence for them."""


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line asks; return the exit code."""
    parser = argparse.ArgumentParser(prog="bootstrap.py", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    run_parser = commands.add_parser("run", help="install if need be, and open SegStudio on the sample project")
    run_parser.add_argument("--no-window", action="store_true", help="do the whole job on the sample without a window")
    commands.add_parser("test", help="install if need be, and run all checks and tests without a screen")
    namespace, rest = parser.parse_known_args(arguments)
    try:
        if namespace.command == "test":
            return test(rest)
        if rest:
            parser.error("unrecognised: " + " ".join(rest))
        return run(namespace.no_window)
    except Stop as stop:
        say(str(stop))
        return 1
    except KeyboardInterrupt:
        say("\nStopped. The same command goes on from here.")
        return 130


def run(no_window: bool) -> int:
    """Install, then open the window on the sample project, or do the same job without one."""
    install(extra="")
    if not no_window and not has_screen():
        say(
            "There is no screen here, so no window can open (neither DISPLAY nor WAYLAND_DISPLAY leads to one).\n"
            "SegStudio now does the same job without it: train on the sample for a minute, predict, evaluate, export."
        )
        no_window = True
    if not no_window:
        check_qt_libraries()
    words = ["demo", "--again", *(["--no-window"] if no_window else [])]
    return subprocess.call([str(venv_python()), "-m", "segstudio", *words])


def test(pytest_arguments: list[str]) -> int:
    """Install with the test extra, then run every check; pytest comes last, so its summary is the last line."""
    install(extra="test")
    check_qt_libraries()
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    checks = {
        "ruff check": ["ruff", "check", "."],
        "ruff format": ["ruff", "format", "--check", "."],
        "mypy": ["mypy"],
        "import-linter": ["importlinter.cli"],
    }
    failed = []
    for title, words in checks.items():
        say(f"== {title}")
        command = _lint_imports() if title == "import-linter" else [str(venv_python()), "-m", *words]
        if subprocess.call(command, cwd=ROOT, env=environment) != 0:
            failed.append(title)
    say("== pytest" + (f" (failed so far: {', '.join(failed)})" if failed else ""))
    # In their own order the long files come early; xdist would begin those of one test, the longest of all, last.
    own_order = ["--dist", "loadfile", "--no-loadscope-reorder"]
    words = pytest_arguments or ["-n", str(min(4, os.cpu_count() or 1)), *own_order]
    code = subprocess.call([str(venv_python()), "-m", "pytest", *words], cwd=ROOT, env=environment)
    return code or (1 if failed else 0)


def install(extra: str) -> None:
    """Bring ``.venv`` up to date, unless the stamp says that it is."""
    wanted = digest()
    stamp = read_stamp()
    if stamp.get("digest") == wanted and (not extra or extra in stamp.get("extras", [])) and venv_python().is_file():
        return
    if UNFINISHED.exists():
        say("The last installation was cut short. Starting again; what was downloaded is kept.")
        shutil.rmtree(VENV)
    elif VENV.exists() and not usable():
        say("The environment .venv is damaged or of another Python. Making it anew.")
        shutil.rmtree(VENV)
    check_space()
    if not VENV.exists():
        make_environment()
    extras = sorted({*stamp.get("extras", []), *([extra] if extra else [])})
    target = f"{ROOT}[{','.join(extras)}]" if extras else str(ROOT)
    from pip_progress import Installation  # beside this file; only when there is something to install

    installation = Installation(venv_python(), LOG, UNFINISHED)
    problem = installation.run([PIP], "Preparing the installer") or installation.run(
        ["--constraint", str(CONSTRAINTS), "--editable", target], "Installing SegStudio"
    )
    if problem:
        raise Stop(problem)
    STAMP.write_text(json.dumps({"digest": wanted, "extras": extras}), encoding="utf-8")


def digest() -> str:
    """Return a digest of all that decides what must be installed."""
    parts = [(ROOT / "pyproject.toml").read_bytes(), CONSTRAINTS.read_bytes(), PIP.encode()]
    parts += [sys.version.encode(), str(ROOT).encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def read_stamp() -> dict:
    """Return what the last finished installation noted; empty when there is none."""
    try:
        return dict(json.loads(STAMP.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def venv_python() -> Path:
    """Return the interpreter of ``.venv``, whether it exists or not."""
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def usable() -> bool:
    """Whether ``.venv`` starts and has the version of the Python that runs this."""
    code = "import sys, pip; print(*sys.version_info[:2])"
    try:
        done = subprocess.run([str(venv_python()), "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.split() == [str(part) for part in sys.version_info[:2]]


def make_environment() -> None:
    """Make an empty ``.venv``."""
    say(f"Making the environment {VENV}")
    # Started by .venv's own interpreter, which cannot make itself: take the one below it.
    python = getattr(sys, "_base_executable", None) or sys.executable
    command = [python, "-m", "venv", str(VENV)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    package = f"python3.{sys.version_info[1]}-venv"
    if done.returncode != 0 and "ensurepip" in done.stdout + done.stderr and shutil.which("apt-get"):
        shutil.rmtree(VENV, ignore_errors=True)
        apt_install([package], f"sudo apt-get install -y {package}", "Python's module venv is missing.")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise Stop(f"The environment .venv could not be made in {ROOT}: {' '.join(last)}")


def check_space() -> None:
    """Stop before a first installation that cannot fit."""
    free = shutil.disk_usage(ROOT).free
    if not VENV.exists() and free < SPACE:
        raise Stop(
            f"The disk of {ROOT} has {free / 2**30:.1f} GB free; the installation takes up to {SPACE / 2**30:.0f} GB. "
            "Free some space and run this again."
        )


def check_qt_libraries() -> None:
    """On Linux: see that Qt finds its libraries; install them as root on Debian and Ubuntu, else name the command."""
    if not sys.platform.startswith("linux") or read_stamp().get("qt"):
        return
    report = _qt_report()
    if report["missing"]:
        apt_install(report["packages"], report["command"], f"Qt lacks libraries: {', '.join(report['missing'])}.")
        report = _qt_report()
        if report["missing"]:
            raise Stop(f"Qt still lacks libraries: {', '.join(report['missing'])}. Run: {report['command']}")
    STAMP.write_text(json.dumps({**read_stamp(), "qt": True}), encoding="utf-8")


def apt_install(packages: list[str], command: str, reason: str) -> None:
    """Install Debian packages as root; otherwise stop and name the one command."""
    if not (hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")):
        raise Stop(f"{reason} Run this once, then start again:\n  {command}")
    say(f"{reason} Installing {', '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    words = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages]
    for before in ([], ["apt-get", "update", "-qq"]):  # the list of packages may be old or missing
        if before:
            subprocess.run(before, env=environment, check=False)
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return
    last = (done.stderr or done.stdout).strip().splitlines()[-1:]
    raise Stop(f"{reason} apt-get could not install them: {' '.join(last)}\n  {command}")


def has_screen() -> bool:
    """Whether a window can open here."""
    if not sys.platform.startswith("linux"):
        return True
    if os.environ.get("WAYLAND_DISPLAY"):
        return True
    host, _, number = os.environ.get("DISPLAY", "").rpartition(":")
    if not number:
        return False
    socket = Path("/tmp/.X11-unix") / f"X{number.split('.')[0]}"
    # A local display needs its socket; one behind ssh (localhost:10) or on another host is believed.
    return bool(host) or socket.exists()


def say(text: str) -> None:
    """Print at once, also into a pipe."""
    print(text, flush=True)


def _qt_report() -> dict:
    command = [str(venv_python()), "-m", "segstudio.cli.qt_libraries"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Stop(f"The environment does not work: {done.stderr.strip()[-300:]}\nDelete {VENV} and run this again.")
    return dict(json.loads(done.stdout))


def _lint_imports() -> list[str]:
    return [str(venv_python().with_name("lint-imports" + (".exe" if os.name == "nt" else "")))]


if __name__ == "__main__":
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    raise SystemExit(main())

"""What all tests share: no screen, few threads, folders of their own, and nothing left running.

Synthetic cells: ``from factories import cells`` (the folder of this file is on the path).
"""

import gc
import os
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import HealthCheck, settings

# Tests start the program some hundred times: it is compiled once, whatever the shell says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# Before numpy, torch or Qt are imported by any test. One thread, also where no tests run beside: what xdist starts
# inherits these, and threads that outnumber the cores wait for each other longer than they work.
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

ROOT = Path(__file__).resolve().parents[1]
# The processes that tests start run the program beside these tests, whichever is installed.
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])

#: Where platformdirs and Qt put the user's files: Linux, Windows and macOS in one list.
_USER_FOLDERS = {
    "XDG_CONFIG_HOME": "config",
    "XDG_CACHE_HOME": "cache",
    "XDG_DATA_HOME": "data",
    "XDG_STATE_HOME": "state",
    "APPDATA": "appdata",
    "LOCALAPPDATA": "localappdata",
    "WIN_PD_OVERRIDE_APPDATA": "appdata",
    "WIN_PD_OVERRIDE_LOCAL_APPDATA": "localappdata",
}

settings.register_profile("segstudio", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("segstudio")


def _user_environment(folder: Path) -> dict[str, str]:
    """Return the variables that keep the user's own settings out of a test's reach."""
    variables = {name: str(folder / sub) for name, sub in _USER_FOLDERS.items()}
    if sys.platform == "darwin":
        variables["HOME"] = str(folder)
    return variables


def pytest_configure(config: pytest.Config) -> None:
    """Isolate also what is imported or started before the first test."""
    folder = Path(tempfile.mkdtemp(prefix="segstudio-tests-"))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    os.environ.update(_user_environment(folder))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """Spare the collector the way through torch and all else that the tests import, now and after each Qt test."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown() -> Iterator[None]:
    """Let no answer arrive any more: pytest-qt deletes the widgets before the fixtures close their sessions."""
    if carrier := sys.modules.get("carrier"):
        carrier.Carrier.end_all()
    return (yield)


@pytest.fixture(autouse=True)
def user_folders(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Give each test empty folders for settings, caches and data; return the folder that holds them."""
    folder = tmp_path_factory.mktemp("user")
    for name, value in _user_environment(folder).items():
        monkeypatch.setenv(name, value)
    if {"qapp", "qtbot"} & set(request.fixturenames):
        from PySide6.QtCore import QSettings

        # Qt looks at the environment once in a process.
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder / "config"))
    return folder


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Return the folder of real test images; skip where it is not there."""
    folder = Path(os.environ.get("SEGSTUDIO_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "nuclei").is_dir():
        pytest.skip(f"no test images: set SEGSTUDIO_DATA (looked in {folder})")
    return folder


@pytest.fixture(autouse=True)
def _collect_on_this_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Keep the cyclic collector off other threads while a test uses Qt: freeing a QObject there crashes."""
    if not {"qapp", "qtbot"} & set(request.fixturenames):
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.collect()
        gc.freeze()  # what is left belongs to modules that the test imported; the next collection need not look at it
        gc.enable()


@pytest.fixture(autouse=True)
def _nothing_left_running(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that leaves a thread or a process behind; fixtures of a wider scope may keep theirs."""
    threads = set(threading.enumerate())
    children = {child.pid for child in _children()}
    yield
    if request.node.get_closest_marker("leaves_threads"):
        return
    deadline = time.monotonic() + 5
    while left := [*_new_threads(threads), *_new_children(children)]:
        if time.monotonic() > deadline:
            pytest.fail(f"left running after the test: {', '.join(left)}")
        time.sleep(0.02)


def _new_threads(before: set[threading.Thread]) -> list[str]:
    return [
        f"thread {thread.name}"
        for thread in threading.enumerate()
        # Dummy threads belong to Qt's pool and to C++ libraries, which end them as they like.
        if thread not in before
        and not isinstance(thread, threading._DummyThread)
        and not thread.name.startswith(("pytest_timeout", "pydevd", "QueueFeederThread"))
    ]


def _children() -> list[psutil.Process]:
    """Return all processes below this one; without looking at every process of the computer where there is none."""
    try:
        if hasattr(os, "waitid"):
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return []
    return psutil.Process().children(recursive=True)


def _new_children(before: set[int]) -> list[str]:
    left = []
    for child in _children():
        try:
            words = child.cmdline()
            if child.pid in before or child.status() == psutil.STATUS_ZOMBIE or "resource_tracker" in " ".join(words):
                continue
        except psutil.Error:
            continue
        left.append(f"process {child.pid} ({' '.join(words)[:100]})")
    return left

"""Starts the window: application object, log, nets below it, garbage collection, and `main`."""

import argparse
import gc
import importlib
import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtWidgets import QApplication

from segstudio import __version__
from segstudio.gui import safe_mode
from segstudio.gui.crash_file import CrashFile, take_crashes
from segstudio.gui.faults import ErrorHook, QtMessages
from segstudio.gui.garbage import GarbageCollector
from segstudio.gui.later import later
from segstudio.gui.main_window import MainWindow
from segstudio.gui.memory import give_back_free_blocks, give_back_large_blocks
from segstudio.gui.program_log import ProgramLog
from segstudio.gui.report import versions
from segstudio.gui.start_mark import STEADY_S, StartMark
from segstudio.gui.theme import apply_theme
from segstudio.gui.watchdog import Watchdog
from segstudio.io.files_read import files_read
from segstudio.io.vetting import unknown_files_vetted
from segstudio.session.session import Session

log = logging.getLogger("segstudio")

#: When the window has been painted and still nobody has clicked.
_IDLE_MS = 300
#: When the first image has long been there: what the engine offers and the name of the device may be found out.
_CALM_MS = 10_000


class _MainThread(QObject):
    """Carries callables from any thread to the main thread."""

    posted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.posted.connect(lambda call: call(), Qt.ConnectionType.QueuedConnection)


def import_ahead() -> None:
    """Import what the first image needs while the user still looks for it: half of its way to the screen."""
    for name in ("pyqtgraph", "scipy.sparse.csgraph"):
        importlib.import_module(name)


def application() -> QApplication:
    """Return the application object; there is one a process."""
    existing = QApplication.instance()
    if isinstance(existing, QApplication):
        return existing
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    # A second Qt that opencv-python may bring must not lend its plugins to this one.
    for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR"):
        if "cv2" in os.environ.get(name, ""):
            del os.environ[name]
    app = QApplication(["segstudio"])
    app.setApplicationName("SegStudio")
    app.setApplicationVersion(__version__)
    app.setOrganizationName("SegStudio")
    return app


def _has_screen() -> bool:
    """Whether Qt has something to draw on; without it, it would abort the process."""
    names = ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    return not sys.platform.startswith("linux") or any(os.environ.get(name) for name in names)


def main(argv: Sequence[str] | None = None) -> int:
    """Open the window and stay until it is closed.

    Parameters
    ----------
    argv
        Images, folders or a project to open; ``sys.argv[1:]`` when ``None``.

    Returns
    -------
    int
        The exit code: 0, or 4 when there is no screen.
    """
    parser = argparse.ArgumentParser("segstudio", description="Label, train, segment, correct and measure cells.")
    parser.add_argument("open", nargs="*", type=Path, help="a project, a folder of images, or images")
    parser.add_argument(
        safe_mode.FLAG,
        action="store_true",
        help="start with standard layout and settings, without plug-ins; nothing of yours is deleted",
    )
    wishes = parser.parse_args(argv)
    if not _has_screen():
        sys.stderr.write(
            "There is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open.\n"
            "Log in on a desktop, connect with ssh -X, or use the command line: segstudio --help\n"
        )
        return 4
    give_back_large_blocks()
    app = application()
    mark = StartMark.begin()
    program_log = ProgramLog.start()
    log_file = program_log.path if program_log is not None else None
    with ExitStack() as stack:
        if program_log is not None:
            stack.callback(program_log.close)
        log.info("%s", versions())
        stack.enter_context(unknown_files_vetted(files_read()))
        safe = wishes.safe_mode or _asked_for_safe_mode(mark)
        if safe:
            log.info("In safe mode.")
            stack.enter_context(safe_mode.safe_mode())
        troubled = safe and mark is not None and mark.trouble
        try:
            code = _run(app, [] if troubled else wishes.open, log_file, mark, safe=safe)
        except Exception:
            log.critical("The window could not be built.", exc_info=True)
            raise
        log.info("Closed.")
    if mark is not None:
        mark.steady()  # not after an error: the next start shall see that this one came to nothing
    return code


def _asked_for_safe_mode(mark: StartMark | None) -> bool:
    if mark is None or not mark.trouble:
        return False
    log.warning("The starts before this one came to nothing: %s", mark.trouble)
    if mark.trouble == "short-lives":
        mark.stands()  # who is killed at the question ended soon once more, and did come up
    return _is_drawn() and safe_mode.wants_safe_mode(mark.trouble)


def _is_drawn() -> bool:
    """Whether anybody could answer a question that the window waits for."""
    return QApplication.platformName() not in ("offscreen", "minimal")


def _run(app: QApplication, paths: list[Path], log_file: Path | None, mark: StartMark | None, *, safe: bool) -> int:
    gc.freeze()  # what was imported stays: it would be most of what is looked through while somebody works
    carrier = _MainThread()
    session = Session(post=carrier.posted.emit)
    apply_theme(app, session.preferences.theme)
    window = MainWindow(session, log_file)
    with _nets(app, window, carrier, log_file):
        collector = GarbageCollector(app)
        window.show()
        later(window, lambda: session.background.run(import_ahead), _IDLE_MS)
        session.front.saved.connect(lambda: session.background.run(give_back_free_blocks))
        session.jobs.want_catalogue(make=False)
        later(window, session.jobs.want_catalogue, _CALM_MS)
        if mark is not None:
            later(window, mark.stands)
            later(window, mark.steady, round(STEADY_S * 1000))
        if safe:
            window.banners.show_notice(safe_mode.notice(named=bool(paths)))
        elif mark is not None and mark.trouble and not _is_drawn():
            window.banners.show_notice(safe_mode.advice(mark.trouble))
        if paths:
            window.opening.open_paths([path.expanduser().absolute() for path in paths])
        try:
            return app.exec()
        finally:
            for item in (window, collector):
                item.deleteLater()
                app.sendPostedEvents(item, QEvent.Type.DeferredDelete)
            gc.unfreeze()
            gc.enable()


@contextmanager
def _nets(app: QApplication, window: MainWindow, carrier: _MainThread, log_file: Path | None) -> Iterator[None]:
    """Catch what goes wrong while the window is there: exceptions, warnings of Qt, crashes in C, stalls."""
    folder = log_file.parent if log_file is not None else None
    crash_file = CrashFile.start(folder)
    hook = ErrorHook(window.show_fault, carrier.posted.emit)
    messages = QtMessages()
    hook.install()
    messages.install()
    watchdog = Watchdog(app, stacks=crash_file.stream if crash_file is not None else None)
    if folder is not None:
        background, tell = window.session.background, window.help_desk.tell_crash
        later(window, lambda: background.run(lambda: take_crashes(folder), tell), _IDLE_MS)
    try:
        yield
    finally:
        watchdog.close()
        watchdog.deleteLater()
        messages.remove()
        hook.remove()
        if crash_file is not None:
            crash_file.close()


if __name__ == "__main__":
    raise SystemExit(main())

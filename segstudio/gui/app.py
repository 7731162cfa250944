"""Starts the window: application object, error hooks, log, garbage collection, and `main`."""

import argparse
import gc
import importlib
import logging
import logging.handlers
import os
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType

from platformdirs import user_log_path
from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QApplication

from segstudio import __version__
from segstudio.gui.main_window import MainWindow
from segstudio.gui.theme import apply_theme
from segstudio.session.session import Session

log = logging.getLogger("segstudio")

_LOG_BYTES = 2_000_000
_COLLECT_EVERY_MS = 1_000
#: When the window stands and what it is made of will live as long as it does.
_SETTLED_MS = 3_000
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


class GarbageCollector(QObject):
    """Runs Python's cyclic collector on the GUI thread only.

    Collected on another thread, a QObject dies there, and Qt programs crash (napari issue 1029, open since 2020).
    What is there when the window stands is left alone afterwards: to look through it would stop the hand for 0.1 s.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._collect)
        self._timer.start(_COLLECT_EVERY_MS)
        QTimer.singleShot(_SETTLED_MS, self, self._settle)

    @staticmethod
    def _settle() -> None:
        gc.collect()
        gc.freeze()

    def _collect(self) -> None:
        counts, limits = gc.get_count(), gc.get_threshold()
        for generation in (2, 1, 0):
            if counts[generation] > limits[generation]:
                gc.collect(generation)
                return


class ErrorHook:
    """Every exception that nobody caught reaches the log and one readable message; the program lives on."""

    def __init__(self, show: Callable[[BaseException], None], post: Callable[[Callable[[], None]], None]) -> None:
        self._show = show
        self._post = post
        self._before = sys.excepthook, threading.excepthook

    def install(self) -> None:
        """Take over from Python's own hooks."""
        sys.excepthook = self._on_exception
        threading.excepthook = lambda args: self._on_exception(
            args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback
        )

    def remove(self) -> None:
        """Give the hooks back."""
        sys.excepthook, threading.excepthook = self._before

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            self._post(QApplication.quit)
            return
        log.error("".join(traceback.format_exception(kind, error, trace)))
        cause = _cause(error)
        self._post(lambda: self._show(cause))


def _cause(error: BaseException) -> BaseException:
    """Return what really went wrong: psygnal wraps errors of callbacks in an `EmitLoopError`."""
    while type(error).__name__ == "EmitLoopError" and error.__cause__ is not None:
        error = error.__cause__
    return error


def import_ahead() -> None:
    """Import what the first image needs while the user still looks for it: half of its way to the screen."""
    for name in ("pyqtgraph", "scipy.sparse.csgraph"):
        importlib.import_module(name)


def start_log() -> Path | None:
    """Write the program's log to a file that rotates; return the file, ``None`` where none can be written."""
    folder = user_log_path("SegStudio", appauthor=False)
    path = folder / "segstudio.log"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(path, maxBytes=_LOG_BYTES, backupCount=3, encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"No log is written: {error}\n")  # a full home folder must not keep anyone from their labels
        return None
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(threadName)s %(message)s"))
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    return path


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
    wishes = parser.parse_args(argv)
    if not _has_screen():
        sys.stderr.write(
            "There is no screen here (neither DISPLAY nor WAYLAND_DISPLAY is set), so no window can open.\n"
            "Log in on a desktop, connect with ssh -X, or use the command line: segstudio --help\n"
        )
        return 4
    app = application()
    log_file = start_log()
    carrier = _MainThread()
    session = Session(post=carrier.posted.emit)
    apply_theme(app, session.preferences.theme)
    window = MainWindow(session, log_file)
    hook = ErrorHook(window.show_fault, carrier.posted.emit)
    hook.install()
    collector = GarbageCollector(app)
    window.show()
    QTimer.singleShot(_IDLE_MS, window, lambda: session.background.run(import_ahead))
    session.jobs.want_catalogue(make=False)
    QTimer.singleShot(_CALM_MS, window, session.jobs.want_catalogue)
    if wishes.open:
        window.opening.open_paths([path.expanduser().absolute() for path in wishes.open])
    try:
        return app.exec()
    finally:
        hook.remove()
        for item in (window, collector):
            item.deleteLater()
            app.sendPostedEvents(item, QEvent.Type.DeferredDelete)
        gc.unfreeze()
        gc.enable()


if __name__ == "__main__":
    raise SystemExit(main())

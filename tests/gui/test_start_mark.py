"""Starts that came to nothing, and safe mode."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import QSettings, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox
from window_driver import Driver, run_program

from segstudio.config.preferences import Preferences
from segstudio.core.resources import resource
from segstudio.gui.app import main
from segstudio.gui.banner import Banner
from segstudio.gui.main_window import MainWindow
from segstudio.gui.safe_mode import wants_safe_mode
from segstudio.gui.start_mark import StartMark, starts_folder
from segstudio.io.preferences_file import preferences_path, read_preferences, write_preferences

STARTS = """
import os, sys
from pathlib import Path
from segstudio.gui.start_mark import StartMark

mark = StartMark(Path(sys.argv[1]))
for _ in range(sys.argv[2:].count("stands")):
    mark.stands()
if "steady" in sys.argv[2:]:
    mark.steady()
os._exit(1)
"""


def _died(folder: Path, *did: str) -> None:
    subprocess.run([sys.executable, "-c", STARTS, str(folder), *did], check=False, timeout=60)


def test_a_start_that_came_to_no_window_is_seen_by_the_next_ones_until_one_goes_well(tmp_path: Path) -> None:
    _died(tmp_path)
    first, second = StartMark(tmp_path), StartMark(tmp_path)
    assert first.trouble == second.trouble == "no-start"
    first.steady()
    assert StartMark(tmp_path).trouble == ""
    second.steady()


def test_one_short_life_is_chance_two_are_not(tmp_path: Path) -> None:
    _died(tmp_path, "stands")
    assert _look(tmp_path) == ""
    _died(tmp_path, "stands")
    assert _look(tmp_path) == "short-lives"
    _died(tmp_path, "stands", "stands")  # at the question and in the window
    assert _look(tmp_path) == "short-lives"
    _died(tmp_path, "stands", "steady")
    assert _look(tmp_path) == ""


def _look(folder: Path) -> str:
    code = "import sys; from pathlib import Path; from segstudio.gui.start_mark import _trouble\n"
    code += "print(_trouble(Path(sys.argv[1]))[0])"
    return subprocess.check_output([sys.executable, "-c", code, str(folder)], text=True, timeout=60).strip()


def test_another_window_that_just_starts_is_no_trouble(tmp_path: Path) -> None:
    first = StartMark(tmp_path)
    assert StartMark(tmp_path).trouble == ""
    first.steady()


@pytest.mark.parametrize(("button", "wanted"), [("Start in safe mode", True), ("Start as usual", False)])
def test_the_user_chooses_before_there_is_a_window(qapp: QApplication, button: str, wanted: bool) -> None:
    def answer() -> None:
        box = next(widget for widget in qapp.topLevelWidgets() if isinstance(widget, QMessageBox))
        assert "did not come up" in box.text()
        next(item for item in box.buttons() if item.text().replace("&", "") == button).click()

    QTimer.singleShot(50, answer)
    assert wants_safe_mode("no-start") is wanted


@pytest.mark.timeout(120)
def test_two_programs_that_were_killed_soon_lead_to_the_question(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 3):
        _kill_as_soon_as_it_stands(number)
    monkeypatch.setattr(QApplication, "platformName", lambda: "xcb")
    seen: list[str] = []
    marks: set[bytes] = set()
    timer = QTimer()

    def answer_and_close() -> None:
        for widget in qapp.topLevelWidgets():
            if isinstance(widget, QMessageBox) and widget.isVisible():
                seen.append(widget.text())
                marks.update(path.read_bytes() for path in starts_folder().glob("start-*"))
                next(item for item in widget.buttons() if "safe" in item.text()).click()
            elif isinstance(widget, MainWindow) and widget.isVisible():
                seen.extend(item.message for item in widget.banners.messages())
                widget.close()

    timer.timeout.connect(answer_and_close)
    timer.start(20)
    assert main([]) == 0
    timer.stop()
    assert seen[0] == "SegStudio ended within seconds the last times it was started."
    assert "safe mode" in seen[1]
    assert marks == {b"stands\n"}, "who is killed at the question is not called one that did not come up"
    assert StartMark(starts_folder()).trouble == "", "it was closed in order"


def _kill_as_soon_as_it_stands(number: int) -> None:
    with subprocess.Popen([sys.executable, "-m", "segstudio"]) as program:
        while sum(path.read_bytes() == b"stands\n" for path in starts_folder().glob("start-*")) < number:
            assert program.poll() is None
            time.sleep(0.02)
        program.kill()


@pytest.mark.timeout(60)
def test_where_nobody_can_be_asked_the_window_says_what_helps(qapp: QApplication) -> None:
    for _ in range(2):
        _died(starts_folder(), "stands")
    seen: list[str] = []
    run_program([], lambda hand: seen.extend(notice.text for notice in hand.window.banners.messages()))
    (words,) = seen
    assert words.startswith("SegStudio ended within seconds the last times")
    assert words.endswith("segstudio --safe-mode")


@pytest.mark.timeout(120)
def test_safe_mode_neither_uses_nor_changes_what_the_user_has_set(tmp_path: Path, qapp: QApplication) -> None:
    own = Preferences(theme="light", recent=(str(tmp_path),))
    write_preferences(preferences_path(), own)
    layout = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "SegStudio", "window")
    layout.setValue("geometry", "mine")
    layout.sync()
    seen: dict[str, object] = {}

    def script(hand: Driver) -> None:
        seen["recent"] = hand.session.preferences.recent
        seen["plug-ins"] = os.environ.get("SEGSTUDIO_NO_PLUG_INS")
        seen["banner"] = [item.notice.message for item in hand.window.banners.findChildren(Banner)]
        hand.session.set_preferences(hand.session.preferences.opened("elsewhere"))

    run_program(["--safe-mode"], script)
    assert seen["recent"] == ()
    assert seen["plug-ins"] == "1"
    assert any("safe mode" in words for words in seen["banner"])
    assert read_preferences(preferences_path()) == own
    again = QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "SegStudio", "window")
    assert again.value("geometry") == "mine"
    assert "SEGSTUDIO_NO_PLUG_INS" not in os.environ


@pytest.mark.timeout(60)
def test_a_project_that_is_named_is_opened_in_safe_mode_and_nothing_else_is_said(
    tmp_path: Path, qapp: QApplication
) -> None:
    folder = tmp_path / "cells"
    shutil.copytree(resource("samples", "project.json").parent, folder)
    said: list[str] = []

    def script(hand: Driver) -> None:
        said.extend(item.notice.text for item in hand.window.banners.findChildren(Banner))
        hand.wait(lambda: hand.session.project is not None, what="the project")

    run_program(["--safe-mode", str(folder)], script)
    (words,) = said
    assert "safe mode" in words
    assert "project" not in words


def test_plug_ins_stay_away_in_safe_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    from segstudio.core import registry

    asked: list[str] = []
    monkeypatch.setattr(registry, "entry_points", lambda group: asked.append(group) or ())
    monkeypatch.setenv("SEGSTUDIO_NO_PLUG_INS", "1")
    package = registry.Registry("thing", "segstudio.config", "segstudio.things")
    package.names()
    assert asked == []
    monkeypatch.delenv("SEGSTUDIO_NO_PLUG_INS")
    registry.Registry("thing", "segstudio.config", "segstudio.things").names()
    assert asked == ["segstudio.things"]

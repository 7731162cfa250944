"""What a crash in C leaves for the next start."""

import subprocess
import sys
from pathlib import Path

import pytest

from segstudio.gui.crash_file import CrashFile, take_crashes

CRASH = """
import ctypes, sys
from pathlib import Path
from segstudio.gui.crash_file import CrashFile

file = CrashFile(Path(sys.argv[1]))

def fall_into_the_void():
    ctypes.string_at(0)

if sys.argv[2] == "crash":
    fall_into_the_void()
elif sys.argv[2] == "end":
    file.close()
else:
    import os
    os._exit(9)
"""


def _run(folder: Path, how: str) -> None:
    subprocess.run([sys.executable, "-c", CRASH, str(folder), how], check=False, timeout=60)


def test_the_next_start_reads_where_the_program_crashed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _run(tmp_path, "crash")
    crash = take_crashes(tmp_path)
    assert "Fatal Python error" in crash
    assert "fall_into_the_void" in crash
    assert "fall_into_the_void" in caplog.text
    assert take_crashes(tmp_path) == ""


@pytest.mark.parametrize("how", ["end", "killed"])
def test_a_program_that_did_not_crash_leaves_nothing_to_tell(tmp_path: Path, how: str) -> None:
    _run(tmp_path, how)
    assert take_crashes(tmp_path) == ""
    assert not list(tmp_path.iterdir())


def test_the_file_of_a_program_that_lives_is_left_alone(tmp_path: Path) -> None:
    file = CrashFile(tmp_path)
    file.stream.write(b"Fatal Python error: not yet")
    assert take_crashes(tmp_path) == ""
    assert file.path.exists()
    file.close()
    assert not file.path.exists()


def test_a_folder_that_cannot_be_written_bars_nobody(tmp_path: Path) -> None:
    assert CrashFile.start(tmp_path / "nowhere") is None
    assert CrashFile.start(None) is None

"""What a confined process may do, tried in one of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

#: ``confine`` holds for good: each thing is tried in a process of its own.
TRY = """
import os, sys
from pathlib import Path
from segstudio.io.confinement import confine, limit_time
folder = Path(sys.argv[1])
confine(300_000_000, folder if sys.argv[2] == "folder" else None)
try:
    exec(sys.argv[3])
    print("done")
except (OSError, MemoryError) as error:
    print(type(error).__name__)
"""


def _tried(what: str, folder: Path, *, allowed: bool) -> str:
    words = [sys.executable, "-P", "-c", TRY, str(folder), "folder" if allowed else "nowhere", what]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout.strip() or str(done.returncode)


@pytest.mark.parametrize("allowed", [True, False])
def test_it_writes_into_its_one_folder_and_nowhere_else(allowed: bool, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "out").symlink_to(tmp_path)
    write = "open(folder / {!r}, 'w').write('a')"
    assert _tried(write.format("a.npy"), tmp_path / "own", allowed=allowed) == ("done" if allowed else "OSError")
    assert _tried(write.format("../b.npy"), tmp_path / "own", allowed=allowed) == "OSError"
    assert _tried(write.format("out/c.npy"), tmp_path / "own", allowed=allowed) == "OSError"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["own"]


@pytest.mark.parametrize(
    "what",
    [
        "os.system('touch done')",
        "import subprocess; subprocess.run(['true'])",
        "import socket; socket.create_connection(('127.0.0.1', 9))",
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
        "os.remove(folder / 'a')",
        "os.rename(folder / 'a', folder / 'b')",
        "os.mkdir(folder / 'c')",
        "os.symlink('/', folder / 'd')",
        "os.chmod(folder / 'a', 0o777)",
        "os.kill(os.getppid(), 0)",
        "import ctypes; ctypes.CDLL(None)",
    ],
)
def test_it_does_nothing_but_read(what: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    assert _tried(what, tmp_path, allowed=False) == "OSError"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_it_reads_what_it_is_given(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    assert _tried("assert open(folder / 'a', 'rb').read() == b'a'", tmp_path, allowed=False) == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the one who asks watches it")
def test_it_takes_no_more_memory_nor_time_than_it_may(tmp_path: Path) -> None:
    assert _tried("bytearray(400_000_000)", tmp_path, allowed=False) == "MemoryError"
    assert _tried("limit_time(0)\nwhile True: pass", tmp_path, allowed=False) == "-24"

"""A file that was never read is decoded in a process of its own first: what kills that one does not reach us."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput
from segstudio.core.program import program_command
from segstudio.io.sources import gate_at_door, open_image
from segstudio.io.vetting import Vetting, unknown_files_vetted

#: The process, with a reader more: its files do what a broken decoder would.
SCRIPT = """
import os
from segstudio.core.axes import ImageInfo
from segstudio.io import first_look
from segstudio.io.sources import BaseSource, ImageReader, readers

def harm(path):
    word = path.read_bytes()[4:9]
    if word == b"CRASH":
        os.abort()
    if word == b"HANGS":
        while True:
            pass
    if word == b"EATS!":
        kept = []
        while True:
            kept.append(bytearray(100_000_000))
    if word == b"WRITE":
        path.with_name("written").write_text("a")
    if word == b"CALLS":
        import subprocess
        subprocess.run(["touch", str(path.with_name("called"))])
    if word == b"SOCKS":
        import socket
        socket.create_connection(("127.0.0.1", 9))

class Late(BaseSource):
    def _read(self, window, plane):
        harm(self.info.path)

def open_file(path, indices):
    if path.name.startswith("late"):
        return Late(ImageInfo(path=path, height=8, width=8, channels=1, dtype="uint8", kind="gray", axes="YX",
                              shape=(8, 8), format="evil", planes=1))
    harm(path)

readers.register("evil")(ImageReader(("evil",), (".evil",), lambda head: head.startswith(b"EVIL"), open_file))
first_look.SECONDS, first_look.MEMORY = 1.0, 400_000_000
first_look.main()
"""


@pytest.fixture
def vetting(tmp_path: Path) -> Iterator[Vetting]:
    script = tmp_path / "process.py"
    script.write_text(SCRIPT)
    found = Vetting(tmp_path / "cache" / "files.txt", [sys.executable, "-P", str(script)])
    yield found
    found.close()


def _evil(folder: Path, word: str, name: str = "") -> Path:
    path = folder / (name or f"{word}.evil")
    path.write_bytes(b"EVIL" + word.encode() + b"\0")
    return path


def _picture(folder: Path, name: str = "a.tif") -> Path:
    path = folder / name
    tifffile.imwrite(path, np.arange(64, dtype=np.uint8).reshape(8, 8))
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="there the parent watches, by the wall clock")
@pytest.mark.parametrize(
    ("word", "said"),
    [("CRASH", "crashed"), ("HANGS", "given up"), ("EATS!", "memory"), ("WRITE", "damaged"),
     ("CALLS", "damaged"), ("SOCKS", "damaged")],
)  # fmt: skip
def test_what_does_harm_is_refused_and_the_next_file_opens(
    word: str, said: str, tmp_path: Path, vetting: Vetting
) -> None:
    evil = _evil(tmp_path, word)
    with pytest.raises(BadInput, match=said) as caught:
        vetting(evil, indices=False, pixels=False)
    assert evil.name in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "written").exists()
    assert not (tmp_path / "called").exists()
    with gate_at_door(vetting), open_image(_picture(tmp_path)) as source:
        assert source.read()[1, 0] == 8


def test_a_file_that_crashed_once_is_not_tried_again(tmp_path: Path, vetting: Vetting) -> None:
    evil = _evil(tmp_path, "CRASH")
    with pytest.raises(BadInput):
        vetting(evil, indices=False, pixels=False)
    begin = time.monotonic()
    with pytest.raises(BadInput, match="crashed"):
        vetting(evil, indices=False, pixels=False)
    assert time.monotonic() - begin < 0.1  # no process was started


def test_the_pixels_are_looked_at_before_they_are_read(tmp_path: Path, vetting: Vetting) -> None:
    evil = _evil(tmp_path, "CRASH", "late.evil")
    vetting(evil, indices=False, pixels=False)
    with pytest.raises(BadInput, match="crashed"):
        vetting(evil, indices=False, pixels=True)


def test_one_hanging_file_does_not_hold_up_the_others(tmp_path: Path, vetting: Vetting) -> None:
    picture, evil = _picture(tmp_path), _evil(tmp_path, "HANGS")
    vetting(_picture(tmp_path, "b.tif"), indices=False, pixels=True)
    order: list[str] = []

    def hang() -> None:
        with pytest.raises(BadInput):
            vetting(evil, indices=False, pixels=False)
        order.append("hanging")

    thread = threading.Thread(target=hang)
    thread.start()
    vetting(picture, indices=False, pixels=True)
    order.append("picture")
    thread.join()
    assert set(order) == {"picture", "hanging"}


def test_what_was_read_is_remembered_for_the_next_session(tmp_path: Path, vetting: Vetting) -> None:
    picture = _picture(tmp_path)
    vetting(picture, indices=False, pixels=True)
    vetting.close()
    again = Vetting(tmp_path / "cache" / "files.txt", ["no such program"])
    again(picture, indices=False, pixels=True)
    tifffile.imwrite(picture, np.zeros((9, 9), np.uint8))
    with pytest.raises(BadInput, match="could not be started"):
        again(picture, indices=False, pixels=True)
    again.close()


def test_what_another_version_read_counts_for_nothing(tmp_path: Path, vetting: Vetting) -> None:
    picture = _picture(tmp_path)
    vetting(picture, indices=False, pixels=True)
    vetting.close()
    memory = tmp_path / "cache" / "files.txt"
    memory.write_text(memory.read_text().replace("tifffile ", "tifffile 0"))
    again = Vetting(memory, ["no such program"])
    with pytest.raises(BadInput, match="could not be started"):
        again(picture, indices=False, pixels=True)
    again.close()


def test_a_damaged_file_says_the_same_as_without_the_process(tmp_path: Path) -> None:
    damaged = tmp_path / "a.png"
    damaged.write_bytes(b"\x89PNG\r\n\x1a\n" + b"no header at all")
    with pytest.raises(BadInput) as plain:
        open_image(damaged)
    with unknown_files_vetted(None), pytest.raises(BadInput) as vetted:
        open_image(damaged)
    assert (vetted.value.message, vetted.value.hint, vetted.value.code) == (
        plain.value.message,
        plain.value.hint,
        plain.value.code,
    )


def test_the_process_ends_with_who_asks(tmp_path: Path) -> None:
    read, write = os.pipe()
    process = subprocess.Popen(program_command("confined", "images"), stdin=read, stdout=subprocess.PIPE)
    os.close(read)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    os.close(write)
    assert process.wait(10) == 0
    process.stdout.close()


def test_the_process_looks_into_no_working_folder(tmp_path: Path) -> None:
    for name in ("numpy", "tifffile", "torch", "sitecustomize", "usercustomize"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'PWNED')!r}, 'w')")
    question = json.dumps({"path": str(_picture(tmp_path)), "indices": False, "pixels": True})
    command = program_command("confined", "images")
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(question.encode() + b"\n")
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == [b"ready\n", b'{"pixels": true}\n']
        process.stdin.close()
    assert not (tmp_path / "PWNED").exists()

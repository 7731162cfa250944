"""A file that was never read is decoded in a process of its own first: what kills that one does not reach us."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tensorstore
import tifffile

from segstudio.core.errors import BadInput
from segstudio.core.program import program_command
from segstudio.core.tiles import Window
from segstudio.io.files_read import FilesRead
from segstudio.io.sources import gate_at_door, open_image
from segstudio.io.tiff_pixels import TiffSource
from segstudio.io.vetting import Vetting, unknown_files_vetted

#: The process, with a reader more: its files do what a broken decoder would.
SCRIPT = """
import os
from segstudio.core.axes import ImageInfo
from segstudio.io import first_look
from segstudio.io.sources import BaseSource, ImageReader, readers
from segstudio.io.tiff_pixels import TiffSource

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

read_bytes = TiffSource._bytes

def decode_badly(source, offset, count):
    data = read_bytes(source, offset, count)
    if data.startswith(b"CRASH"):
        os.abort()
    return data

TiffSource._bytes = decode_badly
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
        vetting(evil, indices=False)
    assert evil.name in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "written").exists()
    assert not (tmp_path / "called").exists()
    with gate_at_door(vetting), open_image(_picture(tmp_path)) as source:
        assert source.read()[1, 0] == 8


def test_a_file_that_crashed_once_is_not_tried_again(tmp_path: Path, vetting: Vetting) -> None:
    evil = _evil(tmp_path, "CRASH")
    with pytest.raises(BadInput):
        vetting(evil, indices=False)
    begin = time.monotonic()
    with pytest.raises(BadInput, match="crashed"):
        vetting(evil, indices=False)
    assert time.monotonic() - begin < 0.1  # no process was started


def test_the_pixels_are_looked_at_before_they_are_read(tmp_path: Path, vetting: Vetting) -> None:
    evil = _evil(tmp_path, "CRASH", "late.evil")
    pixels = vetting(evil, indices=False)
    assert pixels is not None
    with pytest.raises(BadInput, match="crashed"):
        pixels(Window(0, 0, 8, 8), 0, (8, 8))
    with pytest.raises(BadInput, match="crashed"):  # opened before it was known
        pixels(Window(0, 0, 1, 1), 0, (8, 8))


def test_one_hanging_file_does_not_hold_up_the_others(tmp_path: Path, vetting: Vetting) -> None:
    picture, evil = _picture(tmp_path), _evil(tmp_path, "HANGS")
    vetting(_picture(tmp_path, "b.tif"), indices=False)
    order: list[str] = []

    def hang() -> None:
        with pytest.raises(BadInput):
            vetting(evil, indices=False)
        order.append("hanging")

    thread = threading.Thread(target=hang)
    thread.start()
    vetting(picture, indices=False)
    order.append("picture")
    thread.join()
    assert set(order) == {"picture", "hanging"}


def _seen(vetting: Vetting, path: Path, window: Window | None = None) -> None:
    with gate_at_door(vetting), open_image(path) as source:
        source.read(window)


def _tiled(folder: Path, spoilt: bytes = b"") -> Path:
    """Write a picture of 6 x 6 tiles; the data of one in the middle begin with `spoilt`."""
    path = folder / "tiled.tif"
    pixels = np.random.default_rng(5).integers(0, 200, (1536, 1536), np.uint8)
    tifffile.imwrite(path, pixels, tile=(256, 256), compression="zstd")
    if spoilt:
        with tifffile.TiffFile(path) as tif:
            offset = tif.pages.first.dataoffsets[6 * 3 + 3]
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(spoilt)
    return path


GOOD, BAD = Window(0, 0, 512, 512), Window(700, 700, 800, 800)


def test_a_tile_that_breaks_its_decoder_never_reaches_this_program(
    tmp_path: Path, vetting: Vetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = _tiled(tmp_path, b"CRASH")
    passed: list[bytes] = []
    read_bytes = TiffSource._bytes

    def listen(source: TiffSource, offset: int, count: int) -> bytes:
        passed.append(read_bytes(source, offset, count))
        return passed[-1]

    monkeypatch.setattr(TiffSource, "_bytes", listen)
    with gate_at_door(vetting), open_image(path) as source:
        assert source.read(GOOD).shape == (512, 512)
        with pytest.raises(BadInput, match=r"tiled\.tif is not shown: the process that tried to read it crashed\."):
            source.read(BAD)
        assert source.read(Window(10, 10, 20, 20)).shape == (10, 10)  # what was shown stays
    assert passed
    assert not any(data.startswith(b"CRASH") for data in passed)
    _seen(vetting, _picture(tmp_path))


def test_a_damaged_tile_is_told_when_it_comes_into_sight(tmp_path: Path, vetting: Vetting) -> None:
    path = _tiled(tmp_path, b"no zstd at all")
    with gate_at_door(vetting), open_image(path) as source:
        assert source.read(GOOD).shape == (512, 512)
        with pytest.raises(BadInput, match=r"tiled\.tif is damaged"):
            source.read(BAD)
        with pytest.raises(BadInput, match=r"tiled\.tif is damaged"):
            source.read()


def test_the_pixels_are_those_of_the_file(tmp_path: Path, vetting: Vetting) -> None:
    path = _tiled(tmp_path)
    for window in (None, Window(500, 3, 1200, 1530), Window(0, 0, 1536, 1)):
        with open_image(path) as plain, gate_at_door(vetting), open_image(path) as source:
            np.testing.assert_array_equal(source.read(window), plain.read(window))


def _without_process(tmp_path: Path) -> Vetting:
    return Vetting(tmp_path / "cache" / "files.txt", ["no such program"])


@pytest.mark.parametrize("make", [_picture, _tiled])
def test_what_was_read_is_remembered_for_the_next_session(make: Any, tmp_path: Path, vetting: Vetting) -> None:
    picture = make(tmp_path)
    _seen(vetting, picture)
    vetting.close()
    again = _without_process(tmp_path)
    _seen(again, picture)
    tifffile.imwrite(picture, np.zeros((9, 9), np.uint8))
    with pytest.raises(BadInput, match="could not be started"):
        _seen(again, picture)
    again.close()


def test_what_was_seen_in_part_is_looked_at_again(tmp_path: Path, vetting: Vetting) -> None:
    path = _tiled(tmp_path)
    _seen(vetting, path, GOOD)
    vetting.close()
    again = _without_process(tmp_path)
    with pytest.raises(BadInput, match="could not be started"):
        _seen(again, path)
    again.close()


def test_another_file_with_the_same_ends_and_time_is_another_one(tmp_path: Path, vetting: Vetting) -> None:
    path = _tiled(tmp_path)
    _seen(vetting, path)
    vetting.close()
    before = path.stat()
    _tiled(tmp_path, b"CRASH")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    again = _without_process(tmp_path)
    with pytest.raises(BadInput, match="could not be started"):
        _seen(again, path)
    again.close()


def test_two_programs_do_not_forget_for_each_other(tmp_path: Path, vetting: Vetting) -> None:
    one, two = _picture(tmp_path, "one.tif"), _picture(tmp_path, "two.tif")
    other = Vetting(tmp_path / "cache" / "files.txt")
    _seen(vetting, one)
    _seen(other, two)
    vetting.close()
    other.close()
    again = _without_process(tmp_path)
    for path in (one, two):
        _seen(again, path)
    again.close()


def test_a_program_that_runs_already_learns_what_another_one_has_read(tmp_path: Path, vetting: Vetting) -> None:
    picture = _tiled(tmp_path)
    other = _without_process(tmp_path)
    with pytest.raises(BadInput, match="could not be started"):
        _seen(other, picture)
    _seen(vetting, picture)
    end = time.monotonic() + 30
    while not (tmp_path / "cache" / "files.txt").exists():  # nobody closes it
        assert time.monotonic() < end
        time.sleep(0.05)
    _seen(other, picture)
    other.close()


def test_the_process_lets_go_of_files(tmp_path: Path, vetting: Vetting) -> None:
    path = _tiled(tmp_path)
    _seen(vetting, path, GOOD)
    (process,) = psutil.Process().children()
    assert [file.path for file in process.open_files()] == [str(path)]
    end = time.monotonic() + 30
    while process.open_files():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("decoder", ["tifffile", "h5py", "tensorstore", "czifile", "nd2", "liffile", "av"])
def test_what_another_version_read_counts_for_nothing(tmp_path: Path, decoder: str) -> None:
    memory = tmp_path / "files.txt"
    read = FilesRead(memory)
    read.add("mark")
    read.save()
    assert FilesRead(memory).has("mark")
    memory.write_text(re.sub(rf"\b{decoder} \S+", f"{decoder} 0", memory.read_text()))
    assert not FilesRead(memory).has("mark")


def test_marks_of_folders_which_nobody_finds_again_are_not_kept(tmp_path: Path, vetting: Vetting) -> None:
    folder = tmp_path / "a.zarr"
    spec = {"driver": "zarr", "kvstore": {"driver": "file", "path": f"{folder / '0'}/"}}
    metadata = {"shape": [9, 9], "chunks": [9, 9], "dtype": "|u1"}
    tensorstore.open({**spec, "metadata": metadata}, create=True).result().write(np.ones((9, 9), np.uint8)).result()
    scale = {"version": "0.4", "axes": [{"name": "y"}, {"name": "x"}], "datasets": [{"path": "0"}]}
    (folder / ".zattrs").write_text(json.dumps({"multiscales": [scale]}))
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    for _ in range(2):
        _seen(vetting, folder)
    vetting.close()
    assert not (tmp_path / "cache" / "files.txt").exists()


def test_what_the_process_of_another_version_read_is_looked_at_again(tmp_path: Path, vetting: Vetting) -> None:
    picture = _picture(tmp_path)
    _seen(vetting, picture)
    vetting.close()
    memory = tmp_path / "cache" / "files.txt"
    memory.write_text(memory.read_text().replace("tifffile ", "tifffile 0"))
    again = _without_process(tmp_path)
    with pytest.raises(BadInput, match="could not be started"):
        _seen(again, picture)
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
    asked = {
        "path": str(_picture(tmp_path)),
        "indices": False,
        "state": [],
        "window": [0, 0, 8, 8],
        "plane": 0,
        "level": 0,
    }
    question = json.dumps(asked)
    command = program_command("confined", "images")
    with subprocess.Popen(command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(question.encode() + b"\n")
        process.stdin.flush()
        assert [process.stdout.readline() for _ in range(2)] == [b"ready\n", b'{"whole": false}\n']
        process.stdin.close()
    assert not (tmp_path / "PWNED").exists()


def test_the_process_begins_without_the_command_line_also_where_a_file_has_its_name(tmp_path: Path) -> None:
    (tmp_path / "confined").touch()
    code = "import sys; from segstudio.__main__ import main; main(); sys.exit('segstudio.cli.main' in sys.modules)"
    command = [sys.executable, "-P", "-c", code, "confined", "images"]
    done = subprocess.run(command, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"ready\n"), done.stderr

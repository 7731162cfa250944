"""Images that crash or hang whoever decodes them, in the real window: it lives on, says so once, and loses nothing."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import tifffile
from window_driver import Driver, run_program

from segstudio.core.tiles import Window
from segstudio.io import vetting
from segstudio.io.tiff_pixels import TiffSource
from segstudio.project.project import Project

#: The process that looks first, with a decoder that breaks like one in C: tiles with these bytes do what they say.
PROCESS = """
import os
from segstudio.io import first_look
from segstudio.io.tiff_pixels import TiffSource

decode = TiffSource._decode

def decode_badly(source, page, index, key):
    data = source._bytes(page.dataoffsets[index], 5)
    if data == b"CRASH":
        os.abort()
    while data == b"HANGS":
        pass
    return decode(source, page, index, key)

TiffSource._decode = decode_badly
first_look.SECONDS = 1.0
first_look.main()
"""
SIDE = 2304
#: Where the bad tile lies, image pixels: neither a corner nor at the centre.
BAD = Window(1024, 768, 1280, 1024)


def _tiled(path: Path, word: bytes = b"") -> Path:
    pixels = np.random.default_rng(len(path.name)).integers(0, 200, (SIDE, SIDE), np.uint8)
    tifffile.imwrite(path, pixels, tile=(256, 256), compression="zlib")
    if word:
        with tifffile.TiffFile(path) as tif:
            offset = tif.pages.first.dataoffsets[BAD.y0 // 256 * (SIDE // 256) + BAD.x0 // 256]
        with path.open("r+b") as file:
            file.seek(offset)
            file.write(word)
    return path


@pytest.fixture
def decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Give the program the process with the bad decoder; return what the program itself decodes."""
    script = tmp_path / "process.py"
    script.write_text(PROCESS)
    monkeypatch.setattr(vetting, "program_command", lambda *_: [sys.executable, "-P", str(script)])
    seen: list[bytes] = []
    decode = TiffSource._decode

    def listen(source: TiffSource, page: SimpleNamespace, index: int, key: SimpleNamespace) -> object:
        seen.append(source._bytes(page.dataoffsets[index], 5))
        return decode(source, page, index, key)

    monkeypatch.setattr(TiffSource, "_decode", listen)
    return seen


@pytest.fixture
def project(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    images.mkdir()
    _tiled(images / "good.tif")
    Project.create(tmp_path / "cells", images)[0].close()
    return tmp_path / "cells"


def _paint(hand: Driver, y: float) -> None:
    hand.session.view.tool = "brush"
    hand.session.view.new_object()
    hand.drag([(300.0, y), (600.0, y)])


def _add(hand: Driver, path: Path) -> None:
    hand.session.add_images([path])
    hand.wait(lambda: path.name in [entry.name for entry in hand.session.project.images], what=path.name)
    hand.open_image(path.name)


def _said(hand: Driver) -> list[str]:
    return [notice.message for notice in hand.window.banners.messages()]


def _objects(folder: Path) -> dict[str, int]:
    with Project.open(folder) as project:
        return {entry.name: len(project.document(entry.id).planes.objects) for entry in project.images}


@pytest.mark.skipif(sys.platform == "win32", reason="computing time is not limited there, but looked at")
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        (b"CRASH", "evil.tif is not shown: the process that tried to read it crashed."),
        (b"HANGS", "evil.tif was given up: it was not read within 10 s."),
        (b"empty", "evil.tif is damaged and cannot be read: its content is broken or ends early."),
    ],
)
def test_an_image_that_breaks_its_decoder_costs_nothing_but_itself(
    word: bytes, sentence: str, project: Path, tmp_path: Path, decoded: list[bytes], qapp: object
) -> None:
    evil = _tiled(tmp_path / "evil.tif", word)

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.wait(hand.window.canvas.is_idle, what="the pixels")
        _paint(hand, 300.0)
        _add(hand, evil)
        hand.wait(lambda: sentence in _said(hand), 60, sentence)
        hand.wait(hand.window.canvas.is_idle, 60, "the tiles")
        _paint(hand, 500.0)  # what can be seen of it can be labelled
        hand.window.canvas.fit()
        hand.wait(hand.window.canvas.is_idle, 60, "the tiles, again")
        assert _said(hand).count(sentence) == 1, "each tile says it"
        if picture := os.environ.get("SEGSTUDIO_PICTURES"):
            hand.window.grab().save(f"{picture}/harmful-{word.decode()}.png")
        hand.open_image("good.tif")
        assert sentence not in _said(hand), "it is said of another image"
        assert len(hand.session.document.planes.objects) == 1
        _paint(hand, 700.0)
        hand.open_image("evil.tif")
        assert len(hand.session.document.planes.objects) == 1
        hand.wait(lambda: sentence in _said(hand), 60, "the sentence, when it is opened again")

    run_program([str(project)], script)
    assert decoded
    assert word == b"empty" or word not in decoded, "a decoder of the program had the bad tile"
    assert _objects(project) == {"good.tif": 2, "evil.tif": 1}
    assert not [child for child in psutil.Process().children() if "process.py" in " ".join(child.cmdline())]


@pytest.mark.timeout(120)
def test_a_process_that_cannot_be_started_is_told(project: Path, qapp: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vetting, "program_command", lambda *_: ["no such program"])

    def script(hand: Driver) -> None:
        hand.wait(lambda: _said(hand), what="the sentence")
        assert _said(hand)[0].startswith("good.tif was not opened: the process that reads unknown files could not be")
        assert hand.session.project is not None

    run_program([str(project)], script)

"""The corpus of broken, odd and hostile files, dropped on the real window at once: each opens or is named."""

import json
import os
import shutil
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_driver import Driver, run_program

from segstudio.core.resources import resource

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("SEGSTUDIO_DATA", ROOT.parent / "shared" / "data")) / "bad"


def drop(hand: Driver, urls: list[QUrl]) -> None:
    """Drop files on the window."""
    mime = QMimeData()
    mime.setUrls(urls)
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(hand.window, QDragEnterEvent(QPoint(300, 300), copy, mime, left, none))
    QApplication.sendEvent(hand.window, QDropEvent(QPointF(300, 300), copy, mime, left, none))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "cells"
    shutil.copytree(resource("samples", "project.json").parent, target)
    return target


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_bad_files_are_opened_or_named(folder: Path, tmp_path: Path, qapp: object) -> None:
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus: set SEGSTUDIO_DATA (looked in {CORPUS})")
    entries = json.loads((CORPUS / "MANIFEST.json").read_text("utf-8"))["files"]
    paths = [CORPUS / entry["file"] for entry in entries if entry["group"] != "tracking"]
    odd = {Path(entry["file"]).name for entry in entries if entry["group"] in ("array", "image")}
    must_open = {
        Path(entry["file"]).name
        for entry in entries
        if entry["expect"] == "open" and entry["group"] == "image" and "as an image" in entry["use"]
    }

    def script(hand: Driver) -> None:
        session, window = hand.session, hand.window
        hand.wait(lambda: session.document is not None, what="the first image")
        before = {entry.id for entry in session.project.images}
        told: list[str] = []
        session.noticed.connect(lambda notice: told.append(notice.message))
        drop(hand, [QUrl.fromLocalFile(str(path)) for path in paths])
        hand.wait(lambda: told, 60, "the sentences")
        new_banners = [banner for banner in window.banners.messages() if banner.group]
        assert len(new_banners) == 1, "what is wrong with many files is one message"
        assert len(told) > 20, "and each of them is named in it"
        new = [entry for entry in session.project.images if entry.id not in before]
        twins = {"really_jpeg.png", "reference_gray.png"}  # the same bytes under another name
        assert must_open - twins <= {entry.name for entry in new}
        for entry in new:
            if "bomb" in entry.name or entry.name not in odd:
                continue  # a bomb is a valid image of gigapixels: it opens, but takes long to be shown whole
            count = len(told)
            session.select(entry.id)
            hand.wait(lambda e=entry, n=count: session.document.entry.id == e.id or len(told) > n, 20, entry.name)
            hand.wait(window.canvas.is_idle, 20, entry.name)
            QTest.qWait(1)
        assert session.project is not None

    run_program([str(folder)], script)
    assert not list(tmp_path.rglob("PWNED*"))
    assert not list(Path.cwd().glob("PWNED*"))


@pytest.mark.timeout(60)
def test_a_link_is_no_file(qapp: object) -> None:
    def script(hand: Driver) -> None:
        drop(hand, [QUrl("https://example.org/cells.png")])
        hand.wait(hand.window.banners.messages, what="the sentence")
        assert "files and folders of this computer" in hand.window.banners.messages()[0].message

    run_program([], script)

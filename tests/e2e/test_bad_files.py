"""The corpus of broken, odd and hostile files, dropped on the real window at once: each opens or is named."""

import json
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import tifffile
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_driver import Driver, run_program

from segstudio.core.resources import resource
from segstudio.project.project import Project
from segstudio.session.notice import Notice

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


@pytest.fixture
def entries() -> list[dict[str, Any]]:
    if not CORPUS.is_dir():
        pytest.skip(f"no corpus: set SEGSTUDIO_DATA (looked in {CORPUS})")
    found: list[dict[str, Any]] = json.loads((CORPUS / "MANIFEST.json").read_text("utf-8"))["files"]
    return found


@pytest.fixture
def two_gigabytes() -> Iterator[None]:
    """Let the window take 2 GiB of address space more than it has."""
    if sys.platform != "linux":
        yield
        return
    import resource as limits

    before = limits.getrlimit(limits.RLIMIT_AS)
    limits.setrlimit(limits.RLIMIT_AS, (psutil.Process().memory_info().vms + 2**31, before[1]))
    yield
    limits.setrlimit(limits.RLIMIT_AS, before)


def _listen(hand: Driver) -> list[Notice]:
    told: list[Notice] = []
    hand.session.noticed.connect(told.append)
    return told


def _named(told: list[Notice], name: str) -> list[Notice]:
    reasons = ((notice, notice.message.split(" not added: ")[-1]) for notice in told)  # the first says how many
    return [notice for notice, reason in reasons if reason.startswith((f"{name} ", f"{name}:"))]


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_each_file_dropped_on_the_window_opens_or_is_named(
    folder: Path, tmp_path: Path, entries: list[dict[str, Any]], two_gigabytes: None, qapp: object
) -> None:
    """Images open or are refused as the manifest says; what is no image is refused, each in one sentence."""
    images = [entry for entry in entries if "as an image" in entry["use"]]
    others = [entry for entry in entries if entry["group"] in ("annotation", "roi", "tracking", "model")]

    def script(hand: Driver) -> None:
        session, window = hand.session, hand.window
        hand.wait(lambda: session.document is not None, what="the first image")
        before = {entry.id for entry in session.project.images}
        told = _listen(hand)
        drop(hand, [QUrl.fromLocalFile(str(CORPUS / entry["file"])) for entry in images + others])
        hand.wait(lambda: any(notice.group for notice in told), 120, "the sentences")
        banners = [banner for banner in window.banners.messages() if banner.group]
        assert len(banners) == 1, "what is wrong with many files is one message"
        new = {entry.name: entry for entry in session.project.images if entry.id not in before}
        for entry in images:
            name = Path(entry["file"]).name
            said = [notice.message for notice in _named(told, name.strip())]
            twin = any("is the same image as" in sentence for sentence in said)
            assert name in new or said, f"{name}: neither opened nor named"
            assert name in new or twin or entry["expect"] != "open", said
        for entry in others:
            name = Path(entry["file"]).name
            if name == "image_named.pt":
                continue  # its content is a picture
            (sentence,) = {notice.message for notice in _named(told, name)}
            assert name not in new
            assert "\n" not in sentence
        refused = {Path(entry["file"]).name for entry in images if entry["expect"] == "refuse"}
        for name, entry in new.items():
            if "bomb" in name and name not in refused:
                continue  # a valid image of gigapixels: it opens, but takes long to be shown whole
            count = len(told)
            session.select(entry.id)
            hand.wait(lambda e=entry, n=count: session.document.entry.id == e.id or len(told) > n, 20, name)
            hand.wait(window.canvas.is_idle, 20, name)
            QTest.qWait(1)
            if name in refused:  # a header may be whole where the pixels are not
                assert _named(told, name), f"{name} is shown and nothing is said"
        assert session.project is not None

    run_program([str(folder)], script)
    assert not list(tmp_path.rglob("PWNED*"))
    assert not list(Path.cwd().glob("PWNED*"))


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_each_label_file_is_taken_as_a_mask_or_named(
    tmp_path: Path, entries: list[dict[str, Any]], two_gigabytes: None, qapp: object
) -> None:
    masks = {
        Path(entry["file"]).name: entry
        for entry in entries
        if entry["group"] in ("labels", "annotation", "roi") or "as the segmentation" in entry["use"]
    }
    for number, (name, entry) in enumerate(masks.items()):
        size = (300, 300) if "300 x 300" in entry["use"] else (96, 128)
        (tmp_path / "images").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "images" / f"{name}.tif", np.full(size, number, np.uint8))
    Project.create(tmp_path / "project", tmp_path / "images")[0].close()

    def script(hand: Driver) -> None:
        session = hand.session
        hand.wait(lambda: session.document is not None, what="the first image")
        told = _listen(hand)
        ids = {entry.name.removesuffix(".tif"): entry.id for entry in session.project.images}
        session.masks.take({ids[name]: CORPUS / entry["file"] for name, entry in masks.items()})
        hand.wait(lambda: [notice for notice in told if notice.level in ("good", "warning", "error")], 60, "the end")
        hand.wait(lambda: all(_named(told, name) or _objects(hand, ids[name]) for name in masks if name != "empty.tif"),
                  60, "each file")  # fmt: skip
        for name, entry in masks.items():
            is_mask = entry["group"] == "labels" or "segmentation" in entry["use"]
            expect = entry["expect"] if is_mask else "refuse"
            found, said = _objects(hand, ids[name]), [notice.message for notice in _named(told, name)]
            values = entry.get("values") or {}
            if expect == "open":
                assert found == values.get("objects", values.get("connected_parts")), (name, said)
            elif expect == "refuse":
                assert (found, bool(said)) == (0, True), (name, found)

    run_program([str(tmp_path / "project")], script)
    assert not list(tmp_path.rglob("PWNED*"))


def _objects(hand: Driver, image_id: str) -> int:
    return int(hand.session.project.entry(image_id).objects)


@pytest.mark.timeout(60)
def test_each_model_file_is_refused_by_name(
    folder: Path, tmp_path: Path, entries: list[dict[str, Any]], two_gigabytes: None, qapp: object
) -> None:
    models = [CORPUS / entry["file"] for entry in entries if entry["group"] == "model"]

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        told = _listen(hand)
        for number, path in enumerate(models, start=1):
            hand.session.runs.import_model(path, lambda *_: pytest.fail("a bad model was taken"))
            hand.wait(lambda n=number: len(told) == n, 20, path.name)
            assert path.name in told[-1].message
            assert told[-1].hint

    run_program([str(folder)], script)
    assert not list(tmp_path.rglob("PWNED*"))


@pytest.mark.timeout(60)
def test_a_link_is_no_file(qapp: object) -> None:
    def script(hand: Driver) -> None:
        drop(hand, [QUrl("https://example.org/cells.png")])
        hand.wait(hand.window.banners.messages, what="the sentence")
        assert "files and folders of this computer" in hand.window.banners.messages()[0].message

    run_program([], script)

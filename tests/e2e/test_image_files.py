"""Image files that moved or changed behind the window's back: it says so and helps; labels are never mixed up."""

import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog
from window_driver import Driver, run_program

from segstudio.gui import refused_images
from segstudio.labels.edits import Polygon
from segstudio.project.project import Project


def _picture(path: Path, seed: int, side: int = 96) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, np.random.default_rng(seed).integers(0, 200, (side, side), dtype=np.uint8))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project of two images of one name, the second of them labelled."""
    images = [_picture(tmp_path / place / "Zellen ä 細胞.tif", seed) for seed, place in enumerate(("one", "two"))]
    project, problems = Project.create(tmp_path / "mein Projekt", images)
    assert not problems
    with project:
        document = project.document(project.images[1].id)
        document.apply(Polygon(np.array([(10, 10), (40, 10), (40, 40), (10, 40)]), None))
        document.close()
    return tmp_path / "mein Projekt"


def _said(hand: Driver) -> list[str]:
    return [notice.message for notice in hand.window.banners.messages()]


@pytest.mark.timeout(60)
def test_moved_images_are_found_by_their_content(
    folder: Path, qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one").rename(tmp_path / "moved")
    (tmp_path / "moved" / "Zellen ä 細胞.tif").rename(tmp_path / "moved" / "other name.tif")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "moved"))

    def script(hand: Driver) -> None:
        hand.wait(hand.window.banners.messages, what="the sentence")
        assert "is gone" in hand.window.banners.messages()[0].message
        hand.action("image.next")
        hand.wait(lambda: hand.session.document is not None, what="the image that is there")
        assert len(hand.session.document.planes.objects) == 1
        hand.click(hand.window.banners, "Look in a folder…")
        hand.wait(lambda: hand.session.document.entry.name == "other name.tif", what="the image that was found")
        assert not hand.session.document.planes.objects

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_images_that_are_gone_are_named_when_the_project_opens(
    folder: Path, qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "two").rename(tmp_path / "moved")
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "moved"))

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the image that is there")
        hand.wait(hand.window.banners.messages, what="the sentence")
        (notice,) = hand.window.banners.messages()
        assert notice.message == "The image file Zellen ä 細胞.tif is gone; its labels are kept."
        assert [hand.window.images._rows.state_words(row) for row in (0, 1)] == ["Empty", "File gone"]
        index = hand.window.images._rows.index(1)
        told = hand.window.images._rows.data(index, Qt.ItemDataRole.ToolTipRole)
        assert "not where it was" in told
        assert "Labelled in part" in told
        hand.session.select(hand.session.project.images[1].id)
        hand.wait(lambda: hand.session.front.refusals, what="the refusal")
        assert [item.text for item in hand.window.banners.messages()] == [notice.text], "one banner for one image"
        if picture := os.environ.get("SEGSTUDIO_PICTURES"):
            hand.window.grab().save(f"{picture}/gone.png")
        with monkeypatch.context() as patch:
            patch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
            hand.click(hand.window.banners, "Look in a folder…")
        hand.wait(lambda: _said(hand) == [notice.message], 5, "the sentence, for nobody has looked")
        hand.click(hand.window.banners, "Look in a folder…")
        second = hand.session.project.images[1].id
        hand.wait(lambda: hand.session.document.entry.id == second, what="the image that was found")
        assert len(hand.session.document.planes.objects) == 1
        hand.wait(
            lambda: not any("is gone" in notice.message for notice in hand.window.banners.messages()),
            what="the sentence to go",
        )
        hand.wait(lambda: hand.window.images._rows.state_words(1) == "Labelled", what="the state of its labels")

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_an_image_that_is_put_back_comes_back_by_itself(
    folder: Path, qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused_images, "LOOK_EVERY_MS", 100)
    away = (tmp_path / "one").rename(tmp_path / "moved")

    def script(hand: Driver) -> None:
        rows = hand.window.images._rows
        hand.wait(
            lambda: _said(hand) == ["The image file Zellen ä 細胞.tif is gone."], what="the sentence, of no labels"
        )
        hand.action("image.next")
        hand.wait(lambda: hand.session.document is not None, what="the image that is there")
        hand.wait(lambda: rows.state_words(0) == "File gone" and rows._missed, what="the state, and no thumbnail")
        away.rename(tmp_path / "one")
        hand.wait(lambda: rows.state_words(0) == "Empty" and not _said(hand), what="the image")
        hand.wait(lambda: not rows.data(rows.index(0), Qt.ItemDataRole.DecorationRole).isNull(), what="its thumbnail")
        assert not hand.session.front.refusals
        assert not hand.window.refused_images._timer.isActive()

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_an_image_that_is_gone_does_not_bar_the_way_and_can_be_taken_out(
    folder: Path, qapp: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(folder) as project:
        project.add_images([_picture(tmp_path / "three" / "last.tif", 7)])
    (tmp_path / "two").rename(tmp_path / "moved")

    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        hand.key(Qt.Key.Key_D)
        hand.wait(hand.window.banners.messages, what="the sentence")
        chosen = hand.window.images.selected_ids()
        assert chosen == [hand.session.document.entry.id], "the list says what is in front"
        hand.key(Qt.Key.Key_D)
        hand.wait(lambda: hand.session.document.entry.name == "last.tif", what="the last image")

        gone = hand.session.project.images[1].id
        hand.session.remove_images([gone])
        assert not hand.session.front.refusals
        hand.wait(lambda: not hand.window.banners.messages(), what="the sentence to go")
        # It might as well have been taken out while somebody looks for it.
        (tmp_path / "three" / "last.tif").rename(tmp_path / "moved" / "last.tif")
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "moved"))
        hand.window.opening.ask_where(gone)
        hand.wait(lambda: "1 image was found again." in _said(hand), what="the other one that is gone")
        assert hand.session.document.entry.name == "last.tif"

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_labels_are_laid_on_a_changed_image_only_when_a_person_says_so(
    folder: Path, qapp: object, tmp_path: Path
) -> None:
    def script(hand: Driver) -> None:
        hand.wait(lambda: hand.session.document is not None, what="the first image")
        first, second = hand.session.project.images
        _picture(tmp_path / "two" / first.name, seed=9)
        hand.session.select(second.id)
        hand.wait(hand.window.banners.messages, what="the sentence")
        assert "its content has changed" in hand.window.banners.messages()[0].message
        assert hand.session.document.entry.id == first.id
        hand.click(hand.window.banners, "Use the changed image")
        hand.wait(lambda: hand.session.document.entry.id == second.id, what="the second image")
        assert len(hand.session.document.planes.objects) == 1

        hand.session.select(first.id)
        hand.wait(lambda: hand.session.document.entry.id == first.id, what="the first image")
        _picture(tmp_path / "two" / first.name, seed=9, side=50)
        hand.session.select(second.id)
        hand.wait(lambda: any("has changed" in n.message for n in hand.window.banners.messages()), what="the sentence")
        hand.click(hand.window.banners, "Use the changed image")
        hand.wait(lambda: any("50 × 50" in n.message for n in hand.window.banners.messages()), what="the refusal")

    run_program([str(folder)], script)


@pytest.mark.timeout(60)
def test_what_is_no_image_is_refused_before_anything_is_asked(qapp: object, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").mkdir()

    def script(hand: Driver) -> None:
        for path, words in (
            (tmp_path / "notes.txt", "notes.txt is a text file"),
            (tmp_path / "empty", "There is no image in “empty”."),
            (tmp_path / "gone.tif", "gone.tif was not found in"),
        ):
            hand.window.opening.open_paths([path])
            hand.wait(lambda words=words: any(words in n.message for n in hand.window.banners.messages()), what=words)
            assert "other images" not in hand.window.banners.messages()[0].hint
        assert hand.session.project is None

    run_program([], script)


@pytest.mark.timeout(60)
def test_a_double_click_on_a_recent_project_opens_it_once(folder: Path, qapp: object) -> None:
    def script(hand: Driver) -> None:
        for _ in range(2):
            hand.window.welcome.open_recent.emit(str(folder))
        hand.wait(lambda: hand.session.document is not None, what="the image")
        QTest.qWait(200)
        assert not hand.window.banners.messages()

    run_program([], script)

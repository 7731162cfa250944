"""The filter of the list of images asks no more than it has to: a project may have thousands."""

import numpy as np
import pytest
import tifffile
from PySide6.QtWidgets import QWidget
from studio import Studio

from segstudio.gui.panels.image_filter import ImageFilter
from segstudio.gui.panels.image_rows import ImageRows


def _names(shown: ImageFilter) -> list[str]:
    return [shown.index(row, 0).data() for row in range(shown.rowCount())]


def test_words_ask_for_each_image_once_and_no_words_for_none(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.open()
    parent = studio.show(QWidget())
    rows = ImageRows(studio.session, parent)
    shown = ImageFilter(rows, parent)
    rows.reload()
    project = studio.session.project
    assert project is not None
    count, names = len(project.images), [entry.name for entry in project.images]
    asked: list[str] = []
    asks, data = list[int](), ImageRows.data
    monkeypatch.setattr(ImageRows, "data", lambda *words: asks.append(1) or data(*words))
    entry, state = project.entry, project.state
    monkeypatch.setattr(project, "entry", lambda image_id: asked.append("entry") or entry(image_id))
    monkeypatch.setattr(project, "state", lambda *words, **more: asked.append("state") or state(*words, **more))
    shown.show(names[0][:-4])
    assert shown.shown_ids() == {project.images[0].id}
    shown.show("")
    assert shown.shown_ids() == {image.id for image in project.images}
    assert (asked, asks) == ([], [])
    shown.show("Empty")
    assert asked.count("state") == count
    monkeypatch.undo()
    assert _names(shown) == names
    shown.show(names[1])
    assert _names(shown) == [names[1]]


def test_an_image_that_is_added_is_shown_when_its_name_has_the_words(studio: Studio) -> None:
    studio.open()
    parent = studio.show(QWidget())
    rows = ImageRows(studio.session, parent)
    shown = ImageFilter(rows, parent)
    rows.reload()
    shown.show("new")
    assert _names(shown) == []
    for name in ("new", "old"):
        path = studio.folder / f"{name}.tif"
        tifffile.imwrite(path, np.full((96, 96), len(name) + ord(name[0]), np.uint8))
        studio.session.add_images([path])
    studio.until(lambda: rows.is_stale())
    studio.until(lambda: studio.session.project is not None and len(studio.session.project.images) == 5)
    rows.reload()
    assert _names(shown) == ["new.tif"]

"""What cannot be saved is told, not kept quiet."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.io.atomic import DiskError
from segstudio.labels.edits import Stroke
from segstudio.project.project import Project
from segstudio.session.job_specs import saved_first
from segstudio.session.session import Notice, Session


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Session:
    monkeypatch.setattr("segstudio.session.session.preferences_path", lambda: tmp_path / "preferences.toml")
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", np.zeros((32, 32), np.uint8))
    Project.create(tmp_path / "project", tmp_path / "images")[0].close()
    session = Session()
    session.open_project(tmp_path / "project")
    return session


@pytest.fixture
def said(session: Session) -> list[Notice]:
    notices: list[Notice] = []
    session.noticed.connect(notices.append)
    return notices


@pytest.fixture
def full_disk(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", code="disk-full")

    monkeypatch.setattr("segstudio.project.manifest_store.save_manifest", refuse)


@pytest.mark.usefixtures("full_disk")
def test_a_new_class_that_cannot_be_saved_is_told(session: Session, said: list[Notice]) -> None:
    project = session.project
    assert project is not None
    project.set_classes(project.classes.add("mitotic"))
    assert [notice.message for notice in said] == ["The disk is full."]
    session.close()


@pytest.mark.usefixtures("full_disk")
def test_a_project_that_cannot_be_saved_when_it_closes_is_told(session: Session, said: list[Notice]) -> None:
    session.close_project()
    assert [notice.message for notice in said] == ["The disk is full."]
    session.close()


def test_a_job_does_not_wait_for_ever_for_labels_that_cannot_be_saved(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DiskError("The disk is full.", code="disk-full")

    session.select(session.project.images[0].id)
    document = session.document
    assert document is not None
    document.apply(Stroke(np.array([[4.0, 4.0], [20.0, 20.0]]), 5, 1))
    done: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr("segstudio.project.checkpoint.write_tiles", refuse)
        with pytest.raises(DiskError, match="full"):
            saved_first(document, lambda: done.append("worked"))()
    assert done == []
    saved_first(document, lambda: done.append("worked"))()
    assert done == ["worked"]
    assert tifffile.imread(session.project.label_path(document.entry.id)).max() == 1
    session.close()

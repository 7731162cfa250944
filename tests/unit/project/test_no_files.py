"""What lies in a project in place of a file and is none, or is larger than any, hangs nothing and fills no memory."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segstudio.core.errors import BadInput, UserError
from segstudio.io.regular_file import TooLarge, limited_bytes, open_regular
from segstudio.labels.edits import Stroke
from segstudio.project import journal
from segstudio.project.project import Project
from segstudio.project.verify import verify_project
from segstudio.session.runs import read_runs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes among files")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tifffile.imwrite(tmp_path / "img.tif", np.zeros((64, 64), np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "img.tif")
    draw(project, 1)
    project.close()
    return project.folder


def draw(project: Project, number: int) -> None:
    document = project.document(project.images[0].id)
    document.apply(Stroke(np.array([[10.0 * number, 20.0]]), 3, number))
    assert document.flush()


def ends(what: Callable[[], object]) -> object:
    """Return what `what` returns or raises, which it does at all."""
    results: list[object] = []

    def work() -> None:
        try:
            results.append(what())
        except Exception as error:  # noqa: BLE001 - whatever it is, it is looked at
            results.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(60)
    assert results, "it hangs"
    return results[0]


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "pipe" in str(ends(lambda: open_regular(tmp_path / "pipe")))
    with pytest.raises(IsADirectoryError):
        open_regular(tmp_path)
    (tmp_path / "file").write_bytes(bytes(9))
    assert limited_bytes(tmp_path / "file", 9) == bytes(9)
    with pytest.raises(TooLarge):
        limited_bytes(tmp_path / "file", 8)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_pipe_in_the_journal_is_named(folder: Path, read_only: bool) -> None:
    place = next((folder / ".segstudio" / "journal").iterdir())
    os.mkfifo(place / "000000000009-aaaaaaaaaaaa-0.sj")
    with Project.open(folder, read_only=read_only) as project:
        error = ends(lambda: project.document(project.images[0].id))
    assert isinstance(error, BadInput)
    assert "000000000009-aaaaaaaaaaaa-0.sj cannot be read: it is a pipe" in error.message
    assert ends(lambda: verify_project(folder).findings)


@pytest.mark.parametrize("name", ["sums/{id}.json", "sums/project.json"])
def test_a_pipe_in_the_place_of_sums_hangs_nothing(folder: Path, name: str) -> None:
    with Project.open(folder) as project:
        image_id = project.images[0].id
    path = folder / ".segstudio" / name.format(id=image_id)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    with ends(lambda: Project.open(folder)) as project:
        ends(lambda: draw(project, 2))


def test_a_pipe_among_the_trainings_hangs_nothing(folder: Path) -> None:
    (folder / "runs" / "a").mkdir(parents=True)
    os.mkfifo(folder / "runs" / "a" / "job.json")
    assert not isinstance(ends(lambda: read_runs(folder / "runs")), Exception)


def test_a_journal_that_is_larger_than_any_is_named_and_not_read(folder: Path) -> None:
    path = next((folder / ".segstudio" / "journal").glob("*/*.sj"))
    os.truncate(path, journal.SIZE_LIMIT + 1)  # a hole: it takes no room
    with Project.open(folder) as project, pytest.raises(BadInput, match=r"\.sj is larger than 4096 MB") as refused:
        project.document(project.images[0].id)
    assert "move it out" in refused.value.hint


def test_a_journal_that_needs_more_memory_than_there_is_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none_left(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(journal, "limited_bytes", none_left)
    with Project.open(folder) as project, pytest.raises(BadInput, match=r"\.sj needs more memory than there is"):
        project.document(project.images[0].id)


def test_a_long_session_goes_into_several_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "SEGMENT_BYTES", 400)
    before = set(folder.glob(".segstudio/journal/*/*.sj"))
    with Project.open(folder) as project:
        for number in range(2, 6):
            draw(project, number)
    new = set(folder.glob(".segstudio/journal/*/*.sj")) - before
    assert len(new) > 1
    assert all(path.stat().st_size < 1600 for path in new)
    with Project.open(folder) as again:
        document = again.document(again.images[0].id)
        assert document.planes.labels.values() == {1, 2, 3, 4, 5}
        for _ in range(5):
            assert document.undo() is not None
        assert document.planes.blank


@pytest.mark.parametrize("kind", ["pipe", "folder"])
@pytest.mark.parametrize("name", ["labels/img.tif", "labels/img.json", "regions/img.tif"])
def test_what_lies_in_the_place_of_labels_is_put_aside_and_they_come_from_the_journal(
    folder: Path, name: str, kind: str
) -> None:
    path = folder / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path) if kind == "pipe" else path.mkdir()

    def work() -> set[int]:
        with Project.open(folder) as project:
            document = project.document(project.images[0].id)
            draw(project, 2)
            assert document.checkpoint(wait=True)
            return set(document.planes.labels.values())

    assert ends(work) == {1, 2}
    assert path.is_file() or not path.exists()
    kept = path.with_name(f"{path.stem}.foreign-1{path.suffix}")
    assert kept.is_fifo() if kind == "pipe" else kept.is_dir()
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        assert (document.notices, document.planes.labels.values()) == ([], {1, 2})


@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_lies_in_the_place_of_an_open_list_of_images_hangs_no_save(folder: Path, kind: str) -> None:
    def work() -> str:
        with Project.open(folder) as project:
            path = folder / "project.json"
            path.unlink()
            os.mkfifo(path) if kind == "pipe" else path.mkdir()
            project.set_name("later")
            try:
                project.save()
            except UserError as error:
                return error.message
            return ""

    said = ends(work)
    assert isinstance(said, str), said
    assert "project.json" in said
    assert kind in said or kind == "folder"

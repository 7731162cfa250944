"""The images of a project: taken in, never exchanged silently, found again, taken out and back."""

import json
import os
import shutil
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from project_pictures import image, made

from segstudio.core.errors import BadInput
from segstudio.labels.edits import RegionFill, Stroke
from segstudio.project.intake import Intake
from segstudio.project.label_stems import label_stem
from segstudio.project.manifest import ImageEntry
from segstudio.project.project import Project


def test_nobody_waits_for_images_that_are_added(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = made(tmp_path, pictures)
    first = project.images[0].id
    looking, go_on, looked = threading.Event(), threading.Event(), list[int]()
    look = Intake.look

    def slow(intake: Intake, path: Path, *split: Any) -> ImageEntry:
        looking.set()
        assert go_on.wait(60)
        return look(intake, path, *split)

    monkeypatch.setattr(Intake, "look", slow)
    more = [image(tmp_path / "more" / f"{name}.tif", 50 + number) for number, name in enumerate("xy")]
    thread = threading.Thread(target=lambda: project.add_images(more, looked.append))
    thread.start()
    assert looking.wait(60)
    changed = threading.Thread(target=lambda: project.set_reviewed(first, True))
    changed.start()
    changed.join(20)
    assert not changed.is_alive(), "the window would stand still"
    go_on.set()
    thread.join(60)
    assert looked == [0, 1]
    assert [entry.name for entry in project.images][-2:] == ["x.tif", "y.tif"]
    assert project.entry(first).reviewed
    project.close()


def test_the_first_of_many_images_are_there_and_saved_while_others_are_looked_at(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.project.project_images._FIRST_PORTION", 2)
    project = made(tmp_path, pictures)
    before, seen = len(project.images), list[tuple[int, int]]()
    more = [image(tmp_path / "more" / f"{number:02}.tif", 50 + number) for number in range(13)]

    def some() -> None:
        saved = json.loads((tmp_path / "project" / "project.json").read_text(encoding="utf-8"))
        seen.append((len(project.images) - before, len(saved["images"]) - before))

    assert project.add_images([tmp_path / "more"], on_added=some) == []
    assert seen == [(2, 2), (12, 12)]
    assert [entry.name for entry in project.images[before:]] == [path.name for path in more]
    assert project.add_images(more[:1])[0].startswith("00.tif is in the project already")
    project.close()


def test_images_and_project_can_be_moved_together(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    image_id = project.images[0].id
    project.close()
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "project", tmp_path / "elsewhere" / "project")
    shutil.move(pictures, tmp_path / "elsewhere" / "pictures")
    with Project.open(tmp_path / "elsewhere" / "project") as again:
        again.check_image(image_id)


def test_each_bad_file_gets_its_sentence_and_the_others_go_on(tmp_path: Path, pictures: Path) -> None:
    (pictures / "empty.png").write_bytes(b"")
    (pictures / "page.jpg").write_bytes(b"<!doctype html>")
    project, problems = Project.create(tmp_path / "project", pictures)
    assert len(project.images) == 4
    assert len(problems) == 2
    assert any("empty.png" in sentence for sentence in problems)
    project.close()


@pytest.mark.parametrize("content", ["nothing", "broken"])
def test_without_a_usable_image_nothing_is_made(tmp_path: Path, content: str) -> None:
    (tmp_path / "pictures").mkdir()
    if content == "broken":
        (tmp_path / "pictures" / "a.tif").write_bytes(b"")
    with pytest.raises(BadInput):
        Project.create(tmp_path / "project", tmp_path / "pictures")
    assert not (tmp_path / "project").exists()


def test_the_same_image_twice_is_noticed(tmp_path: Path, pictures: Path) -> None:
    shutil.copy(pictures / "cell_1.tif", pictures / "copy.tif")
    project, problems = Project.create(tmp_path / "project", pictures)
    assert len(project.images) == 4
    assert "same image as cell_1.tif" in problems[0]
    assert "already" in project.add_images([pictures / "cell_0.tif"])[0]
    project.close()


def test_colliding_names_get_label_files_of_their_own(tmp_path: Path) -> None:
    files = [
        image(tmp_path / "p" / folder / name, n)
        for n, (folder, name) in enumerate(
            [("a", "x.tif"), ("b", "x.tif"), ("c", "X.TIF"), ("d", "x-2.tif"), ("e", "x.y.tif")]
        )
    ]
    project, problems = Project.create(tmp_path / "project", files)
    assert problems == []
    stems = [project.label_path(entry.id).name.casefold() for entry in project.images]
    assert len(set(stems)) == 5
    assert len({entry.id for entry in project.images}) == 5
    project.close()


def test_nasty_names_work(tmp_path: Path, data_folder: Path) -> None:
    folder = data_folder / "bad" / "names"
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    project, problems = Project.create(tmp_path / "project", files)
    assert len(project.images) + len(problems) == len(files)
    for entry in project.images:
        document = project.document(entry.id)
        document.apply(Stroke(np.array([[3.0, 3.0]]), 4, 1))
        assert document.checkpoint(wait=True)
        assert project.label_path(entry.id).is_file()
        assert project.label_path(entry.id).parent == tmp_path / "project" / "labels"
        assert document.close()
    assert project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.labelled_count() == (len(again.images), len(again.images))


@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        ("cells", "cells"),
        ("a:b*c", "a_b_c"),
        ("..", "image_"),
        ("CON", "image_CON"),
        ("-rf", "image_-rf"),
        (" x. ", "x"),
        ("é", "é"),
        ("a.foreign-1", "a_foreign-1"),
    ],
)
def test_label_names_are_safe_everywhere(stem: str, expected: str) -> None:
    assert label_stem(stem, ()) == expected
    assert label_stem(label_stem(stem, ()), ()) == expected


def test_an_exchanged_image_is_refused_until_it_is_accepted(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    image_id = project.images[0].id
    image(pictures / "cell_0.tif", 77)
    with pytest.raises(BadInput, match="content has changed"):
        project.document(image_id)
    project.accept_changed_image(image_id)
    project.document(image_id).close()
    image(pictures / "cell_0.tif", 78, (10, 10))
    with pytest.raises(BadInput, match="10 × 10"):
        project.accept_changed_image(image_id)
    project.close()


def test_a_moved_image_is_missed_and_found_again(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    image_id = project.images[2].id
    (tmp_path / "other").mkdir()
    shutil.move(pictures / "cell_2.tif", tmp_path / "other" / "renamed.tif")
    with pytest.raises(BadInput, match="not found"):
        project.document(image_id)
    with pytest.raises(BadInput, match="is not the image"):
        project.relocate(image_id, pictures / "cell_1.tif")
    assert project.find_moved(tmp_path / "other") == 1
    project.document(image_id).close()
    project.close()


def test_train_and_val_folders_set_the_split(tmp_path: Path) -> None:
    image(tmp_path / "data" / "train" / "images" / "a.tif", 1)
    image(tmp_path / "data" / "val" / "images" / "b.tif", 2)
    project, _ = Project.create(tmp_path / "project", tmp_path / "data")
    assert [(entry.name, entry.split) for entry in project.images] == [("a.tif", "train"), ("b.tif", "val")]
    project.close()


def test_labels_of_a_removed_image_come_back_with_it_and_with_no_other(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    first = project.images[0]
    document = project.document(first.id)
    document.apply(Stroke(np.array([(20.0, 20.0)]), 8, 1, 1))
    document.close()
    project.remove_images([first.id])
    namesake = image(tmp_path / "elsewhere" / first.name, 99, (50, 50))
    assert project.add_images([namesake]) == []
    document = project.document(project.images[-1].id)
    assert not document.planes.objects
    document.close()
    project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.add_images([pictures / first.name]) == []
        document = again.document(again.images[-1].id)
        assert len(document.planes.objects) == 1
        document.close()


def test_the_size_of_a_pixel_is_kept(tmp_path: Path, pictures: Path) -> None:
    with made(tmp_path, pictures) as project:
        image_id = project.images[0].id
        project.set_pixel_size(image_id, 0.325)
        with pytest.raises(ValueError, match="0 µm"):
            project.set_pixel_size(image_id, 0)
    with Project.open(tmp_path / "project") as again:
        assert again.entry(image_id).pixel_size_um == 0.325
        document = again.document(image_id)
        assert document.pixel_size is not None
        assert document.pixel_size.x == 0.325
        document.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has names that are no text")
def test_an_image_whose_name_is_no_text_is_refused_and_the_project_opens_again(tmp_path: Path, pictures: Path) -> None:
    image(pictures / "other.tif", 9).rename(Path(os.fsdecode(os.fsencode(pictures) + b"/m\xfcnster.tif")))
    project, problems = Project.create(tmp_path / "project", pictures)
    project.close()
    assert len(problems) == 1
    assert "m?nster.tif” is not written in UTF-8" in problems[0]
    with Project.open(tmp_path / "project") as again:
        assert len(again.images) == 4
        assert again.warnings == []


def test_an_image_that_comes_back_counts_as_labelled_at_once(tmp_path: Path, pictures: Path) -> None:
    with made(tmp_path, pictures) as project:
        first, second = project.images[:2]
        for entry, edit in ((first, Stroke(np.array([[60.0, 50]]), 5, 1)), (second, RegionFill(None, 1))):
            document = project.document(entry.id)
            document.apply(edit)
            assert document.close()
        before = [project.state(entry.id) for entry in (first, second)]
        files = [project.image_path(entry.id) for entry in (first, second)]
        project.remove_images([first.id, second.id])
        assert project.add_images(files) == []
        assert [project.state(entry.id) for entry in (first, second)] == before == ["labelled", "labelled"]
        assert [project.entry(entry.id).objects for entry in (first, second)] == [1, 0]

"""Projects: made of any folder, one writer, images that are never exchanged silently."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from segstudio.core.classes import ClassTable
from segstudio.core.errors import BadInput, UserError
from segstudio.labels.edits import RegionFill, Stroke
from segstudio.project.intake import Intake
from segstudio.project.label_stems import label_stem
from segstudio.project.layout import is_project
from segstudio.project.lock import ProjectLock
from segstudio.project.manifest import ImageEntry
from segstudio.project.manifest_file import load_manifest
from segstudio.project.project import Project

ROOT = Path(__file__).resolve().parents[3]


def image(path: Path, value: int = 0, shape: tuple[int, int] = (64, 80)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.arange(shape[0] * shape[1], dtype=np.uint32).reshape(shape)
    tifffile.imwrite(path, ((pixels + value) % 251).astype(np.uint8))
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for number in range(4):
        image(tmp_path / "pictures" / f"cell_{number}.tif", number)
    return tmp_path / "pictures"


def made(tmp_path: Path, pictures: Path) -> Project:
    return Project.create(tmp_path / "project", pictures)[0]


def test_a_folder_of_images_becomes_a_project_and_opens_again(tmp_path: Path, pictures: Path) -> None:
    (pictures / "notes.txt").write_text("x")
    project, problems = Project.create(tmp_path / "project", pictures, "My cells")
    assert problems == []
    images = project.images
    assert [entry.name for entry in images] == [f"cell_{number}.tif" for number in range(4)]
    assert project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.images == images
        assert again.name == "My cells"
        assert again.warnings == []
        assert again.image_path(images[0].id) == pictures / "cell_0.tif"


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


def test_images_and_project_can_be_moved_together(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    image_id = project.images[0].id
    project.close()
    (tmp_path / "elsewhere").mkdir()
    shutil.move(tmp_path / "project", tmp_path / "elsewhere" / "project")
    shutil.move(pictures, tmp_path / "elsewhere" / "pictures")
    with Project.open(tmp_path / "elsewhere" / "project") as again:
        again.check_image(image_id)


def test_a_project_may_lie_in_the_folder_of_its_images(pictures: Path) -> None:
    project, problems = Project.create(pictures, pictures)
    assert problems == []
    assert project.images[0].path == "cell_0.tif"
    project.close()


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


def test_a_project_is_never_made_over_another(tmp_path: Path, pictures: Path) -> None:
    made(tmp_path, pictures).close()
    with pytest.raises(UserError, match="project already"):
        Project.create(tmp_path / "project", pictures)


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


def test_states_and_counts_follow_the_work(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    first, second, third, _ = (entry.id for entry in project.images)
    assert project.state(first) == "empty"
    document = project.document(first)
    document.apply(Stroke(np.array([[20.0, 20], [40, 30]]), 9, 1))
    document.close()
    project.set_reviewed(second)
    project.set_predicted(third, "run")
    assert [project.state(entry.id) for entry in project.images] == ["labelled", "reviewed", "predicted", "empty"]
    assert project.labelled_count() == (2, 4)
    project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.labelled_count() == (2, 4)


def test_an_open_document_is_one_document(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    one = project.document(project.images[0].id)
    assert project.document(project.images[0].id) is one
    one.close()
    two = project.document(project.images[0].id)
    assert two is not one
    project.close()
    assert two.closed


def test_masks_beside_the_images_are_imported_on_request(tmp_path: Path) -> None:
    for number in range(3):
        image(tmp_path / "data" / "images" / f"c{number}.tif", number)
        labels = np.zeros((64, 80), np.uint16)
        labels[4:20, 4:20] = 1
        labels[30:40, 30:50] = 7
        (tmp_path / "data" / "masks").mkdir(exist_ok=True)
        tifffile.imwrite(tmp_path / "data" / "masks" / f"c{number}.tif", labels if number < 2 else labels[:9])
    project, _ = Project.create(tmp_path / "project", tmp_path / "data")
    assert len(project.images) == 3
    assert len(project.masks()) == 3
    problems = project.import_masks()
    assert len(problems) == 1
    assert "c2" in problems[0]
    assert project.labelled_count() == (2, 3)
    document = project.document(project.images[0].id)
    assert set(document.planes.objects) == {1, 7}
    assert document.planes.regions.value(0, 0) == 1
    document.apply(Stroke(np.array([[60.0, 50]]), 5, 8))
    assert document.close()
    assert len(project.import_masks()) == 1
    project.close()


def test_train_and_val_folders_set_the_split(tmp_path: Path) -> None:
    image(tmp_path / "data" / "train" / "images" / "a.tif", 1)
    image(tmp_path / "data" / "val" / "images" / "b.tif", 2)
    project, _ = Project.create(tmp_path / "project", tmp_path / "data")
    assert [(entry.name, entry.split) for entry in project.images] == [("a.tif", "train"), ("b.tif", "val")]
    project.close()


def test_a_second_writer_is_refused_and_told_who_has_it(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    with pytest.raises(UserError, match=f"process {os.getpid()}") as caught:
        Project.open(tmp_path / "project")
    assert caught.value.code == "project-locked"
    with Project.open(tmp_path / "project", read_only=True) as reader:
        assert len(reader.images) == 4
        with pytest.raises(UserError, match="reading only"):
            reader.set_reviewed(reader.images[0].id)
    project.close()
    Project.open(tmp_path / "project").close()


def test_the_lock_of_a_killed_program_is_free(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from segstudio.project.lock import ProjectLock;"
        "lock = ProjectLock(Path(sys.argv[1])); lock.acquire(); print('locked', flush=True); time.sleep(60)"
    )
    path = tmp_path / "p" / ".segstudio" / "lock"
    path.parent.mkdir(parents=True)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"locked"
        with pytest.raises(UserError, match=f"process {process.pid}"):
            ProjectLock(path).acquire()
        process.kill()
        process.wait()
    lock = ProjectLock(path)
    lock.acquire()
    lock.release()


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_write_permission_is_a_sentence(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    with pytest.raises(UserError, match="may not write"):
        Project.create(tmp_path / "locked" / "project", pictures)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, pictures: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UserError):
        Project.create(tmp_path / "file" / "project", pictures)
    assert (tmp_path / "file").read_bytes() == b"x"


def test_classes_are_saved_without_being_asked(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    heard: list[str] = []
    project.classes_changed.connect(lambda: heard.append("classes"))
    project.set_classes(ClassTable().add("dividing"))
    assert heard == ["classes"]
    project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.classes.names == ("cell", "dividing")


def test_a_damaged_manifest_opens_from_its_backup_with_a_notice(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    project.set_name("second version")
    project.close()
    path = tmp_path / "project" / "project.json"
    path.write_bytes(path.read_bytes()[:100])
    with Project.open(tmp_path / "project") as again:
        assert len(again.images) == 4
        assert "project.json is damaged: it ends too early" in again.warnings[0]


def test_without_manifest_and_backup_is_said_where_the_labels_are(tmp_path: Path, pictures: Path) -> None:
    made(tmp_path, pictures).close()
    for name in ("project.json", "project.json.bak"):
        (tmp_path / "project" / name).write_bytes(b'{"schema_version": 2,')
    with pytest.raises(BadInput, match=r"^project\.json is damaged: it ends too early") as told:
        Project.open(tmp_path / "project")
    assert "import the masks in the folder labels" in told.value.hint


def test_a_folder_that_cannot_be_locked_is_named_as_the_user_knows_it(tmp_path: Path, pictures: Path) -> None:
    made(tmp_path, pictures).close()
    lock = tmp_path / "project" / ".segstudio" / "lock"
    lock.unlink()
    lock.mkdir()
    with pytest.raises(UserError, match=r"^project could not be opened for writing"):
        Project.open(tmp_path / "project")


def manifest(tmp_path: Path, **changes: object) -> Path:
    entry = {
        "id": "a1", "path": "a.tif", "name": "a.tif", "stem": "a", "height": 5, "width": 5, "channels": 1,
        "dtype": "uint8", "pixel_size_um": None, "fingerprint": "", "split": "auto", "reviewed": False, "objects": 0,
        "marked": False, "predicted": "",
    }  # fmt: skip
    content = {"schema_version": 1, "name": "p", "settings": {}, "images": [entry]}
    content["classes"] = [{"id": 1, "name": "cell", "colour": "#000000"}]
    for name, value in changes.items():
        (entry if name in entry else content)[name] = value
    (tmp_path / "project.json").write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("stem", "../../evil", "stem"),
        ("stem", "/tmp/evil", "stem"),
        ("stem", "a\\b", "stem"),
        ("id", "../x", "id"),
        ("height", -1, "height"),
        ("height", "5", "height"),
        ("split", "nowhere", "split"),
        ("classes", [], "classes"),
        ("images", {}, "images"),
        ("surprise", 1, "surprise"),
    ],
)
def test_a_hostile_manifest_is_refused_naming_the_field(tmp_path: Path, name: str, value: object, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        load_manifest(manifest(tmp_path, **{name: value}))


def test_a_project_of_a_newer_program_is_refused_and_unchanged(tmp_path: Path) -> None:
    folder = manifest(tmp_path, schema_version=99)
    before = (folder / "project.json").read_bytes()
    with pytest.raises(BadInput, match="newer SegStudio"):
        Project.open(folder)
    assert (folder / "project.json").read_bytes() == before


def test_a_folder_that_is_no_project_says_so(tmp_path: Path) -> None:
    assert not is_project(tmp_path)
    with pytest.raises(BadInput, match="no SegStudio project"):
        Project.open(tmp_path)
    assert list(tmp_path.iterdir()) == []


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


def test_a_choice_does_not_undo_what_a_checkpoint_has_noted_meanwhile(
    tmp_path: Path, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = made(tmp_path, pictures)
    image_id = project.images[0].id
    document = project.document(image_id)
    document.apply(Stroke(np.array([[20.0, 20]]), 9, 1))
    entry = project.entry(image_id)

    def slowly(_image_id: str) -> ImageEntry:
        document.checkpoint(wait=True)  # on its own thread it notes one object
        return entry

    with monkeypatch.context() as patch:
        patch.setattr(project, "entry", slowly)
        project.set_reviewed(image_id)
    assert (project.entry(image_id).reviewed, project.entry(image_id).objects) == (True, 1)
    project.close()


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


def test_half_a_character_in_a_name_does_not_cost_the_project(tmp_path: Path, pictures: Path) -> None:
    project, _ = Project.create(tmp_path / "project", pictures, "cells \ud83d")
    project.set_classes(ClassTable().add("half \ud83d"))
    project.close()
    with Project.open(tmp_path / "project") as again:
        assert (again.name, again.classes.names[-1], again.warnings) == ("cells ?", "half ?", [])


def test_a_file_in_the_place_of_the_labels_folder_is_no_crash(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    image_id = project.images[0].id
    project.close()
    (tmp_path / "project" / "labels").write_text("not a folder")
    with Project.open(tmp_path / "project", read_only=True) as again:
        assert not again.document(image_id).planes.objects


def test_what_is_odd_about_an_imported_mask_names_the_mask(tmp_path: Path) -> None:
    image(tmp_path / "data" / "images" / "c.tif")
    (tmp_path / "data" / "masks").mkdir()
    labels = np.zeros((64, 80), np.uint16)
    labels[2:9, 2:9] = labels[30:39, 30:39] = 5
    tifffile.imwrite(tmp_path / "data" / "masks" / "c.tif", labels)
    with Project.create(tmp_path / "project", tmp_path / "data")[0] as project:
        assert project.import_masks() == ["c.tif: 1 object lies in several places (id 5)."]


def test_a_mask_is_taken_where_something_was_drawn_and_undone_but_never_over_what_is_drawn(tmp_path: Path) -> None:
    (tmp_path / "data" / "masks").mkdir(parents=True)
    labels = np.zeros((64, 80), np.uint16)
    labels[4:20, 4:20] = 9
    for number, name in enumerate("ab"):
        image(tmp_path / "data" / "images" / f"{name}.tif", number)
        tifffile.imwrite(tmp_path / "data" / "masks" / f"{name}.tif", labels)
    with Project.create(tmp_path / "project", tmp_path / "data")[0] as project:
        undone, drawn = (project.document(entry.id) for entry in project.images)
        for document in (undone, drawn):
            document.apply(Stroke(np.array([[60.0, 50]]), 5, 1))
        undone.undo()
        masks = project.masks()
        assert undone.close()
        assert drawn.close()
        (problem,) = project.import_masks(masks=masks)
        assert problem.startswith("b.tif was not imported: b.tif has labels already.")
        again, kept = (project.document(entry.id) for entry in project.images)
        assert set(again.planes.objects) == {9}
        assert again.history.undo_name == "Import mask"
        assert set(kept.planes.objects) == {1}
        assert [entry.objects for entry in project.images] == [1, 1]


def test_masks_are_found_in_a_folder_of_any_name_but_pictures_beside_are_none(tmp_path: Path) -> None:
    image(tmp_path / "data" / "a.tif", 1)
    image(tmp_path / "data" / "a.tiff", 2)
    for folder in ("truth", "truth two/masks"):
        (tmp_path / folder).mkdir(parents=True)
        tifffile.imwrite(tmp_path / folder / "a.tiff", np.zeros((64, 80), np.uint8))
    with Project.create(tmp_path / "project", [tmp_path / "data" / "a.tif"])[0] as project:
        image_id = project.images[0].id
        assert project.masks() == project.masks(tmp_path / "data") == {}
        assert project.masks(tmp_path / "truth") == {image_id: tmp_path / "truth" / "a.tiff"}
        assert project.masks(tmp_path / "truth two") == {image_id: tmp_path / "truth two" / "masks" / "a.tiff"}


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


def test_where_a_drive_was_nothing_is_written_into_its_empty_folder(tmp_path: Path, pictures: Path) -> None:
    project = made(tmp_path, pictures)
    folder, away = project.folder, tmp_path / "drive"
    document = project.document(project.images[0].id)
    folder.rename(away)
    folder.mkdir()
    document.apply(Stroke([(20.0, 20.0)], 5, 1))
    project.set_name("later")
    with pytest.raises(UserError, match="the folder is not there any more"):
        project.save()
    assert not document.checkpoint(wait=True)
    assert list(folder.rglob("*")) == []
    folder.rmdir()
    away.rename(folder)
    project.retry()
    assert project.close()
    with Project.open(folder) as again:
        assert again.name == "later"
        assert again.document(again.images[0].id).planes.labels.values() == {1}

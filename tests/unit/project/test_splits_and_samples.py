"""What a training learns from: stable splits, folders of pairs, projects, and clear refusals."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.core.errors import BadInput
from segstudio.labels.edits import RegionFill, Stroke
from segstudio.project.folder_samples import folder_samples
from segstudio.project.image_files import fingerprint, list_images
from segstudio.project.layout import is_project
from segstudio.project.present_labels import with_present_labels
from segstudio.project.project import Project
from segstudio.project.sample_project import copy_sample, newest_sample
from segstudio.project.samples import project_pairs, project_samples, training_samples
from segstudio.project.splits import resolve


@dataclass(frozen=True)
class Item:
    id: str
    split: str = "auto"
    labelled: bool = True


@settings(max_examples=40)
@given(ids=st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=30), seed=st.integers(0, 5))
def test_there_is_always_something_to_train_on_and_something_to_check(ids: list[str], seed: int) -> None:
    splits = resolve([Item(name) for name in ids], {}, 0.2, seed)
    assert set(splits) == set(ids)
    if len(ids) >= 2:
        assert {"train", "val"} == set(splits.values())


def test_one_image_in_five_is_for_validation_however_their_names_fall() -> None:
    for count in (5, 8, 10, 50):
        for seed in range(4):
            splits = resolve([Item(f"image-{number}") for number in range(count)], {}, seed=seed)
            assert sum(split == "val" for split in splits.values()) == round(count / 5)


def test_an_image_that_is_added_moves_at_most_one_other() -> None:
    items = [Item(f"image-{number}") for number in range(50)]
    before = resolve(items, {})
    for name in ("new", "another", "a third"):
        after = resolve([Item(name), *items], {})
        assert sum(before[item.id] != after[item.id] for item in items) <= 1


def test_another_seed_gives_another_choice() -> None:
    items = [Item(f"image-{number}") for number in range(50)]
    assert resolve(items, {}, seed=1) != resolve(items, {}, seed=2)


def test_what_the_user_chose_stays() -> None:
    items = [Item("a", "train"), Item("b", "train"), Item("c", "test")]
    assert resolve(items, {}) == {"a": "train", "b": "train", "c": "test"}
    assert resolve([*items, Item("d")], {})["d"] == "val"


def pair(folder: Path, stem: str, size: tuple[int, int] = (40, 50), mask: tuple[int, int] | None = None) -> None:
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(folder / "images" / f"{stem}.tif", np.full(size, len(stem), np.uint8))
    labels = np.zeros(mask or size, np.uint16)
    labels[2:9, 2:9] = 1
    tifffile.imwrite(folder / "masks" / f"{stem}.tif", labels)


def test_images_and_masks_with_the_same_names(tmp_path: Path) -> None:
    for number in range(8):
        pair(tmp_path, f"c{number}")
    samples = folder_samples(tmp_path)
    assert [sample.image_id for sample in samples] == [f"c{number}" for number in range(8)]
    assert all(sample.complete and sample.labels == tmp_path / "masks" / sample.image.name for sample in samples)
    assert sum(sample.split == "val" for sample in samples) == 2


def test_train_and_val_folders(tmp_path: Path) -> None:
    for name in ("b", "c", "a"):
        pair(tmp_path / "train", name)
    pair(tmp_path / "val", "a")
    samples = folder_samples(tmp_path)
    assert [(sample.image_id, sample.split) for sample in samples] == [
        ("a", "train"),
        ("b", "train"),
        ("c", "train"),
        ("val-a", "val"),
    ]
    limited = folder_samples(tmp_path, limit=2)
    assert [sample.image_id for sample in limited] == ["a", "b", "val-a"]


def test_the_first_60_training_images_of_the_nuclei(data_folder: Path) -> None:
    samples = folder_samples(data_folder / "nuclei", limit=60)
    training = [sample.image_id for sample in samples if sample.split == "train"]
    everything = sorted(path.stem for path in (data_folder / "nuclei" / "train" / "images").iterdir())
    assert training == everything[:60]
    assert sum(sample.split == "val" for sample in samples) == 50


def test_images_and_the_images_to_be_made_of_them(tmp_path: Path) -> None:
    for number in range(4):
        pair(tmp_path, f"c{number}")
    (tmp_path / "masks").rename(tmp_path / "targets")
    (tmp_path / "targets" / "c3.tif").unlink()
    told: list[str] = []
    samples = folder_samples(tmp_path, warn=told.append)
    assert [sample.target for sample in samples] == [tmp_path / "targets" / f"c{number}.tif" for number in range(3)]
    assert not any(sample.complete or sample.labels for sample in samples)
    assert told == [f"1 of 4 images in {tmp_path / 'images'} have no mask or target and are left out."]
    tifffile.imwrite(tmp_path / "targets" / "c3.tif", np.zeros((4, 5), np.uint8))
    with pytest.raises(BadInput, match=r"The target c3\.tif has 4 × 5 pixels"):
        folder_samples(tmp_path)


def test_images_without_a_mask_are_left_out_and_told(tmp_path: Path) -> None:
    for number in range(3):
        pair(tmp_path, f"c{number}")
    (tmp_path / "masks" / "c1.tif").unlink()
    told: list[str] = []
    assert len(folder_samples(tmp_path, warn=told.append)) == 2
    assert "1 of 3" in told[0]


def test_a_mask_of_another_size_is_refused_by_name(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    pair(tmp_path, "b", mask=(40, 51))
    with pytest.raises(BadInput, match=r"b\.tif has 40 × 51 pixels, its image b\.tif 40 × 50"):
        folder_samples(tmp_path)


def test_one_image_only_is_refused(tmp_path: Path) -> None:
    pair(tmp_path, "only")
    with pytest.raises(BadInput, match=r"one labelled image only \(only\.tif\)"):
        folder_samples(tmp_path)


def test_no_masks_is_refused(tmp_path: Path) -> None:
    pair(tmp_path, "a")
    (tmp_path / "masks" / "a.tif").unlink()
    with pytest.raises(BadInput, match="nothing is labelled"):
        folder_samples(tmp_path)
    (tmp_path / "masks").rmdir()
    with pytest.raises(BadInput, match="no folder masks/"):
        folder_samples(tmp_path)


def test_a_folder_of_another_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no folder images/"):
        folder_samples(tmp_path)
    with pytest.raises(BadInput, match="not found"):
        folder_samples(tmp_path / "gone")


def test_a_project_gives_its_saved_labels(tmp_path: Path) -> None:
    for number in range(4):
        path = tmp_path / "p" / f"c{number}.tif"
        path.parent.mkdir(exist_ok=True)
        tifffile.imwrite(path, np.full((60, 70), number, np.uint8))
    project, _ = Project.create(tmp_path / "project", tmp_path / "p")
    ids = [entry.id for entry in project.images]
    for number, image_id in enumerate(ids[:2]):
        document = project.document(image_id)
        document.apply(Stroke(np.array([[20.0, 20], [40, 30]]), 9, 1, class_id=2))
        if number:
            document.apply(RegionFill(None, 1))
        document.close()
    samples = {sample.image_id: sample for sample in project_samples(project)}
    assert samples[ids[0]].object_classes == {1: 2}
    assert samples[ids[0]].labels == project.label_path(ids[0])
    assert samples[ids[0]].regions is None
    assert samples[ids[1]].regions == project.files(ids[1]).regions
    assert samples[ids[2]].labels is None
    assert {samples[ids[0]].split, samples[ids[1]].split} == {"train", "val"}
    # Also beside the window that has it open.
    assert {sample.image_id for sample in folder_samples(tmp_path / "project")} == set(ids[:2])
    project.close()


def test_an_accent_written_in_two_characters_is_the_same_name(tmp_path: Path) -> None:
    for folder, form in (("images", "NFC"), ("masks", "NFD")):
        (tmp_path / folder).mkdir()
        for name in ("zé", "ö"):
            file = tmp_path / folder / f"{unicodedata.normalize(form, name)}.tif"
            tifffile.imwrite(file, np.ones((9, 9), np.uint8))
    assert len(folder_samples(tmp_path)) == 2


def test_a_project_without_labels_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    tifffile.imwrite(tmp_path / "p" / "a.tif", np.zeros((9, 9), np.uint8))
    Project.create(tmp_path / "project", tmp_path / "p")[0].close()
    with pytest.raises(BadInput, match="no labelled image"):
        folder_samples(tmp_path / "project")


def test_every_look_at_the_sample_is_a_fresh_copy(tmp_path: Path) -> None:
    first = copy_sample(tmp_path / "new")
    second = copy_sample(tmp_path / "new")
    assert first != second
    assert is_project(first)
    assert newest_sample(tmp_path / "new") in (first, second)
    with Project.open(first) as project:
        assert project.labelled_count()[0] > 0
        for entry in project.images:
            project.document(entry.id).close()


def test_a_training_that_goes_on_takes_the_labels_of_today_and_keeps_its_images(tmp_path: Path) -> None:
    for name in "abc":
        tifffile.imwrite(tmp_path / f"{name}.tif", np.full((20, 30), ord(name), np.uint8))
    images = [tmp_path / f"{name}.tif" for name in "abc"]
    with Project.create(tmp_path / "project", images)[0] as project:
        for entry in project.images:
            document = project.document(entry.id)
            document.apply(Stroke([(8.0, 8.0)], 3, 1))
            assert document.checkpoint(wait=True)
        before = project_samples(project)
        document = project.document(project.images[0].id)
        document.apply(Stroke([(20.0, 8.0)], 3, 2, class_id=2))
        assert document.checkpoint(wait=True)
        first, second, third = before
        moved = second.model_copy(update={"image": tmp_path / "was here.tif"})
        copied = third.model_copy(update={"labels": tmp_path / "copy.tif"})
        stranger = third.model_copy(update={"image_id": "gone"})
        now = with_present_labels(project, [first, moved, copied, stranger])
        assert now[0].object_classes == {1: 1, 2: 2}
        assert [sample.split for sample in now[:2]] == [sample.split for sample in before[:2]]
        assert now[1].image == tmp_path / "b.tif"
        assert now[2] == copied
        assert now[3] == stranger
        project.files(project.images[1].id).objects.unlink()
        project.files(project.images[1].id).labels.unlink()
        (bare,) = with_present_labels(project, [second])
        assert (bare.labels, bare.object_classes) == (None, {})


def test_images_to_be_made_of_others_are_found_in_a_project(tmp_path: Path) -> None:
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "targets").mkdir()
    for number, name in enumerate("abcd"):
        tifffile.imwrite(tmp_path / "data" / "images" / f"{name}.tif", np.full((20, 30), number, np.uint8))
        if name != "d":
            tifffile.imwrite(tmp_path / "data" / "targets" / f"{name}.tif", np.full((20, 30), number, np.uint8))
    with Project.create(tmp_path / "project", tmp_path / "data" / "images")[0] as project:
        pairs = project_pairs(project)
        assert sorted(pair.image.stem for pair in pairs) == ["a", "b", "c"]
        assert {pair.split for pair in pairs} == {"train", "val"}
        assert training_samples(project, learns_images=True) == pairs
        assert training_samples(project, learns_images=False) == []


def test_an_image_folder_that_is_not_there_or_no_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="was not found"):
        list_images(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BadInput, match="cannot be read"):
        list_images(tmp_path / "file")


def test_a_folder_has_no_fingerprint(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        fingerprint(tmp_path)


def test_images_that_cannot_be_added_are_named_and_the_others_are_added(tmp_path: Path) -> None:
    for name in "ab":
        tifffile.imwrite(tmp_path / f"{name}.tif", np.full((20, 30), ord(name), np.uint8))
    with Project.create(tmp_path / "project", tmp_path / "a.tif")[0] as project:
        project.document(project.images[0].id).apply(Stroke([(8.0, 8.0)], 3, 1))
        assert project.document(project.images[0].id).close()
        table = project.files(project.images[0].id).objects
        project.remove_images([project.images[0].id])
        table.write_text("damaged")
        problems = project.add_images([tmp_path / "nowhere", tmp_path / "b.tif", tmp_path / "a.tif"])
        assert len(problems) == 1
        assert "nowhere" in problems[0]
        assert [(entry.name, entry.objects) for entry in project.images] == [("b.tif", 0), ("a.tif", 0)]

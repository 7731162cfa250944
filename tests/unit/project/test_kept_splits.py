"""An image that is labelled keeps its side, training or validation, whatever is labelled or added afterwards."""

import errno
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.io.disk import Disk
from segstudio.labels.edits import Stroke
from segstudio.project.project import Project
from segstudio.project.samples import project_samples
from segstudio.project.splits import resolve


@dataclass(frozen=True)
class Item:
    id: str
    split: str = "auto"
    labelled: bool = True


class NoRoomForLabels(Disk):
    """Takes journals, and no label files."""

    def create(self, path: Path) -> int:
        if path.parent.name in ("labels", "regions"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().create(path)


def _project(folder: Path, count: int) -> Project:
    (folder / "p").mkdir()
    for number in range(count):
        tifffile.imwrite(folder / "p" / f"c{number:02d}.tif", np.full((60, 70), number, np.uint8))
    return Project.create(folder / "project", folder / "p")[0]


def _label(project: Project, image_id: str) -> None:
    document = project.document(image_id)
    document.apply(Stroke(np.array([[20.0, 20], [40, 30]]), 9, 1))
    document.close()


def test_labelling_one_image_after_the_other_moves_none_and_one_in_five_is_for_validation(tmp_path: Path) -> None:
    project = _project(tmp_path, 12)
    before: dict[str, str] = {}
    for number, entry in enumerate(project.images, start=1):
        _label(project, entry.id)
        splits = project.splits()
        assert {key: splits[key] for key in before} == before
        before = {key: value for key, value in splits.items() if project.entry(key).labelled}
        assert len(before) == number
        if number > 1:
            assert {"train", "val"} == set(before.values())
    assert sum(value == "val" for value in before.values()) == 2
    assert {sample.image_id: sample.split for sample in project_samples(project)} == before
    project.close()
    with Project.open(tmp_path / "project") as again:
        assert again.splits() == before
        again.remove_images([entry.id for entry in again.images[:3]])
        assert all(before[key] == value for key, value in again.splits().items())


def test_an_image_whose_label_file_a_full_disk_refuses_counts_and_keeps_its_side(tmp_path: Path) -> None:
    _project(tmp_path, 3).close()
    project = Project.open(tmp_path / "project", disk=NoRoomForLabels())
    first, second, third = (entry.id for entry in project.images)
    _label(project, third)
    _label(project, first)
    before = dict(project.splits())
    assert before == {first: "val", second: "train", third: "train"}
    assert project.labelled_count() == (2, 3)
    assert not project.close(), "the label files lack what the journals have"
    with Project.open(tmp_path / "project") as again:
        assert again.behind == (first, third)
        for image_id in again.behind:
            again.catch_up(image_id)
        assert again.splits() == before
        assert [again.entry(image_id).objects for image_id in (first, second, third)] == [1, 0, 1]


def test_the_only_training_image_stays_one_when_the_validation_image_goes(tmp_path: Path) -> None:
    project = _project(tmp_path, 3)
    first, second, third = (entry.id for entry in project.images)
    _label(project, first)
    assert project.splits()[first] == "train"
    _label(project, second)
    assert project.splits()[second] == "val"
    project.remove_images([second])
    _label(project, third)
    assert dict(project.splits()) == {first: "train", third: "val"}
    project.close()


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.sampled_from(["auto", "train", "val", "test"]), st.booleans()), max_size=25),
    st.integers(0, 3),
)
def test_new_labels_never_move_what_was_kept(rows: list[tuple[str, bool]], seed: int) -> None:
    items = [Item(str(number), split, labelled) for number, (split, labelled) in enumerate(rows)]
    kept = {key: split for key, split in resolve(items, {}, seed=seed).items() if split != "test"}
    later = [*items, *(Item(f"new{number}") for number in range(6))]
    assert all(resolve(later, kept, seed=seed)[key] == split for key, split in kept.items())
    assert resolve(items, {}, seed=seed) == resolve(items[::-1], {}, seed=seed)
    for item in items:
        if item.split != "auto":
            assert resolve(items, {}, seed=seed)[item.id] == item.split


def test_of_many_new_images_the_seed_chooses_one_in_five() -> None:
    items = [Item(f"image-{number}") for number in range(50)]
    first, second = resolve(items, {}, seed=1), resolve(items, {}, seed=2)
    assert sum(split == "val" for split in first.values()) == 10
    assert first != second

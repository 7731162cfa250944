"""The sample project is a normal project, small, free, and every copy is fresh."""

from pathlib import Path

import numpy as np

from segstudio.core.resources import resource
from segstudio.io.labels_import import read_labels
from segstudio.project.project import Project
from segstudio.project.sample_project import copy_sample, newest_sample


def test_a_copy_opens_with_its_images_and_labels(tmp_path: Path) -> None:
    with Project.open(copy_sample(tmp_path)) as project:
        assert not project.warnings
        assert len(project.images) == 14
        uses = [entry.split for entry in project.images if entry.objects]
        assert (uses.count("train"), uses.count("val"), uses.count("test")) == (7, 2, 1)
        for entry in project.images:
            assert project.image_path(entry.id).is_file()
            if entry.objects:
                labels, warnings = read_labels(project.label_path(entry.id), (entry.height, entry.width))
                assert not warnings
                assert len(np.unique(labels)) - 1 == entry.objects


def test_it_is_small_and_says_where_it_comes_from() -> None:
    files = [path for path in resource("samples").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 3_000_000
    text = resource("samples", "PROVENANCE.md").read_text(encoding="utf-8")
    assert "CC0" in text
    assert all(path.name in text for path in files if path.suffix == ".png")


def test_copies_do_not_touch_each_other_and_the_newest_is_found(tmp_path: Path) -> None:
    assert newest_sample(tmp_path) is None
    first = copy_sample(tmp_path / "new" / "folder")
    changed = first / "labels" / "nuclei-01.tif"
    changed.write_bytes(b"mine")
    second = copy_sample(tmp_path / "new" / "folder")
    assert changed.read_bytes() == b"mine"
    assert newest_sample(tmp_path / "new" / "folder") == second != first

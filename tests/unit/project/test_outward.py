"""A project that a stranger sent writes nowhere but into its own folder."""

from pathlib import Path

import pytest
from factories import write_pairs

from segstudio.core.errors import BadInput
from segstudio.project.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    write_pairs(tmp_path / "data", 1, (32, 32))
    folder = tmp_path / "project"
    Project.create(folder, [tmp_path / "data" / "images"])[0].close()
    return folder


@pytest.mark.parametrize(
    "name", ["labels", "regions", ".segstudio", ".segstudio/journal", ".segstudio/journal/a", "runs", "runs/a",
             "runs/a/events.jsonl", "predictions", ".segstudio/lock"]
)  # fmt: skip
def test_a_link_that_leads_out_is_refused(name: str, project: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    is_file = name.endswith(("lock", "jsonl"))
    target = outside / "target"
    target.write_text("mine") if is_file else target.mkdir()
    link = project / name
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir():
        link.rename(tmp_path / "moved")
    link.unlink(missing_ok=True)
    link.symlink_to(target)
    with pytest.raises(BadInput, match="is a link that leads out") as caught:
        Project.open(project)
    assert name in caught.value.message
    assert caught.value.hint
    assert not is_file or target.read_text() == "mine"
    assert is_file or not list(target.iterdir())


def test_a_link_within_the_project_and_one_to_the_project_are_welcome(project: Path, tmp_path: Path) -> None:
    (project / "more").mkdir()
    (project / "runs").mkdir(exist_ok=True)
    (project / "runs" / "a").symlink_to(project / "more")
    (tmp_path / "alias").symlink_to(project)
    Project.open(project).close()
    Project.open(tmp_path / "alias").close()


def test_a_label_file_that_is_a_link_is_replaced_and_what_it_points_to_stays(project: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    with Project.open(project) as opened:
        files = opened.files(opened.images[0].id)
    files.objects.parent.mkdir(exist_ok=True)
    from segstudio.io.objects_file import write_objects

    files.objects.symlink_to(mine)
    write_objects(files.objects, {}, 1)
    assert mine.read_text() == "mine"
    assert not files.objects.is_symlink()

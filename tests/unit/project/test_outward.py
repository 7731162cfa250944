"""A project that a stranger sent writes nowhere but into its own folder."""

from pathlib import Path

import pytest
from factories import write_pairs

from segstudio.core.errors import BadInput
from segstudio.labels.edits import Stroke
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


@pytest.mark.parametrize("place", ["labels/{stem}.json", "labels/{stem}.tif", "regions/{stem}.tif"])
def test_a_published_file_that_is_a_link_out_is_not_copied(place: str, project: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("PRIVATE")
    with Project.open(project) as opened:
        image = opened.images[0]
        draw(opened)
    link = project / place.format(stem=image.stem)
    link.parent.mkdir(exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    with pytest.raises(BadInput, match="is a link that leads out"):
        Project.open(project)
    with Project.open(project, read_only=True) as looking, pytest.raises(BadInput, match="is a link that leads out"):
        looking.document(image.id)
    assert all(b"PRIVATE" not in path.read_bytes() for path in files_in(project))


@pytest.mark.parametrize("name", ["journal/{id}/base-objects.json", "journal/{id}/000000000001-aaaaaaaaaaaa-0.sj",
                                  "snapshots/{id}/a/labels.tif"])  # fmt: skip
def test_an_image_with_a_link_out_in_its_own_folder_is_refused(name: str, project: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("PRIVATE")
    with Project.open(project) as opened:
        draw(opened)
        link = project / ".segstudio" / name.format(id=opened.images[0].id)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(secret)
    with Project.open(project) as again, pytest.raises(BadInput, match="is a link that leads out") as refused:
        again.document(again.images[0].id)
    assert link.name in refused.value.message
    assert all(b"PRIVATE" not in path.read_bytes() for path in files_in(project))


def test_a_link_to_itself_is_named(project: Path) -> None:
    with Project.open(project) as opened:
        draw(opened)
        link = opened.files(opened.images[0].id).objects
    link.unlink()
    link.symlink_to(link.name)
    with pytest.raises(BadInput, match=f"{link.name} in the project .* is a link that leads nowhere"):
        Project.open(project)


def draw(project: Project) -> None:
    project.document(project.images[0].id).apply(Stroke([(10.0, 20.0)], 3, 1))


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]

"""Experiment 14: a project of an earlier version is brought up to date, or is still the old one, whatever stops it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segstudio.cli.main import main
from segstudio.core.errors import BadInput, UserError
from segstudio.io.disk import Disk
from segstudio.project.manifest_file import load_manifest
from segstudio.project.migration import SCHEMA_VERSION, STEPS, migrated
from segstudio.project.project import Project

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
VERSIONS = sorted(path.name for path in GOLDEN.iterdir() if (path / "expected.json").exists())
PRIMITIVES = ("create", "write", "sync", "replace", "sync_folder", "make_folder", "unlink", "link", "close")


class Killed(BaseException):
    """The program is dead."""


class DiesAt(Disk):
    """Is killed before the primitive of this number; half of what it was about to write may be there."""

    def __init__(self, fatal: int) -> None:
        self.count = 0
        self.fatal = fatal
        for name in PRIMITIVES:
            setattr(self, name, self._wrapped(name, getattr(super(), name)))

    def _wrapped(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self.count += 1
            if self.count > self.fatal:
                raise Killed
            if self.count == self.fatal:
                if name == "write":
                    real(args[0], args[1][: len(args[1]) // 2])
                raise Killed
            return real(*args)

        return call


def version_of(folder: Path) -> int:
    return int(json.loads((folder / "project.json").read_bytes())["schema_version"])


def test_every_earlier_version_has_its_step() -> None:
    assert sorted(STEPS) == list(range(1, SCHEMA_VERSION))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_file_of_before_is_kept_when_the_project_is_first_written(tmp_path: Path, version: str) -> None:
    folder = Path(shutil.copytree(GOLDEN / version, tmp_path / "copy")) / "project"
    before, number = (folder / "project.json").read_bytes(), version_of(folder)
    with Project.open(folder, read_only=True):
        pass
    assert (folder / "project.json").read_bytes() == before, "looking has written"
    with Project.open(folder) as project:
        project.set_name("later")
    assert version_of(folder) == SCHEMA_VERSION
    assert (folder / f"project.v{number}.json").read_bytes() == before
    with Project.open(folder) as again:
        again.set_name("later still")
    assert (folder / f"project.v{number}.json").read_bytes() == before


def test_removed_classes_are_a_field_now(tmp_path: Path) -> None:
    content = json.loads((GOLDEN / "v1" / "project" / "project.json").read_bytes())
    new = migrated(content)
    assert [item["name"] for item in new["removed_classes"]] == ["debris"]
    assert "removed_classes" not in new["settings"]
    assert new["revision"] == 0


@pytest.mark.parametrize("version", VERSIONS)
def test_killed_at_any_primitive_the_project_is_the_old_or_the_new_one(
    tmp_path: Path, version: str, tier: Callable[..., int]
) -> None:
    source, fatal = GOLDEN / version, 0
    step = tier(merge=2, nightly=1, release=1)
    while True:
        fatal += step
        copy = Path(shutil.copytree(source, tmp_path / str(fatal)))
        disk, folder = DiesAt(fatal), copy / "project"
        survived = dies(folder, disk)
        manifest, _ = load_manifest(folder)
        assert manifest.name in ("Golden cells", "later"), fatal
        assert [item.name for item in manifest.classes.removed] == ["debris"], fatal
        with Project.open(folder) as project:
            assert len(project.images) == 2, fatal
            project.set_name("later")
        assert load_manifest(folder)[0].name == "later"
        assert version_of(folder) == SCHEMA_VERSION
        shutil.rmtree(copy)
        if survived:
            break
    assert fatal > 15, "no kill has met the migration"


def dies(folder: Path, disk: Disk) -> bool:
    """Open, change and save a project; return whether nothing killed it."""
    try:
        project = Project.open(folder, disk=disk)
    except Killed:
        return False
    try:
        project.set_name("later")
        project.save()
    except Killed:
        return False
    finally:  # what the system does for the dead: the lock is given back, but not as by who has closed the project
        assert project._lock is not None
        project._lock.release(clean=False)
        project._store.saving.closed = True
    return True


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Return a project that a newer program wrote, with fields that this one does not know."""
    folder = Path(shutil.copytree(GOLDEN / "v1", tmp_path / "copy")) / "project"
    with Project.open(folder) as project:
        project.set_name("from the future")
    content = json.loads((folder / "project.json").read_bytes())
    content |= {"schema_version": SCHEMA_VERSION + 1, "surprise": {"a": [1]}}
    content["images"][0]["surprise"] = 1
    content["classes"][0]["surprise"] = 2
    (folder / "project.json").write_text(json.dumps(content))
    return folder


def test_a_newer_project_opens_for_reading_only_with_a_sentence(newer: Path) -> None:
    before = (newer / "project.json").read_bytes()
    with pytest.raises(BadInput, match="newer SegStudio") as refused:
        Project.open(newer)
    assert refused.value.code == "newer-format"
    with Project.open(newer, read_only=True) as project:
        assert project.name == "from the future"
        assert "newer SegStudio" in project.warnings[0]
        assert len(project.document(project.images[0].id).planes.objects) == 5
        document = project.document(project.images[0].id)
        for change in (lambda: project.set_name("mine"), lambda: document.begin("stroke")):
            with pytest.raises(UserError, match="reading only: a newer SegStudio") as why:
                change()
            assert why.value.hint.startswith("Update SegStudio")
    assert (newer / "project.json").read_bytes() == before


def test_a_newer_project_that_has_changed_too_much_is_refused_in_a_sentence(newer: Path) -> None:
    content = json.loads((newer / "project.json").read_bytes())
    del content["images"][0]["stem"]
    (newer / "project.json").write_text(json.dumps(content))
    with pytest.raises(BadInput, match="newer SegStudio"):
        Project.open(newer, read_only=True)


def test_the_command_line_says_that_a_project_is_newer(
    newer: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(newer), "--format", "label-tiff", "--out", str(tmp_path / "out")]) == 0
    assert "newer SegStudio" in capsys.readouterr().err


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace('"settings": {', f'"settings": {{"a": {nested(40)}, ', 1), "nested too deeply"),
        (lambda text: text.replace('"settings": {', f'"settings": {{"a": {nested(90_000)}, ', 1), "nested too deeply"),
        (lambda text: text.replace('"name": "Golden', '"name": "twice", "name": "Golden', 1), "name is there twice"),
        (lambda text: text.replace('"settings": {', '"settings": {"a": NaN, ', 1), "NaN"),
        (lambda text: text.replace('"settings": {', '"settings": {"a": Infinity, ', 1), "Infinity"),
        (lambda text: text.replace('"settings": {', '"settings": {"a": 1e999, ', 1), "larger than any number"),
        (lambda text: text.replace('"settings": {', '"settings": {"a": ' + "9" * 5000 + ", ", 1), "damaged"),
        (lambda text: text + " " * (65 << 20), "larger than 64 MB"),
        (lambda text: text.encode().replace(b"Golden", b"G\xff\xfelden"), "something else than text"),
    ],
)
def test_a_hostile_manifest_is_refused_or_its_backup_opened(
    tmp_path: Path, change: Callable[[str], Any], words: str
) -> None:
    folder = Path(shutil.copytree(GOLDEN / "v1", tmp_path / "copy")) / "project"
    content = change((folder / "project.json").read_text())
    raw = content if isinstance(content, bytes) else content.encode()
    (folder / "project.json").write_bytes(raw)
    _, (warning,) = load_manifest(folder)
    assert words in warning
    (folder / "project.json.bak").write_bytes(raw)
    with pytest.raises(BadInput, match=words):
        load_manifest(folder)
    with pytest.raises(BadInput, match=words):
        Project.open(folder)
    assert (folder / "project.json").read_bytes() == raw

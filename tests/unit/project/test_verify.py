"""Verifying: a whole project is called whole, damage is named with what to do, and nothing is written."""

import itertools
import json
import os
import shutil
import threading
from collections.abc import Mapping
from pathlib import Path

import pytest

from segstudio.cli.main import main
from segstudio.core.errors import BadInput
from segstudio.labels.edits import Delete, RegionFill, Stroke
from segstudio.project import verify
from segstudio.project.checksums import Sum
from segstudio.project.project import Project
from segstudio.project.snapshot_file import Snapshot
from segstudio.project.snapshots import Snapshots
from segstudio.project.verify import verify_project

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "v1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project of an earlier version in which every image was worked on and saved by this one."""
    place = Path(shutil.copytree(GOLDEN, tmp_path / "copy")) / "project"
    with Project.open(place) as project:
        for entry in project.images:
            document = project.document(entry.id)
            document.apply(Stroke([(32.0, 60.0)], 4, document.planes.objects.next_id()))
    return place


def content_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_whole_project_is_called_whole_and_nothing_is_written(folder: Path) -> None:
    before = content_of(folder)
    seen: list[tuple[int, int, str]] = []
    report = verify_project(folder, lambda *step: seen.append(step))
    assert report.findings == ()
    assert report.whole
    assert report.images == 3
    assert report.files > 15
    assert seen[0][:2] == (0, 3)
    assert seen[-1] == (3, 3, "")
    assert content_of(folder) == before


def test_a_project_of_an_earlier_version_is_whole_too(tmp_path: Path) -> None:
    place = Path(shutil.copytree(GOLDEN, tmp_path / "copy")) / "project"
    assert verify_project(place).findings == ()


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("labels/finished.tif", "Nothing"),
        ("labels/finished.json", "Nothing"),
        ("regions/finished.tif", "Nothing"),
        ("project.json", "Nothing"),
        ("project.json.bak", "Nothing"),
    ],
)
@pytest.mark.parametrize("how", ["cut", "gone", "other"])
def test_a_damaged_file_is_named_with_what_is_lost(folder: Path, name: str, lost: str, how: str) -> None:
    path = folder / name
    data = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(data[: len(data) // 2] if how == "cut" else data.replace(b"\x00", b"\x01", 1) + b" ")
    (found,) = verify_project(folder).findings
    assert (found.file, found.level) == (name, "damage")
    assert found.lost.startswith(lost)
    assert found.do


def test_a_lost_journal_is_missed(folder: Path) -> None:
    journal = next(path for path in sorted(folder.glob(".segstudio/journal/*/*.sj")) if path.name.startswith("0" * 11))
    journal.unlink()
    (found,) = verify_project(folder).damage
    assert found.file.startswith(journal.parent.relative_to(folder).as_posix())
    assert "missing" in found.wrong


def test_an_exchanged_and_a_missing_image_are_named(folder: Path) -> None:
    pictures = folder.parent / "pictures"
    (pictures / "finished.tif").write_bytes((pictures / "unfinished.tif").read_bytes())
    (pictures / "unfinished.tif").unlink()
    exchanged, missing = verify_project(folder).findings
    assert "content has changed" in exchanged.wrong
    assert "not found" in missing.wrong
    assert "labels are kept" in exchanged.lost


def test_copies_of_sync_programs_are_notes(folder: Path) -> None:
    shutil.copy(folder / "labels/finished.tif", folder / "labels/finished (conflicted copy).tif")
    shutil.copy(folder / "project.json", folder / "project (1).json")
    report = verify_project(folder)
    assert report.whole
    assert {item.file for item in report.findings} == {"labels/finished (conflicted copy).tif", "project (1).json"}
    with Project.open(folder, read_only=True) as project:
        (told,) = project.warnings
    assert told.startswith(f"“project (1).json” in {folder.name} and 1 more look like copies that a sync program made")


def test_cut_weights_of_a_model_are_named(folder: Path) -> None:
    weights = folder / "runs" / "one" / "weights.safetensors"
    weights.parent.mkdir(parents=True)
    header = json.dumps({"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    weights.write_bytes(len(header).to_bytes(8, "little") + header + bytes(16))
    assert verify_project(folder).findings == ()
    for damage in (weights.read_bytes()[:-3], b"\xff" * 40, b"", weights.read_bytes().replace(b"16]", b"12]")):
        weights.write_bytes(damage)
        (found,) = verify_project(folder).findings
        assert found.file == "runs/one/weights.safetensors"


def test_a_torn_end_as_a_kill_leaves_it_is_no_damage(folder: Path) -> None:
    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        document.apply(Stroke([(5.0, 60.0)], 4, document.planes.objects.next_id()))
        document.flush()
        kept = content_of(folder / ".segstudio" / "journal")
    newest = max(kept, key=lambda path: path.stat().st_mtime_ns)
    last = kept[newest][kept[newest].rindex(b"SJR1") :]
    newest.write_bytes(kept[newest] + last[: len(last) // 2])
    report = verify_project(folder)
    assert report.whole
    assert [item.level for item in report.findings] == ["note"]
    newest.write_bytes(kept[newest] + last[:-1] + b"x")
    assert [item.wrong for item in verify_project(folder).damage] == [f"Its last {len(last)} bytes are damaged."]


def test_nothing_is_found_beside_a_program_that_works(folder: Path) -> None:
    done = threading.Event()
    reports = []

    def look() -> None:
        while not done.is_set():
            reports.append(verify_project(folder))

    with Project.open(folder) as project:
        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            for number in range(12):
                for entry in project.images:
                    document = project.document(entry.id)
                    document.apply(Stroke([(5.0 * number, 9.0)], 3, document.planes.objects.next_id()))
                    document.checkpoint(wait=True)
                project.set_name(f"name {number}")
                project.save()
        finally:
            done.set()
            watcher.join()
    assert reports
    assert [item for report in reports for item in report.damage] == []


def test_it_can_be_stopped(folder: Path) -> None:
    report = verify_project(folder, stopped=lambda: True)
    assert not report.complete
    assert not report.whole


def test_what_is_no_project_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no SegStudio project"):
        verify_project(tmp_path)


def test_the_command_says_it_in_words_and_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder)]) == 0
    assert "Everything is whole: 3 images" in capsys.readouterr().out
    stat = (folder / "labels/finished.tif").stat()
    data = bytearray((folder / "labels/finished.tif").read_bytes())
    data[len(data) // 2] ^= 16
    (folder / "labels/finished.tif").write_bytes(data)
    os.utime(folder / "labels/finished.tif", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    journal = min((folder / ".segstudio" / "journal").rglob("*.sj"))
    shutil.copy(journal, journal.with_name("copy.sj"))
    assert main(["verify", str(folder)]) == 3
    text = capsys.readouterr().out
    assert "labels/finished.tif" in text
    assert "To do: " in text
    with Project.open(folder, read_only=True) as project:
        name = project.entry(journal.parent.name).name
    assert f"{name}: .segstudio/journal/{journal.parent.name}/copy.sj" in text
    assert main(["verify", str(folder), "--json"]) == 3
    content = json.loads(capsys.readouterr().out)
    assert (content["whole"], content["findings"][0]["file"]) == (False, "labels/finished.tif")


def test_what_is_found_in_a_file_that_is_being_written_is_looked_at_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify, "_PAUSE_SECONDS", 0.0)
    (folder / "project.json").write_bytes(b"half of it")
    times, looks = itertools.count(), []
    real = verify._manifest_problem

    def looked(path: Path, known: Mapping[str, tuple[Sum, ...]]) -> str:
        looks.append(path.name)
        return real(path, known)

    monkeypatch.setattr(verify, "_manifest_problem", looked)
    monkeypatch.setattr(verify, "_times", lambda paths: [(next(times), 0)])
    assert [item.file for item in verify_project(folder).damage] == ["project.json"]
    assert looks.count("project.json") == 6, "so many times, and then it is told"
    looks.clear()
    monkeypatch.setattr(verify, "_times", lambda paths: [(7, 0)])
    assert [item.file for item in verify_project(folder).damage] == ["project.json"]
    assert looks.count("project.json") == 2, "nobody writes it"


def test_an_earlier_state_that_goes_while_it_is_looked_at_is_no_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(self: Snapshots, number: int) -> Snapshot:
        shutil.rmtree(self._folder / str(number))
        raise BadInput("The earlier state 1 is not kept any more, or is damaged.")

    with Project.open(folder) as project:
        document = project.document(project.images[0].id)
        document.apply(RegionFill(None, 2))
        document.apply(Delete(tuple(document.planes.objects)))
        assert document.checkpoint(wait=True)
        assert document.snapshots.all()
    monkeypatch.setattr(Snapshots, "checked", gone)
    assert verify_project(folder).damage == ()

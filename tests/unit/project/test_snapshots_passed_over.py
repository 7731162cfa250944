"""Which earlier states stay, and what lies among them that is none."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from segstudio.io.objects_file import write_objects
from segstudio.project.annotation_files import AnnotationFiles
from segstudio.project.snapshot_file import Contents, Snapshot, read_about
from segstudio.project.snapshots import DAYS, NEWEST, Snapshots, kept

SHAPE = (600, 700)
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
_UNLIKE = itertools.count(1)


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "s", "a", SHAPE)


def keep(snapshots: Snapshots, day: int = 0) -> Snapshot:
    def fill(files: AnnotationFiles) -> None:
        write_objects(files.objects, {}, next(_UNLIKE))

    return snapshots.take(Contents("generation", "", 1, NOON + timedelta(days=day), 0), fill)


def test_the_newest_whole_one_counts_when_a_newer_one_is_torn(snapshots: Snapshots) -> None:
    whole, torn = keep(snapshots), keep(snapshots)
    assert snapshots.newest() == torn
    (torn.files.journal / "snapshot.json").unlink()
    assert snapshots.newest() == whole
    (whole.files.journal / "snapshot.json").unlink()
    assert snapshots.newest() is None


def test_a_time_without_a_zone_is_no_time(snapshots: Snapshots) -> None:
    folder = keep(snapshots).files.journal
    about = json.loads((folder / "snapshot.json").read_text())
    about = {name: value for name, value in about.items() if name != "sum"}
    for time, known in ((about["time"], True), ("2026-05-04T12:00:00", False), ("noon", False)):
        (folder / "snapshot.json").write_text(json.dumps({**about, "time": time}))
        assert (read_about(folder) is not None) is known


def test_files_and_links_with_a_number_for_a_name_are_none(snapshots: Snapshots, tmp_path: Path) -> None:
    folder = keep(snapshots).files.journal.parent
    (folder / "7").write_text("a file")
    (tmp_path / "elsewhere").mkdir()
    (folder / "8").symlink_to(tmp_path / "elsewhere")
    (folder / "notes").mkdir()
    (folder / "007").mkdir()
    assert [item.number for item in snapshots.all()] == [1]
    snapshots.prune()
    assert sorted(path.name for path in folder.iterdir()) == ["007", "1", "7", "8", "notes"]
    assert keep(snapshots).number == 9


def test_of_one_day_the_ten_newest_stay_and_the_others_are_removed_with_their_files(snapshots: Snapshots) -> None:
    made = [keep(snapshots) for _ in range(NEWEST + 3)]
    snapshots.prune()
    assert [item.number for item in snapshots.all()] == list(range(NEWEST + 3, 3, -1))
    assert [item.files.journal.exists() for item in made] == [False] * 3 + [True] * NEWEST


def test_of_many_days_the_last_of_the_newest_thirty_stays(snapshots: Snapshots) -> None:
    many = [keep(snapshots, day) for day in range(DAYS + 2) for _ in range(2)]
    stays = kept(many)
    days = {item.number: item.day for item in many}
    assert len({days[number] for number in stays}) == DAYS
    assert stays == {item.number for item in many[5::2]} | {item.number for item in many[-NEWEST:]}

"""Copies of labels go when nobody can need them any more, and nothing else ever goes with them."""

from pathlib import Path

import pytest
from bake_off_records import record_of

from segstudio.io.disk import DiskError
from segstudio.jobs.messages import Finished, Started
from segstudio.jobs.run_folder import RunFolder
from segstudio.jobs.spec import SampleRecord
from segstudio.session.bake_off_labels import copied, labels_folder, remove_abandoned, remove_unneeded
from segstudio.session.bake_off_record import Record, record_path, training_job, write_record


class Place:
    """A project with labels of a person, and one bake-off with its runs."""

    def __init__(self, project: Path) -> None:
        self.project, self.base = project, project / "runs"
        self.labels = project / "labels"
        self.labels.mkdir(parents=True)
        for number in range(5):
            (self.labels / f"{number}.tif").write_text("drawn by a person")
        (self.labels / "0.regions.png").write_text("stated by a person")
        self.path = record_path(self.base, "20260101-100000-abcd")
        self.folder = labels_folder(self.path)
        self.record = self._begun()

    def _begun(self) -> Record:
        record = record_of("one", "two", validation=2)
        drawn = [
            sample.model_copy(update={"labels": self.labels / f"{number}.tif"})
            for number, sample in enumerate(record.samples)
        ]
        drawn[0] = drawn[0].model_copy(update={"regions": self.labels / "0.regions.png"})
        self.base.mkdir()
        return record.model_copy(update={"samples": copied(drawn, self.folder)})

    def end(self, first: str = "done", second: str = "done") -> None:
        """Write the record, all candidates of which are over, with such ends of their trainings."""
        self.record = self.record.changed("one", state="done").changed("two", state="done")
        write_record(self.path, self.record)
        for row, outcome in zip(self.record.rows, (first, second), strict=True):
            run = RunFolder.create(training_job(self.record, row, self.base))
            run.append(Started(device="cpu", device_name="a processor", pid=1))
            run.append(Finished(outcome=outcome))
            run.checkpoints.mkdir()
            (run.checkpoints / "last").write_text("weights")

    def files(self) -> set[str]:
        return {str(path.relative_to(self.project)) for path in self.project.rglob("*") if path.is_file()}

    def copies(self) -> set[str]:
        return {name for name in self.files() if self.folder.name in name}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(tmp_path / "project")
    assert len(made.copies()) == 6
    return made


def test_copies_go_when_all_is_over_and_only_they(place: Place) -> None:
    place.end()
    before, copies = place.files(), place.copies()
    remove_unneeded(place.base)
    assert place.files() == before - copies
    assert not place.folder.exists()


def test_copies_stay_while_the_comparison_can_be_gone_on_with(place: Place) -> None:
    write_record(place.path, place.record.changed("one", state="done"))
    remove_unneeded(place.base)
    assert len(place.copies()) == 6


def test_copies_stay_while_one_of_its_trainings_can_be_gone_on_with(place: Place) -> None:
    place.end(second="stopped")
    remove_unneeded(place.base)
    assert len(place.copies()) == 6
    RunFolder(place.base / "two").delete()
    remove_unneeded(place.base)
    assert not place.copies()


def test_labels_that_are_no_copies_stay_even_when_a_record_names_them(place: Place) -> None:
    users = tuple(
        sample.model_copy(update={"labels": place.labels / f"{number}.tif", "regions": None})
        for number, sample in enumerate(place.record.samples)
    )
    place.record = place.record.model_copy(update={"samples": users})
    place.end()
    before = place.files()
    remove_unneeded(place.base)
    assert place.files() == before


def test_what_somebody_else_put_beside_the_copies_stays(place: Place) -> None:
    (place.folder / "notes.txt").write_text("mine")
    (place.folder / "0000-labels.old.tif").write_text("mine too")
    place.end()
    remove_unneeded(place.base)
    assert {path.name for path in place.folder.iterdir()} == {"notes.txt", "0000-labels.old.tif"}


def test_copies_of_a_record_that_cannot_be_read_stay(place: Place) -> None:
    place.end()
    place.path.write_text(place.path.read_text().replace('"schema_version":1', '"schema_version":2', 1)[:-2])
    remove_unneeded(place.base)
    assert len(place.copies()) == 6


def test_a_folder_that_is_only_a_link_is_left_alone(place: Place, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    place.folder.rename(elsewhere)
    place.folder.symlink_to(elsewhere, target_is_directory=True)
    place.end()
    remove_unneeded(place.base)
    assert len(list(elsewhere.iterdir())) == 6


def test_a_project_that_was_moved_loses_its_copies_not_those_of_the_old_place(place: Place, tmp_path: Path) -> None:
    place.end()
    old = place.project
    moved = tmp_path / "moved"
    old.rename(moved)
    old.mkdir()
    remove_unneeded(moved / "runs")
    assert not labels_folder(record_path(moved / "runs", "20260101-100000-abcd")).exists()
    assert len(list((moved / "labels").iterdir())) == 6


LATER, SAME_SECOND = "20260101-100001-0000", "20260101-100000-ffff"


def test_copies_of_a_comparison_that_was_killed_before_its_record_was_written_go(place: Place) -> None:
    before, copies = place.files(), place.copies()
    remove_abandoned(place.base, LATER)
    assert place.files() == before - copies
    assert not place.folder.exists()


def test_copies_that_get_their_record_yet_stay(place: Place) -> None:
    remove_abandoned(place.base, SAME_SECOND)
    assert len(place.copies()) == 6


def test_copies_with_a_record_are_not_abandoned_even_when_it_cannot_be_read(place: Place) -> None:
    place.path.write_text("damaged")
    remove_abandoned(place.base, LATER)
    assert len(place.copies()) == 6


def test_copies_that_a_training_learns_from_stay_without_a_record(place: Place) -> None:
    place.end(second="stopped")
    place.path.unlink()
    remove_abandoned(place.base, LATER)
    assert len(place.copies()) == 6


def test_copies_stay_while_the_runs_cannot_be_read(place: Place) -> None:
    (place.base / "one" / "job.json").mkdir(parents=True)
    remove_abandoned(place.base, LATER)
    assert len(place.copies()) == 6


def test_only_copies_are_cleared(place: Place) -> None:
    (place.folder / "notes.txt").write_text("mine")
    mine = place.base / "mine.labels"
    mine.mkdir()
    (mine / "0000-labels.tif").write_text("mine too")
    remove_abandoned(place.base, LATER)
    assert {path.name for path in place.folder.iterdir()} == {"notes.txt"}
    assert (mine / "0000-labels.tif").exists()


def test_copying_that_fails_leaves_no_copy_behind(place: Place) -> None:
    there, gone = place.labels / "0.tif", place.labels / "gone.tif"
    samples = [
        SampleRecord(image_id=path.stem, image=path, labels=path, complete=True, split="train")
        for path in (there, gone)
    ]
    folder = place.base / "20260202-100000-abcd.labels"
    with pytest.raises(DiskError):
        copied(samples, folder)
    assert not folder.exists()
    assert there.exists()

"""A file is missed only when its name was safe: a power cut before is no other program that took it away."""

from pathlib import Path

import pytest

from segstudio.io.atomic import write_atomic
from segstudio.io.disk import Disk
from segstudio.project.checksums import Sums, Verdict
from segstudio.project.summing_disk import SummingDisk


class CutBeforeNames(Disk):
    """Lets the power go before the names of a folder are safe: the name in it is lost, the sums stay."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def sync_folder(self, folder: Path) -> None:
        if folder == self.folder:
            for path in folder.iterdir():
                path.unlink()
            raise SystemExit
        super().sync_folder(folder)


def test_a_new_file_whose_name_was_lost_in_a_power_cut_is_not_said_to_be_taken_away(tmp_path: Path) -> None:
    target = tmp_path / "labels" / "a.tif"
    target.parent.mkdir()
    disk = CutBeforeNames(target.parent)
    with pytest.raises(SystemExit):
        write_atomic(target, b"labels", SummingDisk(disk, Sums(tmp_path / "sums.json", disk), (target,)))
    assert Sums(tmp_path / "sums.json").judge(target) is not Verdict.MISSING


def test_a_file_that_was_safe_is_missed(tmp_path: Path) -> None:
    target = tmp_path / "labels" / "a.tif"
    target.parent.mkdir()
    write_atomic(target, b"labels", SummingDisk(Disk(), Sums(tmp_path / "sums.json"), (target,)))
    target.unlink()
    assert Sums(tmp_path / "sums.json").judge(target) is Verdict.MISSING

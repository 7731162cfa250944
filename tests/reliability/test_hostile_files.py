"""Files that were made to do harm run nothing, reach nobody, write nothing, and are refused with a sentence."""

from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from reliability.cases import Cases
from reliability.hostile_files import KINDS, PWNED
from reliability.opened_files import open_files

GROUPS: Final = {
    "images": ["npy", "npz", "tiff", "ome", "png", "gif", "seg"],
    "projects": ["project", "objects", "labels", "journal", "job", "events"],
    "models": ["card", "safetensors"],
}


def test_every_kind_is_in_a_group() -> None:
    assert sorted(chain.from_iterable(GROUPS.values())) == sorted(KINDS)


@pytest.mark.parametrize("group", GROUPS)
def test_nothing_of_it_runs(group: str, cases: Cases, tmp_path: Path) -> None:
    kinds = GROUPS[group]
    count = 40 * len(kinds)
    for number in cases(merge=1, nightly=25, release=25, each=count):
        report = open_files(",".join(kinds), "hostile:", count, tmp_path / str(number), first=number * count)
        assert not report.problems, "\n".join(report.problems[:20])
        assert report.total == count
    assert not list(tmp_path.rglob(PWNED))

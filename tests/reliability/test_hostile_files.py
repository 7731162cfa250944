"""Files that were made to do harm run nothing, reach nobody, write nothing, and are refused with a sentence."""

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from reliability.hostile_files import KINDS, PWNED
from reliability.opened_files import open_files

GROUPS: Final = {
    "images": ["npy", "npz", "tiff", "ome", "png", "gif", "seg"],
    "projects": ["project", "objects", "labels", "journal", "job", "events"],
    "models": ["card", "safetensors"],
}


def test_every_kind_is_in_a_group() -> None:
    assert sorted(chain.from_iterable(GROUPS.values())) == sorted(KINDS)


@pytest.mark.timeout(0)
@pytest.mark.parametrize("group", GROUPS)
def test_nothing_of_it_runs(group: str, tier: Callable[..., int], tmp_path: Path) -> None:
    kinds = GROUPS[group]
    count = tier(merge=40, nightly=1000, release=1000) * len(kinds)
    report = open_files(",".join(kinds), "hostile:", count, tmp_path)
    assert not report.problems, "\n".join(report.problems[:20])
    assert report.total == count
    assert not list(tmp_path.rglob(PWNED))

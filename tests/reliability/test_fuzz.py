"""Files of every kind, changed at random: each opens readably or is refused with a sentence, within 10 s and 2 GB."""

import shutil
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Final

import pytest
from reliability.cases import Cases
from reliability.file_kinds import KINDS
from reliability.mutations import mutated
from reliability.opened_files import open_files

#: Files that once did something else, by kind; the first line of a name says what.
FOUND = Path(__file__).with_name("found_files")


#: Kinds that share a process: it takes longer to begin than to open hundreds of files.
GROUPS: Final = {
    "tiff": [name for name in KINDS if name.startswith("tiff")],
    "pictures": ["imagej", "ome", "png", "jpeg", "gif", "bmp", "webp", "npy", "npz", "seg"],
    "projects": ["project", "objects", "labels", "journal", "decisions", "table"],
    "models": ["job", "events", "card", "safetensors"],
}


def test_every_kind_is_in_a_group() -> None:
    assert sorted(chain.from_iterable(GROUPS.values())) == sorted(KINDS)


@pytest.mark.parametrize("group", GROUPS)
def test_a_changed_file_opens_or_is_refused(
    group: str, tier: Callable[..., int], cases: Cases, seed: int, tmp_path: Path
) -> None:
    kinds = GROUPS[group]
    count = tier(merge=70, nightly=500, release=500) * len(kinds)
    for number in cases(merge=1, nightly=200, release=200, each=count):
        place = tmp_path / str(number)
        report = open_files(",".join(kinds), f"mutated:{seed}", count, place, first=number * count)
        assert not report.problems, f"seed {seed}\n" + "\n".join(report.problems[:20])
        assert report.total == count
        shutil.rmtree(place)


@pytest.mark.parametrize("kind", sorted(path.name for path in FOUND.iterdir()))
def test_what_was_found_stays_mended(kind: str, tmp_path: Path) -> None:
    count = len(list((FOUND / kind).iterdir()))
    report = open_files(kind, str(FOUND), count, tmp_path)
    assert not report.problems, "\n".join(report.problems)
    assert report.total == count


def test_the_same_seed_gives_the_same_files() -> None:
    seeds = [bytes(range(200)), b"{}" * 40]
    first, again = (
        [mutated(seeds, f"4-{number}", is_text=bool(number % 2)) for number in range(200)] for _ in range(2)
    )
    assert first == again
    assert len(set(first)) > 190


FAILING = """
    opened = []

    def fail(path):
        opened.append(path)
        if len(opened) == 2:
            raise KeyError("never said to a user")
        if len(opened) == 4:
            exec("import os")
        if len(opened) == 5:
            open("/etc/hostname").read()
        if len(opened) == 7:
            os.abort()

    from dataclasses import replace
    benches[0].kind = replace(benches[0].kind, open=fail)
    _, out = claim_pipes()
"""


def test_a_reader_that_breaks_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The harness itself: a file is read by code that fails as it must not.
    runner = tmp_path / "runner.py"
    source = Path(__file__).with_name("file_runner.py").read_text("utf-8")
    broken = source.replace("    _, out = claim_pipes()\n", FAILING)
    here = str(Path(__file__).resolve().parents[1])
    broken = broken.replace("Path(__file__).resolve().parents[1]", f"Path({here!r})")
    assert here in broken
    runner.write_text(broken, "utf-8")
    monkeypatch.setattr("reliability.opened_files._RUNNER", runner)
    report = open_files("card", "mutated:0", 9, tmp_path / "files")
    told = str(report.problems)
    assert all(word in told for word in ("KeyError", "exec", "/etc/hostname", "the process ended")), told
    assert report.total == 8  # all but the one that ended the process

"""A journal file of which nothing is left, as a bad disk or a sync program leaves it: told, and never thrown away."""

from pathlib import Path

import numpy as np
import pytest
from damaged_work import EDITS, Work, state, told_nothing

from segstudio.project.journal import JournalPlace, encode_header, file_name, new_session, read_file
from segstudio.project.verify import verify_project


def _ruin(path: Path, how: str) -> bytes:
    """Replace a file by something else; return what is in it then."""
    length = path.stat().st_size
    ruined = {
        "zeros": bytes(length),
        "noise": np.random.default_rng(1).bytes(length).replace(b"SJR1", b"____"),
        "json": b"{}",
        "long": b"{" * 100_000,
    }[how]
    path.write_bytes(ruined)
    return ruined


@pytest.mark.parametrize("published", [0, 3])
@pytest.mark.parametrize("how", ["zeros", "noise", "json", "long"])
def test_it_is_told_and_kept(tmp_path: Path, published: int, how: str) -> None:
    work = Work(tmp_path, published=published)
    ruined = _ruin(min(work.journal.glob("*.sj")), how)
    project, document = work.open()
    (notice,) = document.notices
    assert "what you did after img.tif was saved last may be lost" in notice
    assert "damaged-1" in notice
    assert work.number(document) == published
    assert project.close()
    assert [item.read_bytes() for item in work.journal.glob("damaged-1/*.sj")] == [ruined]
    assert told_nothing(work)


@pytest.mark.parametrize("how", ["zeros", "noise"])
def test_the_last_of_two_costs_nothing_of_the_first(tmp_path: Path, how: str) -> None:
    work = Work(tmp_path, published=2, count=4)
    project, document = work.open()
    document.apply(EDITS[4]())
    assert document.flush()
    killed = max(work.journal.glob("*.sj")).read_bytes()
    work.states.append(state(document))
    last = max(work.journal.glob("*.sj"))
    assert project.close()
    last.write_bytes(killed)
    _ruin(last, how)
    project, document = work.open()
    assert any("is damaged" in notice for notice in document.notices)
    assert work.undone(document)[-5:] == [4, 3, 2, 1, 0]
    assert project.close()
    assert told_nothing(work)


@pytest.mark.parametrize("how", ["zeros", "noise"])
def test_verifying_says_that_the_work_in_it_may_be_lost(tmp_path: Path, how: str) -> None:
    work = Work(tmp_path, published=3)
    path = min(work.journal.glob("*.sj"))
    _ruin(path, how)
    (found,) = (item for item in verify_project(work.folder).findings if item.file.endswith(path.name))
    assert found.wrong == "Nothing in it can be read."
    assert "Nothing" not in found.lost
    assert found.do.startswith("Open the image")


@pytest.mark.parametrize("length", [0, 1, 40, None])
def test_one_that_was_only_begun_is_no_damage(tmp_path: Path, length: int | None) -> None:
    session = new_session()
    place = JournalPlace(tmp_path, "img", (60, 70))
    path = tmp_path / file_name(7, session, 0)
    path.write_bytes(encode_header(place, session, 7)[:length])
    found = read_file(path, place, {})
    assert (found.whole, found.records) == (True, ())

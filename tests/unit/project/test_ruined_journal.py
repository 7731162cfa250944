"""A journal file with damage inside, or of which nothing is left: told once, and never thrown away."""

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
    assert "what you did after img.tif was saved last may be lost" in found.lost
    assert found.do.startswith("Open the image")


@pytest.mark.parametrize(("published", "number"), [(2, 3), (2, 5), (5, 6), (0, 1)])
def test_verifying_says_of_lost_work_what_opening_says(tmp_path: Path, published: int, number: int) -> None:
    work = Work(tmp_path, published=published)
    work.damage(number)
    before = {path: path.read_bytes() for path in work.folder.rglob("*") if path.is_file()}
    (found,) = (item for item in verify_project(work.folder).findings if item.file.endswith(".sj"))
    assert {path: path.read_bytes() for path in work.folder.rglob("*") if path.is_file()} == before
    assert "lost" in found.lost
    assert found.do == "Open the image: it says what is lost, and puts the damaged part aside."
    project, document = work.open()
    assert any(notice.startswith(found.lost) for notice in document.notices)
    assert project.close()
    assert not any("may be lost" in item.lost for item in verify_project(work.folder).findings), "it was told"


def test_verifying_calls_damage_harmless_when_the_label_file_holds_the_work(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    work.damage(3)
    (found,) = (item for item in verify_project(work.folder).findings if item.file.endswith(".sj"))
    assert "not touched" in found.lost
    assert found.do.startswith("Nothing; work on.")


def test_verifying_does_not_say_that_all_is_read_behind_a_damaged_first_line(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    work.damage(3)
    path = min(work.journal.glob("*.sj"))
    path.write_bytes(b"[" + path.read_bytes()[1:])
    (found,) = (item for item in verify_project(work.folder).findings if item.file.endswith(".sj"))
    assert found.wrong == "A place in it is damaged."
    assert "not touched" in found.lost


@pytest.mark.parametrize("length", [0, 1, 40, None])
def test_one_that_was_only_begun_is_no_damage(tmp_path: Path, length: int | None) -> None:
    session = new_session()
    place = JournalPlace(tmp_path, "img", (60, 70))
    path = tmp_path / file_name(7, session, 0)
    path.write_bytes(encode_header(place, session, 7)[:length])
    found = read_file(path, place, {})
    assert (found.whole, found.records) == (True, ())


@pytest.mark.parametrize("number", [1, 3])
def test_damage_on_which_more_follows_is_told_once(tmp_path: Path, number: int) -> None:
    work = Work(tmp_path, published=6)
    damaged = work.damage(number)
    project, document = work.open()
    (notice,) = document.notices
    assert notice.startswith("The journal of img is damaged: some actions can no longer be undone")
    assert "Nothing you drew is lost" in notice
    assert "kept in" in notice
    assert work.number(document) == 6
    assert project.close()
    assert [path.read_bytes() for path in work.journal.glob("damaged-1/*.sj")] == [damaged]
    for read_only in (True, False):
        project, document = work.open(read_only=read_only)
        assert document.notices == []
        assert work.number(document) == 6
        project.close()
    assert not (work.journal / "damaged-2").exists()


def test_more_damage_in_the_same_file_is_told_again(tmp_path: Path) -> None:
    work = Work(tmp_path, published=6)
    work.damage(3)
    project, document = work.open()
    assert project.close()
    damaged = work.damage(4)
    project, document = work.open()
    assert len(document.notices) == 1
    assert project.close()
    assert [path.read_bytes() for path in work.journal.glob("damaged-2/*.sj")] == [damaged]
    project, document = work.open()
    assert document.notices == []
    assert project.close()


def test_of_an_action_that_only_the_damaged_place_had_it_is_not_said_that_nothing_is_lost(tmp_path: Path) -> None:
    work = Work(tmp_path, published=2)
    work.damage(3)  # regions only: what follows fits without it
    project, document = work.open()
    (notice,) = document.notices
    assert "may be lost" in notice
    assert project.close()
    project, document = work.open()
    assert document.notices == []
    assert project.close()


def test_a_damaged_first_line_costs_nothing_and_is_written_anew(tmp_path: Path) -> None:
    work = Work(tmp_path, published=3)
    path = min(work.journal.glob("*.sj"))
    data = bytearray(path.read_bytes())
    data[3] ^= 8
    path.write_bytes(data)
    project, document = work.open()
    (notice,) = document.notices
    assert "every action in it can be read and undone" in notice
    assert work.undone(document) == [6, 5, 4, 3, 2, 1, 0]
    while document.redo() is not None:
        pass
    assert project.close()
    assert [path.read_bytes() for path in work.journal.glob("damaged-1/*.sj")] == [data]
    assert told_nothing(work)


def test_damage_between_two_computers_is_no_second_truth_when_it_was_told(tmp_path: Path) -> None:
    work = Work(tmp_path, count=3)
    project, document = work.open()
    document.apply(EDITS[5]())
    now = state(document)
    assert project.close()
    second = max(work.journal.glob("*.sj"))
    mark = "0000" if second.name[13:17] != "0000" else "1111"
    data = second.read_bytes().replace(second.name[13:25].encode(), (mark + second.name[17:25]).encode())
    second.with_name(f"{second.name[:13]}{mark}{second.name[17:]}").write_bytes(data)
    second.unlink()
    work.damage(3)
    for told in (True, False):
        project, document = work.open()
        assert [notice.startswith("The journal of img is damaged") for notice in document.notices] == [True] * told
        assert state(document) == now
        assert project.close()

"""Who wins a bake-off, and when nobody can tell."""

from collections.abc import Callable
from typing import Any

import pytest
from bake_off_records import record_of, scored

from segstudio.session import bake_off_result
from segstudio.session.bake_off_lines import lines_of
from segstudio.session.bake_off_result import JUDGES, standings, verdict


def test_a_clear_winner_is_called_one_with_its_interval() -> None:
    record = scored([5, 6, 5, 6, 5, 6], [9, 8, 9, 8, 9, 8], [2, 1, 2, 1, 2, 1])
    table = standings(record)
    assert [item.row.run for item in table] == ["c1", "c0", "c2"]
    assert all(item.apart for item in table[1:])
    words = verdict(record)
    assert words.startswith("C1 wins on these images: AP 0.7")
    assert "on 6 validation images" in words
    assert "C0 is 0.3" in words
    assert "95 % interval" in words


def test_what_is_known_is_not_reckoned_again(monkeypatch: pytest.MonkeyPatch) -> None:
    record, drawn = scored([5, 6, 5, 7, 5, 6], [9, 8, 9, 7, 9, 8]), []
    for name in ("score_interval", "paired_difference"):
        real = getattr(bake_off_result, name)

        def counting(*given: Any, real: Callable[..., Any] = real) -> Any:
            drawn.append(real)
            return real(*given)

        monkeypatch.setattr(bake_off_result, name, counting)
    for _ in range(3):
        verdict(record)
    assert len(drawn) == 3  # two intervals and a difference: each takes thousands of draws


def test_what_chance_may_explain_is_not_called_a_win() -> None:
    record = scored([9, 2, 8, 3, 9, 3], [2, 9, 4, 7, 3, 8], [1, 1, 1, 1, 1, 1])
    assert [item.apart for item in standings(record)] == [False, False, True]
    assert "cannot be told apart from C1 on 6 validation images" in verdict(record)


def test_a_table_names_a_winner_only_when_nobody_is_level_with_it() -> None:
    clear = lines_of(scored([5, 6, 5, 6, 5, 6], [9, 8, 9, 8, 9, 8]), JUDGES[0])
    assert [(line.row.run, line.wins) for line in clear] == [("c1", True), ("c0", False)]
    assert (clear[0].behind, clear[1].behind.endswith(" behind")) == ("best", True)
    level = lines_of(scored([9, 2, 8, 3, 9, 3], [2, 9, 4, 7, 3, 8], [1, 1, 1, 1, 1, 1]), JUDGES[0])
    assert not any(line.wins for line in level)
    assert level[0].behind == "ahead, not apart"
    assert level[1].behind.endswith(" behind, not apart")
    assert level[2].behind.endswith(" behind")
    nothing = lines_of(scored([0] * 6, [0] * 6), JUDGES[0])
    assert not any(line.wins for line in nothing)


def test_a_table_compares_nothing_with_a_single_candidate() -> None:
    record = scored([9] * 6, [5] * 6).changed("c1", state="failed", error="It broke.", hint="Mend it.", evaluation=None)
    first, second = lines_of(record, JUDGES[0])
    assert (first.wins, first.behind) == (False, "–")
    assert (second.standing, second.state) == (None, "failed: It broke. Mend it.")


def test_so_few_images_that_a_coin_would_agree_tell_nothing_apart() -> None:
    five, six = scored([9] * 5, [5] * 5), scored([9] * 6, [5] * 6)
    assert verdict(five) == (
        "Only 5 validation images judge: too few to tell. C0 is ahead with AP 0.82. It takes 6 or more: label more "
        "images for validation."
    )
    assert "C0 wins on these images" in verdict(six)


def test_a_speed_that_is_not_known_is_no_number() -> None:
    record = scored([9])
    report = record.rows[0].evaluation
    assert report is not None
    unknown = record.changed("c0", evaluation=report.model_copy(update={"seconds_per_megapixel": None}))
    assert [lines_of(item, JUDGES[0])[0].speed for item in (record, unknown)] == ["1.00 s", "–"]


def test_an_interval_of_a_few_images_is_not_shown_as_if_it_could_be_believed() -> None:
    for found in ([9, 8], [9, 8, 9, 8, 9]):
        line = lines_of(scored(found, [5] * len(found)), JUDGES[0])[0]
        assert line.score.endswith(" (too few images)")
        assert "interval" not in verdict(scored(found))
    assert " to 0." in lines_of(scored([9, 8] * 3, [5] * 6), JUDGES[0])[0].score


def test_a_winner_that_finds_nothing_is_none() -> None:
    assert verdict(scored([0] * 6, [0] * 6)).startswith("No candidate finds objects on 6 validation images yet")


def test_one_validation_image_tells_nothing_apart() -> None:
    record = scored([9], [2])
    assert standings(record)[0].interval is None
    assert verdict(record).startswith("Only 1 validation image judges: too few to tell. C0 is ahead")


def test_candidates_that_were_hardly_trained_are_named() -> None:
    record = scored([5, 6, 5, 6, 5, 6], [1, 2, 1, 2, 1, 2]).changed("c0", looks=9)
    assert "hardly trained" not in verdict(record)
    assert "C1 was hardly trained: give each more minutes." in verdict(record.changed("c1", looks=2))
    both = scored([3, 1], [1, 0]).changed("c0", looks=3).changed("c1", looks=2)
    assert verdict(both).endswith("No candidate was trained for long enough: give each more minutes.")


def test_the_measure_decides_who_wins() -> None:
    record = scored([8, 8, 8], [7, 7, 7])
    report = record.rows[0].evaluation
    assert report is not None
    loose = [image.model_copy(update={"tp": (8,) + (0,) * 9, "fn": (2,) + (10,) * 9}) for image in report.images]
    record = record.changed("c0", evaluation=report.model_copy(update={"images": tuple(loose)}))
    assert standings(record, JUDGES[1])[0].row.run == "c0"
    assert standings(record, JUDGES[0])[0].row.run == "c1"


def test_nothing_is_said_before_anything_is_known() -> None:
    record = record_of("good", "fair")
    assert verdict(record) == "Nothing is scored yet."
    failed = record.changed("good", state="failed").changed("fair", state="failed")
    assert verdict(failed) == "No candidate could be scored; each says why."

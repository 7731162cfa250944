"""What is typed finds the action that is meant."""

import pytest

from segstudio.gui.word_search import rank

_NAMES = {"Polygon": "Tools", "Delete by click": "Tools", "Open images folder…": "File", "Zoom in": "View"}


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("poly", ["Polygon"]),
        ("plgn", ["Polygon"]),
        ("click del", ["Delete by click"]),
        ("fold file", ["Open images folder…"]),
        ("olygon", ["Polygon"]),
        ("gonpoly", []),
        ("zoom file", []),
        ("", list(_NAMES)),
    ],
)
def test_words_are_found_in_any_order_and_with_letters_left_out(typed: str, found: list[str]) -> None:
    assert [name for name, menu in _NAMES.items() if rank(typed, name, menu) is not None] == found


def test_the_nearer_name_comes_first() -> None:
    assert rank("tr", "Train") < rank("tr", "Stop the training") < rank("tr", "Contrast") < rank("tr", "Pause", "Train")
    assert rank("cut", "Split", "Tools", "Draw a line through an object to cut it in two") is not None

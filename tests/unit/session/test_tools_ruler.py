"""The ruler measures and changes nothing."""

from tool_user import User


def test_the_ruler_measures_by_a_drag_or_two_clicks_and_changes_nothing() -> None:
    user = User("ruler")
    user.drag((10, 10), (20, 20), (40, 50))
    assert user.view.ruler == ((10, 10), (40, 50))
    user.click(5, 5)
    user.hover((8, 9))
    assert user.view.ruler == ((5, 5), (8, 9)), "while it goes on"
    user.click(11, 13)
    assert user.view.ruler == ((5, 5), (11, 13))
    user.click(1, 1)
    user.key("Escape")
    assert user.view.ruler is None
    assert user.actions == []

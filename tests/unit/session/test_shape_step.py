"""How far objects grow and shrink: in µm where the size of a pixel is known."""

import numpy as np
from tool_user import User

from segstudio.core.axes import PixelSize
from segstudio.labels.shape_edits import Grow, Shrink
from segstudio.session.view_state import ViewState


def test_a_length_chosen_in_micrometres_is_kept_for_pixels_of_another_size() -> None:
    view = ViewState()
    view.choose_shape_step(4.0, PixelSize(0.5, 0.5))
    view.fit_shape_step(PixelSize(0.25, 0.25))
    assert view.shape_step == 8.0
    view.fit_shape_step(None)
    assert view.shape_step == 8.0
    view.choose_shape_step(3.0, None)
    view.fit_shape_step(PixelSize(0.25, 0.25))
    assert view.shape_step == 3.0


def test_pixels_that_are_no_squares_grow_and_shrink_by_the_same_length_in_all_directions() -> None:
    user = User("select")
    user.draw_squares((40, 40))
    spacing = (2.0, 0.5)  # two units high, half a unit wide
    user.sheet.apply(Grow((1,), 4.0, spacing=spacing))
    rows, columns = np.nonzero(user.array)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (38, 51, 32, 57)
    user.sheet.apply(Shrink((1,), 4.0, spacing))
    rows, columns = np.nonzero(user.array)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (40, 49, 40, 49)

"""Which number the pieces of a cut object get."""

import numpy as np

from segstudio.labels.cutting import cut


def test_a_part_that_the_line_misses_goes_with_the_largest_piece() -> None:
    mask = np.zeros((7, 10), bool)
    mask[0:3, 0:8] = True  # cut at column 5: 15 pixels on the left, 6 on the right
    mask[5:7, 0:2] = True  # not cut
    line = np.zeros_like(mask)
    line[0:3, 5] = True
    pieces = cut(mask, line)
    assert pieces[0, 0] != pieces[0, 7]
    assert set(pieces[5:7, 0:2].ravel().tolist()) == {int(pieces[0, 0])}
    np.testing.assert_array_equal(pieces > 0, mask)

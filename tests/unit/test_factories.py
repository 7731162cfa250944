"""The synthetic cells are what they promise to be."""

from pathlib import Path

import numpy as np
import pytest
from factories import cells, grid_of_squares, rectangle, write_splits


def test_the_same_seed_gives_the_same_cells() -> None:
    first, second = cells(seed=3), cells(seed=3)
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.labels, second.labels)


def test_ids_have_no_gaps_and_some_cells_touch() -> None:
    labels = cells((128, 128), 25).labels
    assert set(np.unique(labels)) == set(range(labels.max() + 1))
    left, right = labels[:, :-1], labels[:, 1:]
    assert np.any((left != right) & (left > 0) & (right > 0))


@pytest.mark.parametrize(("dtype", "top"), [("uint8", 255), ("uint16", 4000), ("float32", 1)])
def test_cells_are_brighter_than_the_ground(dtype: str, top: int) -> None:
    made = cells(dtype=dtype)
    assert made.image.dtype == dtype
    assert made.image.max() <= top
    assert made.image[made.labels > 0].mean() > 2 * made.image[made.labels == 0].mean()


def test_rectangle_and_squares_have_the_area_asked_for() -> None:
    assert rectangle((40, 40), (20, 20), 10, 4, 0).sum() == 40
    assert rectangle((40, 40), (20, 20), 10, 4, 90).sum() == 40
    assert set(np.bincount(grid_of_squares((50, 50), 8, 2).ravel())[1:]) == {64}


def test_split_folders_hold_pairs(tmp_path: Path) -> None:
    write_splits(tmp_path, train=2, val=1, coloured=True)
    assert len(list(tmp_path.glob("*/images/*.tif"))) == len(list(tmp_path.glob("*/masks/*.tif"))) == 3

"""Objects are judged by their pixels; what parts of an object say adds up to what the whole says."""

import numpy as np
import pytest
from factories import cells

from segstudio.engine.decoding.evidence import Evidence, Tally, chained, tally


def test_a_score_is_the_product_of_means_and_peaks_and_the_class_has_most_votes() -> None:
    labels = np.array([[1, 1, 0], [2, 2, 2]], np.int32)
    mean = np.array([[0.5, 1, 9], [0.2, 0.4, 0.6]], np.float32)
    peak = np.array([[0.1, 0.8, 9], [1.5, 0, 0]], np.float32)
    votes = np.stack([mean, 1 - mean])
    found = tally(labels, Evidence([mean], [peak], votes), 3)
    assert found.scores == pytest.approx([0.75 * 0.8, 0.4, 0], abs=1e-6)
    assert found.winners.tolist() == [0, 1, 0]
    assert tally(labels, Evidence([mean]), 2).winners.tolist() == [0, 0]


def test_halves_of_objects_joined_say_what_the_whole_says() -> None:
    labels = cells((60, 80), 9).labels
    count = int(labels.max())
    planes = np.random.default_rng(0).random((5, 60, 80)).astype(np.float32)

    def say(rows: slice, found: np.ndarray, number: int) -> Tally:
        return tally(found, Evidence(planes[:1, rows], planes[1:3, rows], planes[3:, rows]), number)

    whole = say(slice(None), labels, count)
    halves = chained([say(slice(0, 31), labels[:31], count), say(slice(31, 60), labels[31:], count)])
    owner = np.tile(np.arange(1, count + 1), 2)
    joined = halves.joined(owner, count)
    assert joined.scores == pytest.approx(whole.scores, abs=1e-12)
    assert joined.winners.tolist() == whole.winners.tolist()
    # Parts that belong to nothing are left out.
    owner[owner > 1] = 0
    assert halves.joined(owner, 1).scores == pytest.approx(whole.scores[:1], abs=1e-12)

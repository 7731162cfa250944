"""Tables and decisions beside a prediction that are no longer what the program wrote: refused with a sentence."""

from pathlib import Path

import numpy as np
import pytest

from segstudio.core.errors import BadInput
from segstudio.io.labels_file import write_label_tiff
from segstudio.labels.label_map import LabelMap
from segstudio.session.predictions import Decisions, Prediction, read_prediction

WRONG = ("[" * 100_000, "[]", "1", "", "{", '{"objects": 3}', '{"objects": [1]}')


def prediction(folder: Path, table: str) -> Prediction:
    labels = folder / "a.tif"
    write_label_tiff(labels, LabelMap.from_array(np.eye(20, dtype=np.int32)))
    (folder / "a.json").write_text(table)
    return Prediction("a", "run-1", folder, labels, folder / "a.maps")


ROWS = ("3", "[]", '{"class_id": "x"}', '{"score": 1e999}', "null")


@pytest.mark.parametrize(
    "table", [*WRONG, *(f'{{"objects": {{"1": {row}}}}}' for row in ROWS)], ids=range(len(WRONG) + len(ROWS))
)
def test_a_table_that_is_none(table: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"a\.json with the scores of a prediction is damaged"):
        read_prediction(prediction(tmp_path, table), (20, 20))


@pytest.mark.parametrize("text", [*WRONG, '{"accepted": {"1": 1e999}, "rejected": []}'], ids=range(len(WRONG) + 1))
def test_decisions_that_are_none(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.review.json"
    path.write_text(text)
    with pytest.raises(BadInput, match=r"a\.review\.json with the decisions about proposals is damaged"):
        Decisions.read(path)


def test_without_the_files_nothing_is_decided_and_all_is_of_the_first_class(tmp_path: Path) -> None:
    found = prediction(tmp_path, "")
    found.table.unlink()
    _, proposals = read_prediction(found, (20, 20))
    assert proposals[1].class_id == 1
    assert Decisions.read(found.review_file) == Decisions()

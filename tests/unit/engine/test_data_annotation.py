from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segstudio.core.errors import BadInput
from segstudio.engine.data.annotation import RIM_PX, combine, read_annotation
from segstudio.io.labels_file import write_label_tiff
from segstudio.jobs.spec import SampleRecord
from segstudio.labels.label_map import LabelMap
from segstudio.labels.regions import COMPLETE, IGNORE


def test_a_drawn_object_makes_a_rim_of_background_and_leaves_the_rest_unknown() -> None:
    labels = np.zeros((9, 9), np.int32)
    labels[4, 4] = 7
    known = combine(labels)
    assert known[4, 4] == 7
    assert known[4, 6] == 0
    assert known[4, 7] == -1
    assert known[0, 0] == -1


def test_a_complete_image_has_background_everywhere() -> None:
    assert (combine(np.zeros((3, 3), np.int32), complete=True) == 0).all()


def test_an_unlabelled_image_says_nothing() -> None:
    assert (combine(np.zeros((3, 3), np.int32)) == -1).all()


def test_regions_make_background_and_hide() -> None:
    labels = np.zeros((4, 4), np.int32)
    labels[0, 0] = 1
    regions = np.zeros((4, 4), np.uint8)
    regions[3], regions[0] = COMPLETE, IGNORE
    known = combine(labels, regions)
    assert (known[3] == 0).all()
    assert (known[0] == -1).all()


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.int32, (8, 8), elements=st.integers(0, 3)),
    arrays(np.uint8, (8, 8), elements=st.integers(0, 2)),
    st.booleans(),
)
def test_objects_stay_unless_ignored_and_ignored_pixels_are_unknown(
    labels: np.ndarray, regions: np.ndarray, complete: bool
) -> None:
    known = combine(labels, regions, complete=complete)
    assert (known[regions == IGNORE] == -1).all()
    kept = (labels > 0) & (regions != IGNORE)
    assert np.array_equal(known[kept], labels[kept])
    empty = (labels == 0) & (regions != IGNORE)
    assert (known[empty] <= 0).all()
    assert (known[empty & (regions == COMPLETE)] == 0).all()


@pytest.mark.parametrize("step", [RIM_PX, RIM_PX + 1])
def test_the_rim_is_two_pixels_wide(step: int) -> None:
    labels = np.zeros((1, 12), np.int32)
    labels[0, :3] = 1
    assert combine(labels)[0, 2 + step] == (0 if step <= RIM_PX else -1)


@pytest.mark.parametrize("damaged", ["labels", "regions"])
def test_damaged_labels_are_said_to_be_those_of_the_image(tmp_path: Path, damaged: str) -> None:
    tifffile.imwrite(tmp_path / "cell.tif", np.zeros((20, 20), np.uint8))
    files = {name: tmp_path / f"{name}.tif" for name in ("labels", "regions")}
    for name, path in files.items():
        values = np.random.default_rng(0).integers(0, 2, (20, 20))
        write_label_tiff(path, LabelMap.from_array(values.astype(np.int32 if name == "labels" else np.uint8)))
    files[damaged].write_bytes(files[damaged].read_bytes()[:-12])
    sample = SampleRecord(image_id="a", image=tmp_path / "cell.tif", **files)
    with pytest.raises(BadInput, match=rf"The labels of cell\.tif cannot be learned from: {damaged}\.tif") as refused:
        read_annotation(sample, (20, 20))
    assert "earlier state" in refused.value.hint

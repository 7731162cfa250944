import numpy as np
import pytest
from factories import cells, discs, grid_of_squares, rectangle
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import regionprops_table

from segstudio.core.axes import PixelSize
from segstudio.labels import measure


def test_measurements_agree_with_scikit_image() -> None:
    made = cells((300, 340), 60, seed=1, dtype="uint16")
    table = measure(made.labels, made.image)
    names = ("label", "area", "centroid", "bbox", "equivalent_diameter_area", "eccentricity", "intensity_mean")
    other = regionprops_table(made.labels, made.image, (*names, "intensity_min", "intensity_max"))
    np.testing.assert_array_equal(table.ids, other["label"])
    for ours, theirs, shift in [
        ("area_px", "area", 0),
        ("centroid_y", "centroid-0", 0.5),
        ("centroid_x", "centroid-1", 0.5),
        ("bbox_y0", "bbox-0", 0),
        ("bbox_x0", "bbox-1", 0),
        ("bbox_y1", "bbox-2", 0),
        ("bbox_x1", "bbox-3", 0),
        ("equivalent_diameter_px", "equivalent_diameter_area", 0),
        ("mean_intensity", "intensity_mean", 0),
        ("min_intensity", "intensity_min", 0),
        ("max_intensity", "intensity_max", 0),
    ]:
        np.testing.assert_allclose(table[ours], other[theirs] + shift, rtol=1e-9, err_msg=ours)
    # scikit-image takes pixels as points there, not as squares.
    np.testing.assert_allclose(table["eccentricity"], other["eccentricity"], atol=2e-3)
    axes = regionprops_table(made.labels, properties=("axis_major_length", "axis_minor_length"))
    for ours, theirs in [("major_axis_px", "axis_major_length"), ("minor_axis_px", "axis_minor_length")]:
        np.testing.assert_allclose(table[ours] ** 2, axes[theirs] ** 2 + 16 / 12, rtol=1e-9, err_msg=ours)


def test_a_disc_has_the_perimeter_and_shape_of_a_disc() -> None:
    table = measure(discs((200, 200), [(60, 60), (140, 130)], 30))
    np.testing.assert_allclose(table["perimeter_px"], 2 * np.pi * 30.3, rtol=0.02)
    np.testing.assert_allclose(table["circularity"], 1, atol=0.03)
    np.testing.assert_allclose(table["eccentricity"], 0, atol=0.05)
    assert (table["solidity"] > 0.94).all()


@pytest.mark.parametrize("angle", [0, 20, 45, 77])
def test_a_tilted_rectangle_has_its_sides(angle: float) -> None:
    table = measure(rectangle((300, 300), (150, 150), 150, 50, angle))
    assert table["length_px"][0] == pytest.approx(150, abs=1.5)
    assert table["width_px"][0] == pytest.approx(50, abs=1.5)
    assert table["aspect_ratio"][0] == pytest.approx(3, abs=0.1)
    assert table["perimeter_px"][0] == pytest.approx(400, rel=0.06)
    assert table["eccentricity"][0] == pytest.approx(np.sqrt(1 - 1 / 9), abs=0.01)


def test_columns_in_micrometres_follow_the_pixel_size() -> None:
    labels = np.zeros((20, 20), np.uint16)
    labels[2:6, 3:13] = 9
    table = measure(labels, pixel_size=PixelSize(0.5, 0.5))
    assert (table["area_px"][0], table["area_um2"][0]) == (40, 10)
    assert (table["length_um"][0], table["width_um"][0]) == (5, 2)
    assert table.units["area_px"] == "px²"
    assert table.units["area_um2"] == "µm²"
    assert table.units["length_um"] == "µm"
    assert table.units["angle"] == "°"
    assert table.units["solidity"] == ""
    assert set(table.units) == set(table)
    assert len({len(column) for column in table.values()}) == 1
    assert "area_um2" not in measure(labels)


def test_negative_labels_are_ignored() -> None:
    labels = np.full((6, 6), -1, np.int32)
    labels[2:4, 2:5] = 3
    labels[5, 5] = 8
    table = measure(labels, np.arange(36.0).reshape(6, 6))
    assert table.ids.tolist() == [3, 8]
    assert table["area_px"].tolist() == [6, 1]
    assert table["max_intensity"].tolist() == [22, 35]
    assert table["solidity"].tolist() == [1, 1]


def test_intensity_per_channel_and_values_that_are_no_numbers() -> None:
    labels = np.array([[1, 1, 0], [2, 2, 0]], np.int32)
    image = np.zeros((2, 3, 2), np.float32)
    image[0, :2, 0] = [4, np.nan]
    image[1, :2, 1] = [3, 5]
    image[1, :2, 0] = np.nan
    table = measure(labels, image, channel_names=("DAPI",))
    assert table["mean_intensity_DAPI"][0] == 4
    assert np.isnan(table["mean_intensity_DAPI"][1])
    assert np.isnan(table["max_intensity_DAPI"][1])
    assert table["mean_intensity_2"].tolist() == [0, 4]
    assert table["max_intensity_2"].tolist() == [0, 5]


def test_nothing_drawn_gives_empty_columns() -> None:
    for labels in (np.zeros((5, 5), np.int32), np.zeros((0, 4), np.int32)):
        table = measure(labels, np.zeros(labels.shape), PixelSize(1, 1))
        assert {len(column) for column in table.values()} == {0}
        assert "mean_intensity" in table


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match="labels of"):
        measure(np.ones((4, 4), int), np.zeros((4, 5)))


def test_ten_thousand_objects() -> None:
    labels = grid_of_squares((1024, 1024), size=8, gap=2)
    table = measure(labels, labels.astype(np.float32))
    assert len(table.ids) == labels.max() > 10_000
    assert (table["area_px"] == 64).all()
    np.testing.assert_array_equal(table["mean_intensity"], table.ids)


def test_full_image_and_rgb() -> None:
    table = measure(np.ones((4, 6), bool), np.full((4, 6, 3), 200, np.uint8))
    assert table["area_px"].tolist() == [24]
    assert table["bbox_x1"].tolist() == [6]
    assert table["mean_intensity_3"].tolist() == [200]


@settings(max_examples=100, deadline=None)
@given(arrays(np.uint8, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 3)))
def test_the_feret_diameter_is_the_greatest_distance_of_two_pixel_corners(labels: np.ndarray) -> None:
    table = measure(labels)
    for object_id, feret in zip(table.ids, table["feret_max_px"], strict=True):
        pixels = np.argwhere(labels == object_id)
        corners = np.concatenate([pixels + step for step in ((0, 0), (0, 1), (1, 0), (1, 1))])
        apart = np.linalg.norm(corners[:, None] - corners[None], axis=2)
        assert feret == pytest.approx(apart.max(), rel=1e-12)


def test_the_feret_diameter_of_cells_is_found_in_many_directions() -> None:
    made = cells((300, 340), 60, seed=2, dtype="uint16")
    table = measure(made.labels, pixel_size=PixelSize(0.5, 0.5))
    for object_id, feret in zip(table.ids, table["feret_max_px"], strict=True):
        pixels = np.argwhere(made.labels == object_id)
        corners = np.unique(np.concatenate([pixels + step for step in ((0, 0), (0, 1), (1, 0), (1, 1))]), axis=0)
        apart = ((corners[:, None] - corners[None]) ** 2).sum(axis=2)
        assert feret == pytest.approx(np.sqrt(apart.max()), rel=1e-12)
    assert (table["feret_max_px"] >= table["length_px"] * 0.99).all()
    np.testing.assert_allclose(table["feret_max_um"], table["feret_max_px"] / 2)

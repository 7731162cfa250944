"""Rays and the polygons that they make."""

import warnings

import numpy as np
import pytest
import torch
from factories import cells, discs
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from segstudio.engine.decoding import polygon_nms
from segstudio.engine.decoding.polygon_nms import paint_polygons, star_polygons
from segstudio.engine.formulations import formulations
from segstudio.engine.formulations.ray_targets import ray_lengths, turn_rays
from segstudio.engine.orientation import turn

LABELS = hnp.arrays(np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=11), elements=st.integers(-1, 3))


def test_rays_that_are_too_short_are_learned_alike_in_large_and_small_objects() -> None:
    stardist = formulations.get("stardist")()
    labels = discs((160, 160), [(24, 24)], 12) + 2 * discs((160, 160), [(100, 100)], 48)
    targets = {name: torch.from_numpy(plane)[None] for name, plane in stardist.encode(labels).items()}
    maps = torch.zeros(1, stardist.out_channels, 160, 160, requires_grad=True)
    stardist.loss(maps, targets)["rays"].backward()
    assert maps.grad is not None
    small, large = (maps.grad[0, 2:, place, place].mean() for place in (24, 100))
    assert small < 0  # a step against the gradient makes them longer
    assert large / small == pytest.approx(1, abs=0.1)


def test_rays_of_a_disc_are_its_radius_at_the_centre_and_shorter_on_the_near_side() -> None:
    labels = discs((61, 61), [(30, 30)], 20)
    rays = ray_lengths(labels, 32)
    assert np.abs(rays[:, 30, 30] - 20.5).max() < 1.2
    # 10 pixels right of the centre: ray 0 runs right, ray 16 left, ray 8 down.
    assert rays[0, 30, 40] == pytest.approx(10.5, abs=0.1)
    assert rays[16, 30, 40] == pytest.approx(30.5, abs=0.1)
    assert rays[8, 30, 40] == pytest.approx(np.sqrt(400 - 100), abs=1)
    assert not rays[:, labels == 0].any()


def test_rays_agree_with_the_definition_walked_pixel_by_pixel() -> None:
    labels = cells((50, 60), 10, 1).labels
    rays = ray_lengths(labels, 16)
    rows, columns = np.nonzero(labels)
    differences = []
    for y, x in zip(rows[::23], columns[::23], strict=True):
        for ray in range(16):
            step = np.array([np.sin(2 * np.pi * ray / 16), np.cos(2 * np.pi * ray / 16)])
            length = 0.0
            while True:
                row, column = np.rint(np.array([y, x]) + length * step).astype(int)
                if not (0 <= row < 50 and 0 <= column < 60) or labels[row, column] != labels[y, x]:
                    break
                length += 0.05
            differences.append(abs(rays[ray, y, x]) - length)
    # Lines of pixels are shared: a ray that grazes an outline may leave the object a pixel or two off.
    assert np.mean(np.abs(differences)) < 0.5
    assert abs(np.mean(differences)) < 0.1


def test_rays_that_run_out_of_what_is_known_are_marked_by_their_sign() -> None:
    labels = np.ones((9, 20), np.int32)
    labels[:, :4], labels[:, 14:] = 0, -1
    rays = ray_lengths(labels, 4)
    assert rays[:, 4, 8].tolist() == [
        -5.5,
        -4.5,
        4.5,
        -4.5,
    ]  # right: unknown; down and up: the image ends; left: outside


@settings(max_examples=40)
@given(LABELS, st.integers(0, 3), st.booleans())
def test_rays_turn_with_any_labels(labels: NDArray[np.int32], quarter_turns: int, mirror: bool) -> None:
    turned = np.ascontiguousarray(turn(labels[None], quarter_turns, mirror)[0])
    expected = turn_rays(ray_lengths(labels, 8), quarter_turns, mirror)
    assert np.allclose(ray_lengths(turned, 8), expected, atol=1e-4)


def test_polygons_are_painted_as_large_as_they_are_and_the_first_stays() -> None:
    lengths = np.full((2, 32), 10, np.float32)
    painted = paint_polygons(np.array([[20, 20], [20, 32]]), lengths, (41, 55))
    assert painted[20, 20] == 1
    assert painted[20, 27] == 1  # in both
    assert painted[20, 32] == 2
    assert (painted == 1).sum() == pytest.approx(np.pi * 100, rel=0.05)


def test_polygons_beyond_the_image_are_cut_off() -> None:
    painted = paint_polygons(np.array([[0, 0], [5, 6]]), np.full((2, 8), 50, np.float32), (6, 7))
    assert (painted == 1).all()


def test_many_polygons_are_painted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    centres = np.stack(np.meshgrid(np.arange(5, 60, 9), np.arange(5, 60, 9)), -1).reshape(-1, 2)
    lengths = np.full((len(centres), 16), 6, np.float32)
    whole = paint_polygons(centres, lengths, (64, 64))
    monkeypatch.setattr(polygon_nms, "_CHUNK", 300)
    assert np.array_equal(paint_polygons(centres, lengths, (64, 64)), whole)
    assert whole.max() == len(centres)


def test_of_polygons_that_overlap_the_surer_stays() -> None:
    probability = np.zeros((40, 60), np.float32)
    probability[20, 20], probability[20, 26], probability[20, 45] = 0.7, 0.9, 0.6
    rays = np.full((32, 40, 60), 8, np.float32)
    centres, lengths = star_polygons(probability, rays, 0.5, 0.3)
    assert centres.tolist() == [[20, 26], [20, 45]]
    assert lengths.shape == (2, 32)
    assert len(star_polygons(probability, rays, 0.5, 0.9)[0]) == 3
    assert len(star_polygons(probability, rays, 0.95, 0.3)[0]) == 0


def test_the_library_leaves_pythons_warnings_as_they_were() -> None:
    before = warnings.formatwarning
    star_polygons(np.ones((4, 4), np.float32), np.ones((8, 4, 4), np.float32), 0.5, 0.5)
    assert warnings.formatwarning is before

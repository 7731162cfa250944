"""Pixels that point to the place of their object: spatial embeddings, and panoptic maps with areas."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from factories import cells, discs, grid_of_squares
from torch import nn

from segstudio.core.matching import match
from segstudio.engine.architectures import architectures
from segstudio.engine.decoding.clustering import cluster
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.losses.spatial_embedding import members, overlap_loss, pull_push_loss


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks on several threads mostly wait for each other when other programs run."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def build(name: str, class_ids: tuple[int, ...] = (1,), **settings: Any) -> Formulation:
    kind = formulations.get(name)
    return kind(kind.Config(**settings), class_ids)


@pytest.mark.parametrize(
    ("name", "settings"), [("embedding", {}), ("embedding", {"loss": "discriminative"}), ("panoptic", {})]
)
def test_a_small_network_learns_one_image_with_its_classes(name: str, settings: dict[str, Any]) -> None:
    torch.manual_seed(0)
    made = cells((64, 64), 7, 3, diameter=18)
    classes = {number: 4 + number % 2 for number in range(1, made.count + 1)}
    formulation = build(name, (4, 5), **settings)
    targets = {key: torch.from_numpy(value)[None] for key, value in formulation.encode(made.labels, classes).items()}
    image = torch.from_numpy(made.image.astype(np.float32) / 255)[None, None]
    unet = architectures.get("unet")
    network = unet(unet.Config(width=8, depth=3)).build(1, formulation.out_channels).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(60):
        loss = torch.stack(list(formulation.training_loss(network, image, targets).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5)
        optimiser.step()
    with torch.no_grad():
        maps = formulation.activate(network(image))[0].numpy()
    found = formulation.decode(maps, formulation.DecodeConfig(threshold=0.6))
    result = match(made.labels, found.labels)
    assert len(result.pairs) >= made.count - 1
    assert len(result.extra) <= 1
    assert all(found.classes[other] == classes[true] for true, other in result.pairs)


def test_pixels_that_point_far_away_learn_the_way_and_that_they_belong_to_an_object() -> None:
    labels = discs((48, 48), [(12, 12), (34, 34)], 8)
    formulation = build("embedding")
    targets = {key: torch.from_numpy(value)[None] for key, value in formulation.encode(labels).items()}
    maps = torch.zeros(1, formulation.out_channels, 48, 48)
    maps[:, :2] = 12  # far beyond the image
    maps.requires_grad_()
    torch.stack(list(formulation.loss(maps, targets).values())).sum().backward()
    assert maps.grad is not None
    inside = torch.from_numpy(labels > 0)
    assert (maps.grad[0, :2, inside] > 0).all()  # a step against the gradient turns them back
    assert (maps.grad[0, 3, inside] < 0).all()
    assert (maps.grad[0, 3, ~inside] > 0).all()


def test_places_that_scatter_are_one_object_with_more_smoothing() -> None:
    labels = discs((48, 48), [(24, 24)], 14)
    formulation = build("embedding")
    maps = formulation.perfect_maps(formulation.encode(labels))
    maps[2] = 1.5
    maps[0, 24:] += 3  # half of the object points three pixels further
    few, many = (
        formulation.decode(maps, formulation.DecodeConfig(smoothing=smoothing)).labels.max() for smoothing in (2, 0.5)
    )
    assert (few, many) == (1, 2)


def test_pixels_that_point_nowhere_in_particular_belong_to_nothing() -> None:
    labels = discs((48, 48), [(12, 12), (34, 34)], 8)
    formulation = build("embedding")
    maps = formulation.perfect_maps(formulation.encode(labels))
    maps[:2, 12, 18] = (20, 10)  # a pixel of the first disc that points between both
    found = cluster(maps[:2], maps[2], maps[3], maps[3] > 0.5)
    assert found.max() == 2
    assert found[12, 18] == 0
    assert found[12, 6] > 0


def test_the_overlap_loss_is_least_where_each_pixel_points_to_its_object() -> None:
    labels = discs((32, 32), [(8, 8), (22, 22)], 6)
    instances = torch.from_numpy(labels.astype(np.float32))[None, None]
    valid = torch.ones_like(instances)
    found = members(instances, valid)
    centres = torch.tensor([[8.0, 8.0], [22.0, 22.0]])
    grid = torch.stack(torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij"))[None]
    there = torch.where(instances == 1, 8.0, torch.where(instances == 2, 22.0, 1000.0)).expand(-1, 2, -1, -1)
    width = torch.full((2,), 3.0)
    right = overlap_loss(there, centres, width, found, valid)
    assert float(right) == pytest.approx(0, abs=1e-5)
    assert float(overlap_loss(grid, centres, width, found, valid)) > 0.2
    assert float(overlap_loss(there.flip(2), centres, width, found, valid)) > 1


def test_a_huge_object_takes_nothing_from_what_is_learned_for_small_ones() -> None:
    labels = grid_of_squares((320, 320), size=6, gap=4)
    small = np.unique(labels[260:])[1:]
    labels[:260] = 0
    labels[:250, :310] = 1
    instances = torch.from_numpy(labels.astype(np.float32))[None, None]
    valid = torch.ones_like(instances)
    found = members(instances, valid)
    assert found.count == 1 + len(small) > 100
    embedding = torch.zeros(1, 2, 320, 320, requires_grad=True)
    centres = found.mean(torch.stack(torch.unravel_index(found.pixel, (320, 320)), 1).float())
    width = torch.full((found.count,), 90.0, requires_grad=True)
    overlap_loss(embedding, centres, width, found, valid).backward()
    assert embedding.grad is not None
    assert width.grad is not None
    assert width.grad.all()
    # The huge one is learned from a grid of its pixels, not from all.
    assert 1000 < embedding.grad[0].any(dim=0)[instances[0, 0] == 1].sum() < 40_000


def test_objects_of_two_images_do_not_push_each_other() -> None:
    instances = torch.zeros(2, 1, 8, 8)
    instances[:, :, 2:4, 2:4] = 1
    embedding = torch.zeros(2, 2, 8, 8)
    alone = pull_push_loss(embedding, members(instances, torch.ones_like(instances)), 0.1, 1.0)
    assert float(alone) == pytest.approx(0, abs=1e-6)
    instances[0, 0, 2:4, 3] = 2
    assert float(pull_push_loss(embedding, members(instances, torch.ones_like(instances)), 0.1, 1.0)) > 0.5


def test_classes_of_areas_are_not_split_and_objects_keep_theirs() -> None:
    formulation = build("panoptic", (1, 2), stuff_classes="2")
    labels = np.where(np.arange(64) < 30, 9, 0) * np.ones((64, 1), np.int32)
    labels[40:, :30] = 8  # another piece of the same area, touching the first
    labels = np.where((cell := discs((64, 64), [(32, 44), (32, 58)], 7)) > 0, cell, labels).astype(np.int32)
    targets = formulation.encode(labels, {9: 2, 8: 2, 1: 1, 2: 1})
    assert not targets["heat"][0, :, :30].any()
    found = formulation.decode(formulation.perfect_maps(targets), formulation.DecodeConfig())
    assert sorted(found.classes.values()) == [1, 1, 2]
    (area,) = (number for number, kind in found.classes.items() if kind == 2)
    assert np.array_equal(found.labels == area, labels >= 8)


@pytest.mark.parametrize("text", ["tissue", "1-2", "-3"])
def test_what_are_no_numbers_of_classes_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="numbers of classes"):
        build("panoptic", stuff_classes=text)


def test_an_object_without_a_peak_of_its_own_is_not_given_to_another() -> None:
    formulation = build("panoptic")
    labels = discs((48, 48), [(12, 12), (34, 34)], 8)
    maps = formulation.perfect_maps(formulation.encode(labels))
    maps[2, 24:] = 0
    found = formulation.decode(maps, formulation.DecodeConfig())
    assert len(match(labels, found.labels, 0.9).pairs) == 2


@pytest.mark.parametrize(("name", "term"), [("embedding", "class"), ("panoptic", "cross_entropy")])
@pytest.mark.parametrize("balance", ["inverse", "effective"])
def test_the_classes_of_pixels_that_point_are_balanced_as_asked(name: str, term: str, balance: str) -> None:
    made = cells((64, 64), 7, 3, diameter=18)
    plain, balanced = build(name, (1, 2)), build(name, (1, 2), class_weights=balance)
    targets = {key: torch.from_numpy(value)[None] for key, value in plain.encode(made.labels, {1: 2}).items()}
    for formulation in (plain, balanced):
        formulation.use_class_pixels((3000, 900, 90))
    maps = torch.zeros(1, plain.out_channels, 64, 64)
    maps[:, -2] = 3.0 * (targets["class"][:, 0] > 0)  # takes every object for the common class
    maps[:, -3] = 3.0 * (targets["class"][:, 0] == 0)
    losses = [float(formulation.loss(maps, targets)[term]) for formulation in (plain, balanced)]
    assert losses[1] > 1.5 * losses[0]

"""What the targets of every formulation must keep, ours or a plug-in's: unknown areas, cut objects, orientations.

A formulation that learns inside its own network (`own_network`) is excused from what asks for a loss of maps, one
that cannot tell touching objects apart (`separates`) from what asks for that. No test here names a formulation.
"""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from factories import cells
from formulation_variants import VARIANTS
from numpy.typing import NDArray
from torch import Tensor

from segstudio.core.metrics import evaluate, pooled
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.orientation import turn

Labels = NDArray[np.int32]


each_variant = pytest.mark.parametrize(("name", "settings"), VARIANTS.values(), ids=VARIANTS)


def build(name: str, settings: dict[str, object], class_ids: tuple[int, ...] = (1,)) -> Formulation:
    kind = formulations.get(name)
    return kind(kind.Config.model_validate(settings), class_ids)


def needs_separation(formulation: Formulation) -> None:
    if not formulation.separates:
        pytest.skip("it cannot tell touching objects apart")


def needs_loss_of_maps(formulation: Formulation) -> None:
    if formulation.own_network:
        pytest.skip("it learns inside its own network")


def decoded(formulation: Formulation, labels: Labels, **changes: object) -> Labels:
    """Return what the default decoder finds in the maps of a network that has learned `labels`."""
    settings = formulation.decode_candidates()[0].model_copy(update=changes)
    return formulation.decode(formulation.perfect_maps(formulation.encode(labels)), settings).labels


def f1(truth: Labels, found: Labels, threshold: float = 0.5) -> float:
    return evaluate(truth, found, (threshold,)).at(threshold).f1


def as_batch(targets: dict[str, NDArray[np.float32]]) -> dict[str, Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(target))[None] for name, target in targets.items()}


def total(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def values(terms: dict[str, Tensor]) -> dict[str, float]:
    return {name: float(term.detach()) for name, term in terms.items()}


def same(one: NDArray[np.float32], other: NDArray[np.float32], ids: bool) -> bool:
    """Whether targets are equal; `ids` may have other numbers."""
    if not ids:
        return bool(np.allclose(one, other, atol=1e-3))
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


@each_variant
def test_who_knows_the_truth_learns_nothing_from_labels_that_hide_a_part_of_it(
    name: str, settings: dict[str, object]
) -> None:
    """Unknown pixels are neither background nor object: every object here is cut by unknown stripes."""
    formulation = build(name, settings, (1, 2))
    needs_loss_of_maps(formulation)
    labels = cells((60, 60), 6, 4).labels
    hidden = np.where(np.arange(60) // 12 % 2 == 1, -1, labels).astype(np.int32)
    classes = {1: 2, 3: 2}
    whole, part = (as_batch(formulation.encode(known, classes)) for known in (labels, hidden))
    maps = torch.zeros(1, formulation.out_channels, 60, 60, requires_grad=True)
    before = values(formulation.loss(maps, part))
    optimiser = torch.optim.Adam([maps], lr=0.2)
    for _ in range(100):
        optimiser.zero_grad()
        total(formulation.loss(maps, whole)).backward()
        optimiser.step()
    learned = values(formulation.loss(maps, whole))
    for term, value in values(formulation.loss(maps, part)).items():
        assert value <= max(0.1 * before[term], 2 * learned[term]) + 1e-3, term


@each_variant
def test_targets_of_turned_labels_are_the_turned_targets(name: str, settings: dict[str, object]) -> None:
    formulation = build(name, settings)
    labels = cells((48, 61), 10, 1).labels
    labels[:, 55:] = -1
    targets = formulation.encode(labels)
    for orientation in range(8):
        quarter_turns, mirror = orientation % 4, orientation >= 4
        expected = formulation.encode(np.ascontiguousarray(turn(labels[None], quarter_turns, mirror)[0]))
        turned = formulation.turn_targets(targets, quarter_turns, mirror)
        assert turned.keys() == expected.keys()
        for target, planes in turned.items():
            assert same(planes, expected[target], target in formulation.exact_targets), (target, orientation)


@each_variant
def test_maps_of_a_mirrored_image_become_those_of_the_image(name: str, settings: dict[str, object]) -> None:
    formulation = build(name, settings, (1, 2))
    # What lies beyond the image differs: no object is near the edge.
    labels = np.pad(cells((44, 57), 10, 1).labels, 20)
    expected = formulation.perfect_maps(formulation.encode(labels, {1: 2}))
    for axes in ((2,), (3,), (2, 3)):
        flipped = np.ascontiguousarray(np.flip(labels, tuple(axis - 2 for axis in axes)))
        maps = formulation.perfect_maps(formulation.encode(flipped, {1: 2}))
        plain = formulation.unflip_maps(torch.from_numpy(maps)[None], axes)[0].numpy()
        assert np.allclose(plain, expected, atol=1e-3), axes


@each_variant
def test_objects_cut_by_a_patch_are_recovered(name: str, settings: dict[str, object]) -> None:
    """Targets are made of whole images: a patch that cuts objects shows no outline at its border."""
    formulation = build(name, settings)
    needs_separation(formulation)
    labels = cells((160, 200), 40, 5).labels
    targets = {key: target[:, 30:130, 45:160] for key, target in formulation.encode(labels).items()}
    found = formulation.decode(formulation.perfect_maps(targets), formulation.decode_candidates()[0]).labels
    assert f1(formulation.best_answer(labels)[30:130, 45:160], found) >= 0.75


@each_variant
def test_real_labels_survive_encoding_and_decoding(name: str, settings: dict[str, object], data_folder: Path) -> None:
    formulation = build(name, settings)
    needs_separation(formulation)
    scores = []
    for kind, step in (("nuclei", 7), ("membrane", 6), ("histology", 3)):
        for path in sorted((data_folder / kind / "val" / "masks").glob("*.tif"))[::step]:
            labels = tifffile.imread(path).astype(np.int32)
            scores.append(evaluate(formulation.best_answer(labels), decoded(formulation, labels), (0.5, 0.8)))
    together = pooled(scores)
    assert together.at(0.5).f1 >= 0.99
    assert together.at(0.8).f1 >= 0.95


@each_variant
def test_no_object_or_one_object_is_found_as_such(name: str, settings: dict[str, object]) -> None:
    formulation = build(name, settings)
    assert not decoded(formulation, np.zeros((40, 50), np.int32)).any()
    labels = np.zeros((40, 50), np.int32)
    labels[8:30, 10:33] = 5
    assert f1(labels, decoded(formulation, labels), 0.8) == 1
    assert decoded(formulation, np.ones((40, 50), np.int32)).all()


@each_variant
def test_the_smallest_objects_are_found(name: str, settings: dict[str, object]) -> None:
    formulation = build(name, settings)
    labels = np.zeros((36, 44), np.int32)
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        labels[2 + dy :: 9, 3 + dx :: 9] = np.arange(1, 21).reshape(4, 5)
    assert f1(formulation.best_answer(labels), decoded(formulation, labels, min_size=0)) == 1
    # Single pixels may be taken for noise, but never for anything else.
    single = np.zeros_like(labels)
    single[2::9, 3::9] = np.arange(1, 21).reshape(4, 5)
    assert not decoded(formulation, single, min_size=0)[single == 0].any()


@each_variant
def test_an_object_a_pixel_breaks_nothing(name: str, settings: dict[str, object]) -> None:
    formulation = build(name, settings)
    labels = np.arange(1, 16 * 21 + 1, dtype=np.int32).reshape(16, 21)
    found = decoded(formulation, labels, min_size=0)
    assert found.shape == labels.shape
    assert found.any()


@each_variant
def test_objects_that_touch_everywhere_stay_apart(name: str, settings: dict[str, object]) -> None:
    formulation = build(name, settings)
    needs_separation(formulation)
    labels = np.kron(np.arange(1, 21, dtype=np.int32).reshape(4, 5), np.ones((12, 12), np.int32))
    assert f1(formulation.best_answer(labels), decoded(formulation, labels), 0.8) >= 0.95

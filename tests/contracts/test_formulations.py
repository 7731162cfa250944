"""What every formulation must do, ours or a plug-in's: no test here names one."""

import numpy as np
import pytest
import torch
from factories import cells
from formulation_variants import VARIANTS
from numpy.typing import NDArray
from pydantic import ValidationError

from segstudio.config.form_spec import form_spec
from segstudio.core.tiles import Window
from segstudio.engine.architectures import architectures
from segstudio.engine.formulations import Formulation, formulations
from segstudio.engine.prediction import block_decoding
from segstudio.engine.prediction.block_decoding import Found, decode_steps
from segstudio.engine.prediction.map_store import MemoryStore
from segstudio.jobs.spec import TrainJob

pytestmark = pytest.mark.parametrize("name", VARIANTS)


def kind_of(name: str) -> type[Formulation]:
    return formulations.get(VARIANTS[name][0])


def build(name: str, class_ids: tuple[int, ...] = (1,)) -> Formulation:
    kind = kind_of(name)
    return kind(kind.Config.model_validate(VARIANTS[name][1]), class_ids)


def needs_loss_of_maps(name: str) -> None:
    """Skip a formulation that learns inside its own network; tests of its own say how."""
    if kind_of(name).own_network:
        pytest.skip("it learns inside its own network")


def world(name: str, seed: int = 0) -> NDArray[np.int32]:
    labels = cells((160, 200), 40, seed).labels
    if kind_of(name).separates:
        return labels
    # Cells whose neighbours were taken away.
    padded = np.pad(labels, 1)
    touching = set()
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            near = padded[1 + dy : padded.shape[0] - 1 + dy, 1 + dx : padded.shape[1] - 1 + dx]
            differ = (labels > near) & (near > 0)
            touching |= set(labels[differ].tolist())
    return np.where(np.isin(labels, list(touching)), 0, labels).astype(np.int32)


def scores(truth: NDArray[np.int32], found: NDArray[np.int32], threshold: float = 0.5) -> tuple[int, int, int]:
    """Return true positives, false positives, false negatives by intersection over union."""
    rows, columns = int(truth.max()) + 1, int(found.max()) + 1
    both = np.bincount(truth.astype(np.int64).ravel() * columns + found.ravel(), minlength=rows * columns)
    both = both.reshape(rows, columns)
    union = both.sum(1)[1:, None] + both.sum(0)[None, 1:] - both[1:, 1:]
    overlap = both[1:, 1:] / np.maximum(union, 1)
    hits = int((overlap > threshold).sum())
    present = len(np.unique(truth[truth > 0]))
    return hits, int(found.max()) - hits, present - hits


def f1(truth: NDArray[np.int32], found: NDArray[np.int32]) -> float:
    tp, fp, fn = scores(truth, found)
    return 2 * tp / (2 * tp + fp + fn)


def as_batch(targets: dict[str, NDArray[np.float32]], side: int = 64) -> dict[str, torch.Tensor]:
    return {key: torch.from_numpy(value)[None, :, :side, :side] for key, value in targets.items()}


@pytest.mark.parametrize("seed", range(3))
def test_decoding_perfect_maps_recovers_the_cells(name: str, seed: int) -> None:
    formulation, labels = build(name), world(name, seed)
    maps = formulation.perfect_maps(formulation.encode(labels))
    assert maps.shape == (formulation.out_channels, *labels.shape)
    assert maps.dtype == np.float32
    for candidate in formulation.decode_candidates():
        decoded = formulation.decode(maps, candidate)
        assert decoded.labels.dtype == np.int32
        assert f1(formulation.best_answer(labels), decoded.labels) >= 0.9, candidate


def test_objects_cut_by_the_edge_are_recovered(name: str) -> None:
    formulation, labels = build(name), world(name, 5)[8:-12, 9:-11]
    found = formulation.decode(
        formulation.perfect_maps(formulation.encode(labels)), formulation.DecodeConfig(min_size=0)
    )
    assert f1(formulation.best_answer(labels), found.labels) >= 0.85


def test_ids_are_numbered_without_gaps_and_have_class_and_score(name: str) -> None:
    formulation, labels = build(name, (4, 7)), world(name)
    object_classes = {int(i): (7 if i % 3 == 0 else 4) for i in np.unique(labels) if i}
    maps = formulation.perfect_maps(formulation.encode(labels, object_classes))
    found = formulation.decode(maps, formulation.decode_candidates()[0])
    ids = list(range(1, int(found.labels.max()) + 1))
    assert np.array_equal(np.unique(found.labels), [0, *ids])
    assert sorted(found.classes) == ids
    assert sorted(found.scores) == ids
    assert all(0 <= score <= 1 for score in found.scores.values())
    for number in ids:
        truth = np.bincount(labels[found.labels == number]).argmax()
        if truth:
            assert found.classes[number] == object_classes[int(truth)]


@pytest.mark.parametrize("classes", [(1,), (1, 2)])
def test_maps_of_zeros_hold_no_objects(name: str, classes: tuple[int, ...]) -> None:
    formulation = build(name, classes)
    empty = np.zeros((formulation.out_channels, 40, 56), np.float32)
    for candidate in formulation.decode_candidates():
        found = formulation.decode(empty, candidate)
        assert not found.labels.any()
        assert found.classes == {}
        assert found.scores == {}


def test_an_untrained_network_breaks_no_decoder(name: str) -> None:
    formulation = build(name, (1, 2))
    noise = torch.randn(1, formulation.out_channels, 33, 17, generator=torch.Generator().manual_seed(1)) * 3
    maps = formulation.activate(noise)[0].numpy()
    for candidate in formulation.decode_candidates():
        labels = formulation.decode(maps, candidate).labels
        assert labels.shape == (33, 17)


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (3, 3)])
@pytest.mark.parametrize("value", [-1, 0, 1])
def test_degenerate_images_encode_and_decode(name: str, shape: tuple[int, int], value: int) -> None:
    formulation = build(name)
    targets = formulation.encode(np.full(shape, value, np.int32))
    assert all(np.isfinite(target).all() for target in targets.values())
    found = formulation.decode(formulation.perfect_maps(targets), formulation.DecodeConfig(min_size=0))
    assert found.labels.shape == shape
    assert bool(found.labels.any()) == (value == 1)


def test_targets_are_float_arrays_of_the_images_size_with_validity(name: str) -> None:
    formulation, labels = build(name, (1, 2)), world(name)
    labels = np.where(np.arange(labels.shape[1]) > 150, -1, labels).astype(np.int32)
    targets = formulation.encode(labels)
    assert all(target.dtype == np.float32 and target.shape[1:] == labels.shape for target in targets.values())
    assert np.array_equal(targets["valid"][0] > 0, labels >= 0)
    assert set(formulation.vector_targets) <= set(targets)


def test_unknown_pixels_carry_no_gradient(name: str) -> None:
    needs_loss_of_maps(name)
    formulation = build(name, (1, 2))
    labels = world(name)[:64, :64].copy()
    labels[:, 40:] = -1
    maps = torch.randn(1, formulation.out_channels, 64, 64, requires_grad=True)
    loss = torch.stack(list(formulation.loss(maps, as_batch(formulation.encode(labels, {2: 2}))).values())).sum()
    loss.backward()
    assert maps.grad is not None
    assert not maps.grad[..., 40:].any()
    assert maps.grad[..., :40].any()


def test_an_image_without_any_label_has_a_loss_of_zero(name: str) -> None:
    needs_loss_of_maps(name)
    formulation = build(name, (1, 2))
    targets = as_batch(formulation.encode(np.full((64, 64), -1, np.int32)))
    maps = torch.randn(1, formulation.out_channels, 64, 64, requires_grad=True)
    total = torch.stack(list(formulation.loss(maps, targets).values())).sum()
    total.backward()
    assert float(total.detach()) == pytest.approx(0, abs=1e-6)
    assert maps.grad is not None
    assert not maps.grad.any()


def test_targets_padded_with_zero_carry_no_loss(name: str) -> None:
    needs_loss_of_maps(name)
    formulation = build(name)
    targets = as_batch(formulation.encode(world(name)))
    maps = torch.randn(1, formulation.out_channels, 64, 64)
    padded = {key: torch.nn.functional.pad(value, (0, 16, 0, 16)) for key, value in targets.items()}
    wider = torch.nn.functional.pad(maps, (0, 16, 0, 16), value=3.0)
    for term, value in formulation.loss(maps, targets).items():
        assert float(formulation.loss(wider, padded)[term]) == pytest.approx(float(value), rel=1e-5), term


def test_loss_falls_in_twenty_steps(name: str) -> None:
    needs_loss_of_maps(name)
    torch.manual_seed(0)
    formulation = build(name, (1, 2))
    made = cells((64, 64), 8, 3)
    targets = as_batch(formulation.encode(made.labels, {1: 2}))
    image = torch.from_numpy(made.image.astype(np.float32) / 255)[None, None]
    network = architectures.get(TrainJob.model_fields["architecture"].default.name)().build(1, formulation.out_channels)
    optimiser = torch.optim.AdamW(network.parameters(), lr=5e-3)
    losses = []
    for _ in range(21):
        loss = torch.stack(list(formulation.loss(network(image), targets).values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.7 * losses[0]


def test_losses_are_finite_in_half_precision(name: str) -> None:
    needs_loss_of_maps(name)
    formulation = build(name)
    targets = as_batch(formulation.encode(world(name)))
    maps = (torch.randn(1, formulation.out_channels, 64, 64) * 30).to(torch.bfloat16)
    for value in formulation.loss(maps, targets).values():
        assert value.dtype == torch.float32
        assert torch.isfinite(value)


def test_settings_round_trip_and_make_forms(name: str) -> None:
    kind = kind_of(name)
    for settings in (kind.Config, kind.DecodeConfig):
        value = settings()
        assert settings.model_validate_json(value.model_dump_json()) == value
        assert len(form_spec(settings.model_json_schema())) == len(settings.model_fields)
        with pytest.raises(ValidationError):
            settings.model_validate({"no_such_setting": 1})
    assert {"threshold", "min_size"} <= set(kind.DecodeConfig.model_fields)
    for candidate in build(name).decode_candidates():
        assert kind.DecodeConfig.model_validate(candidate.model_dump()) == candidate
    assert kind.title
    assert kind.description.endswith(".")


def test_smallest_object_is_obeyed(name: str) -> None:
    formulation, labels = build(name), world(name)
    maps = formulation.perfect_maps(formulation.encode(labels))
    areas = np.bincount(labels.ravel())[1:]
    limit = int(np.median(areas[areas > 0])) + 1
    found = formulation.decode(maps, formulation.DecodeConfig(min_size=limit)).labels
    assert found.max() > 0
    assert np.bincount(found.ravel())[1:].min() >= limit


def test_blocks_of_a_large_image_give_the_objects_and_classes_of_the_whole(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(block_decoding, "CORE", 70)
    monkeypatch.setattr(block_decoding, "MARGIN", 45)
    formulation, labels = build(name, (1, 2)), world(name)
    classes = {int(number): 1 + int(number) % 2 for number in np.unique(labels[labels > 0])}
    maps = formulation.perfect_maps(formulation.encode(labels, classes))
    scratch = MemoryStore(np.zeros((1, *labels.shape), np.int32))
    for candidate in formulation.decode_candidates():
        whole = formulation.decode(maps, candidate)
        steps, blocks = decode_steps(formulation, MemoryStore(maps), candidate, scratch), 0
        while True:
            try:
                blocks = next(steps)[1]
            except StopIteration as end:
                found: Found = end.value
                break
        assert blocks > 4
        assert found.classes == whole.classes
        assert found.scores == pytest.approx(whole.scores, abs=0.01)
        assert scores(whole.labels, found.read(Window.whole(labels.shape)), 0.95) == (len(whole.classes), 0, 0)


def test_a_weight_of_zero_that_leaves_a_map_untaught_is_declared(name: str) -> None:
    needs_loss_of_maps(name)
    kind = kind_of(name)
    usual = taught(kind(None, (1, 2)))
    declared = {item.weight for item in kind(None, (1, 2)).learned_maps}
    for weight in (field for field in kind.Config.model_fields if field.endswith("weight")):
        try:
            config = kind.Config.model_validate({weight: 0})
        except ValidationError:
            continue
        assert (taught(kind(config, (1, 2))) < usual) == (weight in declared), weight


def test_the_stride_of_an_own_network_is_known_before_it_is_built(name: str) -> None:
    formulation = build(name)
    if formulation.own_network:
        assert formulation.build_network(1).stride == formulation.own_stride


def taught(formulation: Formulation) -> set[int]:
    """Return the maps that some loss term teaches."""
    labels = cells((64, 64), 6, 0).labels
    targets = as_batch(formulation.encode(labels, dict.fromkeys(range(1, 4), 2)))
    maps = torch.randn(1, formulation.out_channels, 64, 64, generator=torch.manual_seed(0), requires_grad=True)
    torch.stack(list(formulation.loss(maps, targets).values())).sum().backward()
    assert maps.grad is not None
    return {channel for channel, slope in enumerate(maps.grad[0]) if slope.any()}

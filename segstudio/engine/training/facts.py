"""What a training knows about its data, its network and its plan: the figures that advice is made of."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from annotated_types import Le
from pydantic import ValidationError

from segstudio.config.base import Config as Settings
from segstudio.core.sizes import median_diameter
from segstudio.engine.architectures import architectures
from segstudio.engine.data.appearance import Appearance, looks_of, unlikeness
from segstudio.engine.data.dataset import LabelledPart
from segstudio.engine.formulations.base import OWN_NETWORK, Formulation
from segstudio.engine.model_card import read_card
from segstudio.engine.network import Network
from segstudio.engine.prediction.halo import reach_of
from segstudio.engine.training.patches import levels_setting
from segstudio.jobs.messages import Facts
from segstudio.jobs.spec import ClassSpec, TrainJob

if TYPE_CHECKING:
    from segstudio.engine.training.fit import Training

Fact = float | int | str | bool | None
#: So many images are named when they look unlike the others.
_NAMED = 3
#: More levels are offered of no network, whatever its settings allow.
_MOST_LEVELS = 10


def data_facts(
    classes: Sequence[ClassSpec], training: Sequence[LabelledPart], validation: Sequence[LabelledPart]
) -> dict[str, Fact]:
    """Return images, objects and their sizes, as `Facts` names them."""
    sizes = list(_areas(training).values())
    of_class = {split: _sizes(classes, parts) for split, parts in (("train", training), ("validation", validation))}
    facts: dict[str, Fact] = {
        "train_images": len({part.sample.image_id for part in training}),
        "train_objects": len(sizes),
        "train_labelled_px": _labelled(training),
        "validation_images": len({part.sample.image_id for part in validation}),
        "validation_objects": sum(map(len, of_class["validation"].values())),
        "validation_labelled_px": _labelled(validation),
        "object_diameter_px": median_diameter(sizes),
        "object_diameter_p90_px": float(2 * np.sqrt(np.percentile(sizes, 90) / np.pi)) if sizes else None,
        "small_object_px": min((float(np.percentile(s, 10)) for s in of_class["train"].values()), default=None),
    }
    for split, found in of_class.items():
        facts |= {f"{split}_objects:{item.name}": len(found.get(item.id, ())) for item in classes}
    return facts


def class_pixels(classes: Sequence[ClassSpec], parts: Sequence[LabelledPart]) -> tuple[int, ...]:
    """Return the labelled pixels of the background and of each class."""
    place = {item.id: number for number, item in enumerate(classes, start=1)}
    pixels = [0] * (1 + len(classes))
    for part in parts:
        pixels[0] += int((part.known == 0).sum())
        for number, area in zip(*np.unique(part.known[part.known > 0], return_counts=True), strict=True):
            pixels[place.get(part.sample.object_classes.get(int(number), classes[0].id), 1)] += int(area)
    return tuple(pixels)


def network_facts(network: Network) -> dict[str, Fact]:
    """Return size and sight of `network`, as `Facts` names them."""
    reach = reach_of(network)
    return {
        "parameters": sum(weight.numel() for weight in network.parameters()),
        "stride": network.stride,
        "channels": network.in_channels,
        "reach_px": reach,
        "sees_whole": reach is None,
    }


def facts(training: "Training") -> Facts:
    """Return the figures of `training` as it begins, or goes on."""
    job, prepared, config = training.job, training.prepared, training.prepared.config
    plan: dict[str, Fact] = {
        "formulation": job.formulation.name,
        "result": prepared.formulation.result,
        "separates": prepared.formulation.separates,
        "architecture": OWN_NETWORK if prepared.formulation.own_network else job.architecture.name,
        "device": training.stepper.device.type,
        "from_scratch": job.start_from is None,
        "patch_px": prepared.patch,
        "batch": training.batch_size,
        "learning_rate": config.training.learning_rate * training.rate_factor,
        "schedule": training.rate.schedule,
        "minutes": config.training.max_minutes,
        "epochs": config.training.epochs,
        "precision": str(training.stepper.precision).removeprefix("torch."),
        "own_validation": prepared.own_validation,
        "low_percentile": config.data.low_percentile,
        "high_percentile": config.data.high_percentile,
    }
    network = network_facts(prepared.network) | level_facts(job) | _size_facts(prepared.formulation)
    return Facts(values={**prepared.facts, **network, **plan, **_start_facts(training)})


def level_facts(job: TrainJob) -> dict[str, Fact]:
    """Return how many levels the network of `job` has, as `Facts` names them; nothing where they cannot be set."""
    name = levels_setting(job)
    if not name:
        return {}
    kind = architectures.get(job.architecture.name).Config
    settings = kind.model_validate(job.architecture.settings).model_dump()
    levels = most = int(settings[name])
    while most < _MOST_LEVELS and _valid(kind, {**settings, name: most + 1}):
        most += 1
    return {"levels_setting": name, "levels": levels, "most_levels": most}


def _size_facts(formulation: Formulation) -> dict[str, Fact]:
    """Return up to which size a formulation looks for objects, as `Facts` names it; nothing where any size is found."""
    name = formulation.largest_setting
    if not name:
        return {}
    limits = type(formulation.config).model_fields[name].metadata
    most = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    largest = getattr(formulation.config, name)
    return {"largest_setting": name, "largest_px": largest, "most_px": None if most is None else float(str(most))}


def _valid(config: type[Settings], settings: dict[str, Any]) -> bool:
    try:
        config.model_validate(settings)
    except ValidationError:
        return False
    return True


def _start_facts(training: "Training") -> dict[str, Fact]:
    """Return how good the model is that the training starts from, and how its images were scaled; none from scratch."""
    start = training.job.start_from
    if start is None or training.step > 0:
        return {}
    scaled = read_card(start).normalisation
    _, begun = training.prepared.validator.run(training.start_weights, training.judge.decode)
    figures = begun.figures()
    return {
        **{f"start_{name}": figures[f"val_{name}"] for name in ("f1", "ap") if f"val_{name}" in figures},
        "start_low_percentile": scaled.low_percentile,
        "start_high_percentile": scaled.high_percentile,
    }


def unlike_facts(known: Appearance | None, validation: Sequence[LabelledPart]) -> dict[str, Fact]:
    """Return which validation images look unlike the training images, and why the first of them does."""
    if known is None:
        return {}
    names = {part.sample.image_id: part.sample.image.name for part in validation}
    reasons = {image_id: unlikeness(seen, known)[1] for image_id, seen in looks_of(validation).items()}
    unlike = [image_id for image_id, reason in reasons.items() if reason]
    if not unlike:
        return {}
    shown = ", ".join(names[image_id] for image_id in unlike[:_NAMED])
    more = f" and {len(unlike) - _NAMED} more" if len(unlike) > _NAMED else ""
    return {"unlike_images": shown + more, "unlike_image_id": unlike[0], "unlike_reason": reasons[unlike[0]]}


def _areas(parts: Sequence[LabelledPart]) -> dict[tuple[str, int], int]:
    """Return the pixels of each object by image and id; of one that lies in several parts, where most of it is."""
    areas: dict[tuple[str, int], int] = {}
    for part in parts:
        for number, pixels in zip(*np.unique(part.known[part.known > 0], return_counts=True), strict=True):
            key = (part.sample.image_id, int(number))
            areas[key] = max(areas.get(key, 0), int(pixels))
    return areas


def _labelled(parts: Sequence[LabelledPart]) -> int:
    return sum(int((part.known >= 0).sum()) for part in parts)


def _sizes(classes: Sequence[ClassSpec], parts: Sequence[LabelledPart]) -> dict[int, list[int]]:
    """Return the pixels of the objects by the id of their class."""
    of_image = {part.sample.image_id: part.sample.object_classes for part in parts}
    sizes: dict[int, list[int]] = {}
    for (image, number), area in _areas(parts).items():
        sizes.setdefault(of_image[image].get(number, classes[0].id), []).append(area)
    return sizes

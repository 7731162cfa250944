"""Everything in the image at once: a class for each pixel, and objects where the class has any."""

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

import fastremap
import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import field_validator
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.core.errors import WrongUsage
from segstudio.engine.decoding.clustering import group_by_centre
from segstudio.engine.decoding.components import components, tidy
from segstudio.engine.decoding.evidence import Evidence
from segstudio.engine.formulations.base import Decoded, DecodeSettings, Formulation, Targets, formulations
from segstudio.engine.formulations.centre_targets import heat_of_centres, vector_to_centre
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.formulations.object_targets import class_numbers, valid_pixels, whole_objects
from segstudio.engine.losses.class_balance import class_weights
from segstudio.engine.losses.gap_weight import gap_weight
from segstudio.engine.losses.pixel_classes import GAP, PixelClassConfig, PixelClassLoss
from segstudio.engine.losses.regression import mean_squared, smooth_l1

#: Maps: vector (dy, dx) to the centre, heat of centres, background, then the classes.
_HEAT, _GROUND = 2, 3
_STEP = 8.0
_NUMBERS = re.compile(r"\s*(\d+([\s,;]+\d+)*)?\s*")


class PanopticConfig(PixelClassConfig):
    """Panoptic."""

    stuff_classes: str = param("", title="Classes of areas")
    """Numbers of the classes that fill areas and are not split into objects, as tissue or background structures: 2 or
    2, 5. All others are split into objects. The list of classes shows the number of the one that is pointed at."""
    class_weight: float = param(1.0, title="Weight of classes", ge=0, le=10, advanced=True)
    """How much the class of each pixel counts in the loss."""
    centre_weight: float = param(10.0, title="Weight of centres", ge=0, le=1000, advanced=True)
    """How much knowing where centres are counts in the loss."""
    offset_weight: float = param(1.0, title="Weight of vectors", ge=0, le=10, advanced=True)
    """How much pointing to the centre counts in the loss."""

    @field_validator("stuff_classes")
    @classmethod
    def _numbers(cls, text: str) -> str:
        if not _NUMBERS.fullmatch(text):
            raise ValueError("it must be numbers of classes, as 2 or 2, 5")
        return text

    @property
    def stuff(self) -> frozenset[int]:
        """The ids of the classes of areas."""
        return frozenset(int(number) for number in re.findall(r"\d+", self.stuff_classes))


class PanopticDecodeConfig(DecodeSettings):
    """Finding objects and areas."""

    centre: float = param(0.2, title="Threshold of centres", ge=0.02, le=0.98, advanced=True)
    """How sure the network must be of a centre. Lower splits more."""
    apart: int = param(3, title="Distance of centres", unit="px", ge=1, le=100, advanced=True)
    """Of centres nearer than this only the surest counts. Higher splits less."""


@formulations.register("panoptic")
class Panoptic(Formulation):
    """Panoptic-DeepLab's three heads (Cheng et al. 2020): class, heat of centres, vectors to the centre."""

    title = "Areas and objects"
    description = (
        "A class for every pixel, and objects within the classes that have any: tissue with cells, or several kinds "
        "of cells."
    )
    Config: ClassVar[type[Settings]] = PanopticConfig
    DecodeConfig: ClassVar[type[DecodeSettings]] = PanopticDecodeConfig
    vector_targets: ClassVar[dict[str, tuple[int, int]]] = {"centre": (0, 1)}
    vector_maps: ClassVar[tuple[tuple[int, int], ...]] = ((0, 1),)
    config: PanopticConfig

    def __init__(self, config: Settings | None = None, class_ids: Sequence[int] = (1,)) -> None:
        super().__init__(config, class_ids)
        self._areas = [place for place, number in enumerate(self.class_ids) if number in self.config.stuff]
        self._things = [place for place in range(len(self.class_ids)) if place not in self._areas]
        self._weights: tuple[float, ...] | None = None

    @property
    def out_channels(self) -> int:
        """Four maps, and one a class."""
        return _GROUND + 1 + len(self.class_ids)

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """Areas need their classes only, objects centres and vectors too."""
        classes = LearnedMap("class_weight", "the class of each pixel")
        if not self._things:
            return (classes,)
        return (
            classes,
            LearnedMap("centre_weight", "where the centres of objects are"),
            LearnedMap("offset_weight", "the vectors to the centres"),
        )

    def check_classes(self, names: Mapping[int, str]) -> None:
        """Refuse classes of areas that are not among `names`."""
        missing = sorted(self.config.stuff - set(names))
        if missing:
            one = len(missing) == 1
            known = ", ".join(f"{number} ({name})" for number, name in sorted(names.items()))
            raise WrongUsage(
                f"The setting stuff_classes names {'class' if one else 'classes'} {', '.join(map(str, missing))}, "
                f"but the classes are {known}.",
                hint="Give numbers of these classes, or leave it empty.",
                code="unknown-class",
            )

    def use_class_pixels(self, pixels: Sequence[int]) -> None:
        """Weigh background and classes as the settings ask."""
        self._weights = class_weights(pixels, self.config.class_weights)

    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make vectors and heat of centres, both 0 in classes of areas, the class of each pixel, and validity."""
        classes = class_numbers(labels, object_classes, self.class_ids)
        things = np.where(np.isin(classes[0], [place + 1 for place in self._things]), labels, 0)
        numbers = fastremap.renumber(np.maximum(things, 0), preserve_zero=True)[0].astype(np.int32)
        centre = vector_to_centre(numbers)
        gap = {GAP: gap_weight(labels)} if self.config.gap_weight > 0 else {}
        return gap | {
            "centre": centre,
            "heat": heat_of_centres(numbers, centre),
            "thing": (numbers > 0).astype(np.float32)[None],
            "whole": whole_objects(labels),
            "class": classes,
            "valid": valid_pixels(labels),
        }

    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms of pixels and of regions, and those of centre and offset."""
        maps, config = maps.float(), self.config
        classes = PixelClassLoss(config).terms(
            maps[:, _GROUND:], targets["class"], targets["valid"], self._weights, targets.get(GAP)
        )
        heat, whole, thing = targets["heat"], targets["whole"], targets["thing"]
        return {name: config.class_weight * term for name, term in classes.items()} | {
            # Few pixels are hot, but all the objects hang on them.
            "centre": config.centre_weight * mean_squared(maps[:, _HEAT : _HEAT + 1], heat, whole * (1 + 9 * heat)),
            "offset": config.offset_weight * smooth_l1(maps[:, :2], targets["centre"] / _STEP, whole * thing),
        }

    def activate(self, maps: Tensor) -> Tensor:
        """Return vectors in pixels, heat, and the probabilities of background and classes."""
        heat = maps[:, _HEAT : _HEAT + 1].clamp(0, 1)
        return torch.cat([_STEP * maps[:, :2], heat, maps[:, _GROUND:].softmax(1)], dim=1)

    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Group the pixels of objects by centre, and the pixels of areas by whether they touch."""
        settings = PanopticDecodeConfig.model_validate(config.model_dump())
        classes = maps[_GROUND + 1 :]
        object_like = classes[self._things].sum(axis=0)
        mask = object_like > settings.threshold
        found = group_by_centre(maps[:2], maps[_HEAT], mask, settings.centre, settings.apart)
        if self._areas:
            likeliest = classes[self._areas]
            area = np.where(~mask & (likeliest.max(axis=0) > settings.threshold), likeliest.argmax(axis=0) + 1, 0)
            parts = components(area.astype(np.uint8))
            found = np.where(parts > 0, parts + found.max(initial=0), found).astype(np.int32)
        return self.judged(tidy(found, settings.min_size), self.evidence(maps))

    def evidence(self, maps: NDArray[np.float32]) -> Evidence:
        """Return the probability of objects or, where it is larger, of the likeliest class of areas."""
        classes = maps[_GROUND + 1 :]
        sure = classes[self._things].sum(axis=0)
        if self._areas:
            sure = np.maximum(sure, classes[self._areas].max(axis=0))
        return Evidence([sure], votes=classes)

    def decode_candidates(self) -> list[DecodeSettings]:
        """Return several thresholds and distances of centres."""
        return [
            PanopticDecodeConfig(threshold=threshold, centre=centre, apart=apart)
            for threshold in (0.5, 0.4, 0.6)
            for centre, apart in ((0.2, 3), (0.1, 3), (0.3, 5), (0.2, 6))
        ]

    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the maps of a network that has learned `targets` exactly."""
        places = np.arange(1 + len(self.class_ids), dtype=np.float32)[:, None, None]
        one_hot = (targets["class"] == places).astype(np.float32)
        # Where nothing is known nothing is found, and maps of zeros hold no objects.
        return np.concatenate([targets["centre"], targets["heat"], one_hot])

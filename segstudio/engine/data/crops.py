"""Patches for training, drawn at random but repeatable: batch number `step` is the same in every run of a seed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.config.augmentation import AugmentationConfig
from segstudio.engine.data.composition import LabelledPatch, mosaic, paste_objects
from segstudio.engine.data.cut_out import hide_rectangles
from segstudio.engine.data.intensity import change_intensity
from segstudio.engine.data.places import Place, Places
from segstudio.engine.data.training_image import TrainingImage
from segstudio.engine.data.warp import Warp, apply_warp, draw_warp, unwarped
from segstudio.engine.orientation import Planes, turn

Targets = dict[str, Planes]
#: Turns targets by quarter turns and then mirrors them: `Formulation.turn_targets`.
TurnTargets = Callable[[Targets, int, bool], Targets]
#: Makes targets of a target image ``(K, H, W)``, known at some pixels ``(H, W)``: `Formulation.encode_image`.
EncodeImage = Callable[[NDArray[np.float32], NDArray[np.bool_]], Mapping[str, NDArray[Any]]]
#: Makes targets of labels ``(H, W)`` and the classes of their objects: `Formulation.encode`.
Encode = Callable[[NDArray[np.int32], Mapping[int, int]], Mapping[str, NDArray[Any]]]


@dataclass(frozen=True)
class Batch:
    """Patches: image ``(N, C, P, P)`` float32 and targets ``(N, K, P, P)`` as they are kept, float16 or float32."""

    image: NDArray[np.float32]
    targets: dict[str, NDArray[np.floating]]


@dataclass(frozen=True)
class CropSettings:
    """How patches are drawn.

    Attributes
    ----------
    encode
        Makes the targets of patches whose labels are no piece of an image's; needed where the augmentation reshapes.
    margin
        Pixels around such a patch that its targets are made from too: about one object's diameter.
    balance_classes
        Draw places of each class as often.
    encode_image, target_channels
        Makes the targets of target images, instead of `encode`, and of how many channels they are; where a network
        learns images.
    """

    patch: int
    foreground_fraction: float
    seed: int
    augmentation: AugmentationConfig
    turn_targets: TurnTargets
    encode: Encode | None = None
    margin: int = 0
    balance_classes: bool = False
    encode_image: EncodeImage | None = None
    target_channels: int = 0

    def still(self) -> "CropSettings":
        """Return the settings of patches that nothing changes, as for validation."""
        return replace(self, augmentation=AugmentationConfig.none(), balance_classes=False)


class CropSampler:
    """Draws batches of augmented patches."""

    def __init__(self, images: Sequence[TrainingImage], settings: CropSettings) -> None:
        self.settings = settings
        self._places = Places(images, settings.foreground_fraction, balance_classes=settings.balance_classes)
        self._kinds = {name: planes.dtype for name, planes in images[0].targets.items()} if images else {}

    def batch(self, step: int, size: int, first: int = 0) -> Batch:
        """Return `size` patches of batch number `step`, from its patch number `first`."""
        places = range(first, first + size)
        patches = [self.patch(np.random.default_rng((self.settings.seed, step, i))) for i in places]
        names = patches[0][1].keys()
        return Batch(
            np.stack([image for image, _ in patches]),
            {name: np.stack([targets[name] for _, targets in patches]) for name in names},
        )

    def patch(self, rng: np.random.Generator, image_id: str = "") -> tuple[Planes, Targets]:
        """Return image ``(C, P, P)`` and targets ``(K, P, P)`` of one patch; of the image `image_id` if it is named."""
        config = self.settings.augmentation
        place = self._places.draw(rng, image_id)
        warps = config.warps and rng.random() < config.shape_share
        tiles = config.mosaic > 0 and rng.random() < config.mosaic
        pastes = config.copy_paste > 0 and rng.random() < config.copy_paste
        orientation = int(rng.integers(8)) if config.flips else 0
        if warps or tiles or pastes:
            made = self._piece(place, warps, rng)
            if tiles:
                made = self._mosaic(made, warps, rng)
            if pastes:
                made = paste_objects(made, self._piece(self._places.draw(rng), warps, rng), rng)
            image, targets = self._encoded(made, orientation)
        else:
            image, targets = self._plain(place, orientation)
        if config.cut_out > 0 and rng.random() < config.cut_out:
            image, targets = hide_rectangles(image, targets, rng)
        return change_intensity(image, config, rng), targets

    def _plain(self, place: Place, orientation: int) -> tuple[Planes, Targets]:
        part, centre = place
        patch = self.settings.patch
        y, x = (
            int(np.clip(middle - patch // 2, 0, length - patch))
            for middle, length in zip(centre, part.image.shape[1:], strict=True)
        )
        return orient(*cut(part, y, x, patch), self.settings.turn_targets, orientation)

    def _piece(self, place: Place, warps: bool, rng: np.random.Generator) -> LabelledPatch:
        """Return the patch with its margin, its shape changed if `warps`."""
        part, wanted = place
        if part.labels is None:
            raise ValueError("Patches change their shape only where the labels were kept.")
        settings = self.settings
        side = settings.patch + 2 * settings.margin
        warp: Warp = draw_warp(side, settings.augmentation, rng) if warps else unwarped(side)
        centre = warp.centre(wanted, part.labels.shape, settings.margin)
        # A target image moves as further channels of the image do.
        planes = part.image if part.target is None else np.concatenate([part.image, part.target])
        return LabelledPatch(*apply_warp(planes, part.labels, warp, centre), dict(part.classes))

    def _mosaic(self, first: LabelledPatch, warps: bool, rng: np.random.Generator) -> LabelledPatch:
        others = [self._piece(self._places.draw(rng), warps, rng) for _ in range(3)]
        y, x = (self.settings.margin + round(self.settings.patch * rng.uniform(0.3, 0.7)) for _ in range(2))
        return mosaic([first, *others], (y, x))

    def _encoded(self, made: LabelledPatch, orientation: int) -> tuple[Planes, Targets]:
        """Turn image and labels, then make the targets and cut the margin off: no target needs turning."""
        margin = self.settings.margin
        quarter_turns, mirror = orientation % 4, orientation >= 4
        inner = slice(margin, margin + self.settings.patch)
        labels = turn(made.labels[None], quarter_turns, mirror)[0].copy()
        if margin:  # objects go on beyond it, unlike at an image's edge: none must be learned as if it ended there
            labels[[0, -1]] = labels[:, [0, -1]] = -1
        planes = turn(made.image, quarter_turns, mirror)
        shown = len(planes) - self.settings.target_channels
        whole = self._targets(labels, planes[shown:], made.classes)
        targets = {name: target[:, inner, inner].astype(self._kinds[name]) for name, target in whole.items()}
        return planes[:shown, inner, inner], targets

    def _targets(
        self, labels: NDArray[np.int32], target: Planes, classes: Mapping[int, int]
    ) -> Mapping[str, NDArray[Any]]:
        if self.settings.encode_image is not None:
            return self.settings.encode_image(target, labels >= 0)
        if self.settings.encode is None:
            raise ValueError("Nobody said how targets are made of labels.")
        return self.settings.encode(labels, classes)


def orient(
    image: Planes, targets: Mapping[str, Planes], turn_targets: TurnTargets, orientation: int
) -> tuple[Planes, Targets]:
    """Return image and targets in one of eight orientations, 0 being as they are; patches are square."""
    if orientation == 0:
        return image, dict(targets)
    quarter_turns, mirror = orientation % 4, orientation >= 4
    return turn(image, quarter_turns, mirror), turn_targets(dict(targets), quarter_turns, mirror)


def cut(part: TrainingImage, y: int, x: int, patch: int) -> tuple[Planes, Targets]:
    """Return the patch with its upper left corner at ``(y, x)``."""
    window = (slice(None), slice(y, y + patch), slice(x, x + patch))
    return part.image[window], {name: np.asarray(planes[window]) for name, planes in part.targets.items()}

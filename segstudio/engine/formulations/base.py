"""What a formulation must offer - targets, losses, decoding - and the registry of all of them."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.config.form_spec import form_spec
from segstudio.core.registry import Registry, refuse_unfit
from segstudio.engine.decoding.evidence import Evidence, Tally, tally
from segstudio.engine.formulations.learned_maps import LearnedMap
from segstudio.engine.network import Network
from segstudio.engine.orientation import turn, turn_vectors

#: What stands for the architecture, in cards and facts, where a formulation builds its network itself.
OWN_NETWORK = "own"
#: Targets of one image by name, each ``(channels, H, W)`` float32.
Targets = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Decoded:
    """Objects found in the maps of one image.

    Attributes
    ----------
    labels
        ``(H, W)`` int32, 0 = no object, ids 1..n without gaps.
    classes
        Object id to class id.
    scores
        Object id to how sure the network is, 0..1.
    """

    labels: NDArray[np.int32]
    classes: dict[int, int]
    scores: dict[int, float]


class DecodeSettings(Settings):
    """Finding objects. Every formulation's DecodeConfig has at least these fields."""

    threshold: float = param(0.5, title="Threshold", ge=0.02, le=0.98)
    """How sure the network must be that a pixel belongs to an object. Lower finds more, higher finds less."""
    min_size: int = param(15, title="Smallest object", unit="px", ge=0, le=1_000_000)
    """Objects of fewer pixels are dropped."""


class Formulation(ABC):
    """One way to learn segmentation.

    Parameters
    ----------
    config
        An instance of the formulation's own `Config`; ``None`` means its defaults.
    class_ids
        Ids of the object classes to tell apart, in the order of their channels. Never empty.

    Notes
    -----
    Targets are made from the whole image and cropped afterwards, so that an object cut by a patch keeps its centre.
    A target pixel filled with 0 in *all* targets carries no loss: crops that reach over the image's edge pad with 0.
    """

    title: ClassVar[str]
    description: ClassVar[str]
    Config: ClassVar[type[Settings]]
    DecodeConfig: ClassVar[type[DecodeSettings]]
    #: Targets that hold vectors: name to the channels of (dy, dx). Flips and rotations must turn the vectors too.
    vector_targets: ClassVar[dict[str, tuple[int, int]]] = {}
    #: Channels of the maps that hold vectors, as (dy, dx) pairs; test-time flips turn them.
    vector_maps: ClassVar[tuple[tuple[int, int], ...]] = ()
    #: Targets that must stay float32 while they wait, as ids of objects; the others are kept as float16.
    exact_targets: ClassVar[frozenset[str]] = frozenset()
    #: Whether it builds its network itself, so that no architecture is chosen.
    own_network: ClassVar[bool] = False
    #: The stride of its own network: patches are a multiple of it. Known before the network is built.
    own_stride: ClassVar[int] = 1
    #: The setting that says up to which size, in pixels, it looks for objects; empty where it finds any.
    largest_setting: ClassVar[str] = ""
    #: Whether touching objects of one class stay apart.
    separates: ClassVar[bool] = True
    #: What it finds: objects with their outlines, only the boxes around them, or none, for it makes an image.
    result: ClassVar[Literal["objects", "boxes", "image"]] = "objects"
    #: Whether the first of `decode_candidates` is known to suit most images, so that after a training another one is
    #: taken only when it finds more on the validation images than chance explains.
    first_in_doubt: ClassVar[bool] = False
    #: Whether it can learn target images, instead of labels.
    learns_images: ClassVar[bool] = False

    def __init__(self, config: Settings | None = None, class_ids: Sequence[int] = (1,)) -> None:
        if not class_ids:
            raise ValueError("A formulation needs at least one class.")
        self.config = self.Config() if config is None else self.Config.model_validate(config.model_dump())
        self.class_ids = tuple(class_ids)

    @property
    @abstractmethod
    def out_channels(self) -> int:
        """Number of maps that the network must give."""

    @property
    def learned_maps(self) -> tuple[LearnedMap, ...]:
        """Maps that the decoder reads and that nothing teaches when a weight is 0; none unless a formulation says so.

        A weight without which nothing is found is refused before the training, the others are warned of.
        """
        return ()

    def check_classes(self, names: Mapping[int, str]) -> None:  # noqa: B027 - most take any classes
        """Refuse settings that speak of classes which are not among `names`, id to name; most speak of none.

        Raises
        ------
        WrongUsage
            They do.
        """

    def build_network(self, in_channels: int) -> Network:
        """Return its own network with random weights; only where `own_network` is true."""
        raise NotImplementedError(f"{self.title} learns with any architecture.")

    @property
    def pretrained(self) -> bool:
        """Whether `pretrain` loads weights with these settings; no unless a formulation says so."""
        return False

    def pretrain(self, network: Network) -> None:  # noqa: B027 - most own no network, or have no such weights
        """Load into its new own `network` the weights that the settings ask for; nothing unless a formulation says so.

        Only a training from scratch calls it: a model on disk has its own weights and needs no others.

        Raises
        ------
        UserError
            They cannot be had.
        """

    def use_class_pixels(self, pixels: Sequence[int]) -> None:  # noqa: B027 - most weigh nothing
        """Learn before the training how many labelled pixels background and each class have, to weigh classes by it.

        Nothing is weighed unless a formulation says so.
        """

    @abstractmethod
    def encode(self, labels: NDArray[np.int32], object_classes: Mapping[int, int] | None = None) -> Targets:
        """Make the targets of a whole image.

        Parameters
        ----------
        labels
            ``(H, W)`` int32: object ids, 0 = certainly background, -1 = not known.
        object_classes
            Object id to class id; missing ones have the first class.

        Returns
        -------
        Targets
            Arrays ``(channels, H, W)`` float32; ``"valid"`` ``(1, H, W)`` is 0 where nothing is known.
        """

    def best_answer(self, labels: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return what a faultless network would give for `labels`: what results are compared with.

        The labels themselves, unless the result is something else than objects with their outlines. Ids and unknown
        pixels stay.
        """
        return labels

    @property
    def makes_images(self) -> bool:
        """Whether its maps are an image, and no objects are found in them."""
        return False

    def for_images(self, channels: int) -> "Formulation":
        """Return the formulation for target images of so many channels, 0 for labels; only where `learns_images`.

        Raises
        ------
        WrongUsage
            The settings ask for others.
        """
        raise NotImplementedError(f"{self.title} learns labels.")

    def encode_image(self, target: NDArray[np.float32], known: NDArray[np.bool_]) -> Targets:
        """Make the targets of a target image; only where `learns_images` is true.

        Parameters
        ----------
        target
            ``(K, H, W)`` float32, on a common scale.
        known
            ``(H, W)``: where it counts.
        """
        raise NotImplementedError(f"{self.title} learns labels.")

    def turn_targets(self, targets: Targets, quarter_turns: int, mirror: bool) -> Targets:
        """Return `targets` turned counter-clockwise by quarter turns and then mirrored left to right.

        They are those of the turned labels. The vectors of `vector_targets` turn too; a formulation whose channels
        stand for directions in another way overrides this.
        """
        turned = {name: turn(planes, quarter_turns, mirror) for name, planes in targets.items()}
        for name, channels in self.vector_targets.items():
            if name in turned:
                turned[name] = turn_vectors(turned[name], channels, quarter_turns, mirror)
        return turned

    def unflip_maps(self, maps: Tensor, axes: tuple[int, ...]) -> Tensor:
        """Return the activated `maps` ``(N, C, H, W)`` of an image mirrored along `axes` as those of the image itself.

        The vectors of `vector_maps` are mirrored too; a formulation whose channels stand for directions in another
        way overrides this. `axes` are of 2 (rows) and 3 (columns).
        """
        plain = maps.flip(axes)
        for dy, dx in self.vector_maps:
            for axis, channel in ((2, dy), (3, dx)):
                if axis in axes:
                    plain[:, channel] = -plain[:, channel]
        return plain

    def merge_looks(self, looks: Iterator[Tensor]) -> Tensor:
        """Return one set of maps for several looks at the same images, each `unflip_maps` already; their mean here."""
        total, count = next(looks), 1
        for look in looks:
            total, count = total + look, count + 1
        return total / count

    def training_loss(self, network: Network, image: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms of one step, by name and weighted.

        Parameters
        ----------
        network
            In training mode, or in eval mode for the loss of the validation.
        image
            ``(N, C, H, W)``, normalised.
        targets
            What `encode` made, as ``(N, channels, H, W)`` tensors.
        """
        return self.loss(network(image).float(), targets)

    @abstractmethod
    def loss(self, maps: Tensor, targets: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the loss terms by name, already weighted; their sum is what training lowers.

        Parameters
        ----------
        maps
            ``(N, out_channels, H, W)`` raw output of the network.
        targets
            What `encode` made, as ``(N, channels, H, W)`` tensors.
        """

    @abstractmethod
    def activate(self, maps: Tensor) -> Tensor:
        """Turn raw maps ``(N, C, H, W)`` into what is stored and decoded: probabilities, unit vectors, distances."""

    @abstractmethod
    def decode(self, maps: NDArray[np.float32], config: DecodeSettings) -> Decoded:
        """Find the objects in activated maps ``(C, H, W)``; maps of zeros hold none."""

    def evidence(self, maps: NDArray[np.float32]) -> Evidence | None:
        """Return the planes by which objects in activated maps ``(C, H, W)``, or in any part of them, are judged.

        ``None``: `decode` judges in another way. In large images, which are decoded by blocks, its word is then taken
        from the block that saw most of an object.
        """
        return None

    def judge(self, found: Tally) -> tuple[dict[int, int], dict[int, float]]:
        """Return classes and scores of objects by what their pixels add up to."""
        classes = {number: self.class_ids[place] for number, place in enumerate(found.winners.tolist(), start=1)}
        return classes, dict(enumerate(found.scores.tolist(), start=1))

    def judged(self, labels: NDArray[np.int32], evidence: Evidence) -> Decoded:
        """Return the objects of `labels` ``(H, W)`` with classes and scores by `evidence`."""
        return Decoded(labels, *self.judge(tally(labels, evidence, int(labels.max(initial=0)))))

    @abstractmethod
    def decode_candidates(self) -> list[DecodeSettings]:
        """Return the decoder settings to try on validation images, the safest default first."""

    @abstractmethod
    def perfect_maps(self, targets: Targets) -> NDArray[np.float32]:
        """Return the activated maps ``(C, H, W)`` of a network that has learned `targets` exactly."""


def _check(kind: type[Formulation]) -> None:
    refuse_unfit(kind, Formulation)
    for settings in (kind.Config, kind.DecodeConfig):
        form_spec(settings.model_json_schema())


#: Every formulation by name; other distributions add theirs by the entry point group.
formulations: Registry[type[Formulation]] = Registry(
    "formulation", "segstudio.engine.formulations", "segstudio.formulations", _check
)

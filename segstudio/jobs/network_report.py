"""What the engine finds out about a network, as JSON files that window and command line read without torch."""

from pydantic import BaseModel, ConfigDict


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Layer(_Frozen):
    """One module of a network; those inside it follow it."""

    path: str
    """Dotted name, ``""`` for the whole network."""
    kind: str
    """Name of its class, as ``"Conv2d"``."""
    shape: tuple[int, ...] = ()
    """Its output without the batch: channels, rows, columns; empty when it gives no tensor."""
    calls: int = 0
    """How often it is used in one pass."""
    parameters: int = 0
    """Weights in it and in the modules inside it."""
    flops_per_mpx: float = 0.0
    """As in `NetworkReport`, of it and the modules inside it."""
    leaf: bool = True
    """Whether no module is inside it."""


class NetworkReport(_Frozen):
    """A network in figures.

    Bytes are for 32-bit numbers; with 16-bit precision what is kept for the backward pass takes about half.
    """

    formulation: str
    architecture: str
    in_channels: int
    out_channels: int
    stride: int
    patch: int
    """Side of the patches, pixels."""
    batch: int
    parameters: int
    trainable: int
    encoder_parameters: int = 0
    """Those that fine-tuning can freeze; 0 when the network has no encoder of its own kind."""
    flops_per_mpx: float
    """Floating-point operations of one pass over a megapixel: convolutions and matrix products, in which one
    multiplication with its addition counts as two."""
    training_bytes: float
    """Memory that a step takes at its peak: weights, gradients, optimiser, average, what is kept for the backward
    pass, and the largest layer's gradients."""
    kept_bytes: float
    """Of that, what is kept for the backward pass."""
    prediction_bytes: float
    """Memory for one tile and its surroundings, with the weights."""
    tile: int
    """Side of the tiles of a prediction, pixels."""
    window: int
    """Side of what the network is given for a tile in the middle of a large image, pixels."""
    reach: int | None
    """Pixels beyond a block of stride x stride that can change its output; ``None``: the whole image can."""
    object_diameter_px: float | None = None
    measured_px: int = 0
    """Side of the image on which work and memory were measured where the network cannot be followed without data, as
    a detector that sorts its boxes; 0 where it can. The image is empty: objects that are found cost more work."""
    layers: tuple[Layer, ...] = ()

    @property
    def field(self) -> int | None:
        """Side of the square from which a pixel is decided at most; ``None`` for the whole image."""
        return None if self.reach is None else self.stride + 2 * self.reach

    @property
    def too_small(self) -> bool:
        """Whether an object of the median size does not fit into what the network sees."""
        return self.field is not None and self.object_diameter_px is not None and self.field < self.object_diameter_px


class Map(_Frozen):
    """One channel of a layer, as a picture in 256 steps between two values."""

    channel: int
    low: float
    high: float


class Inside(_Frozen):
    """What was found in a finished model for a part of an image.

    The pictures lie beside this file: ``maps.npy`` and ``gradients.npy`` are ``(n, h, w)`` uint8, one for each `Map`.
    """

    layer: str
    kind: str
    shape: tuple[int, ...]
    window: tuple[int, int, int, int]
    """What was looked at, y0, x0, y1, x1."""
    maps: tuple[Map, ...]
    """The channels that vary most, the strongest first."""
    gradients: tuple[Map, ...] = ()
    """The channels on which the result depends most, the strongest first; none when it cannot be told."""
    norms: dict[str, float] = {}
    """By dotted name of a layer: how strongly the result reacts to it, root mean square of its gradient."""
    target: str = ""
    """At what the gradients were taken, in words."""

"""Settings of the training data: channels, normalisation, patches."""

from typing import Literal

from segstudio.config.base import Config, param


class DataConfig(Config):
    """Data."""

    channels: Literal["auto", "gray", "rgb"] = param("auto", title="Channels")
    """What the network sees. Automatic takes what most training images have; the others are converted."""

    limit: int = param(0, title="Training images at most", unit="images", ge=0, zero="all", advanced=True)
    """Train with only the first so many training images, by name. Useful to see how much labelling is enough."""

    patch_size: int = param(0, title="Patch size", unit="px", ge=0, le=2048, zero="automatic")
    """Side of the square patches that the network is trained on. Automatic takes three object diameters: 128 to 256 on
    a processor, 256 to 512 on a graphics card."""

    foreground_fraction: float = param(0.9, title="Patches on objects", ge=0.0, le=1.0, advanced=True)
    """Share of patches that are centred near a pixel of an object; the others lie anywhere that is labelled."""

    balance_classes: bool = param(False, title="Rare classes as often as common ones", advanced=True)
    """Centre as many patches on objects of each class, and so see the few objects of a rare class again and again."""

    low_percentile: float = param(1.0, title="Dark percentile", unit="%", ge=0.0, le=40.0, advanced=True)
    """The intensity below which this share of the pixels lies becomes 0."""

    high_percentile: float = param(99.8, title="Bright percentile", unit="%", ge=60.0, le=100.0, advanced=True)
    """The intensity below which this share of the pixels lies becomes 1."""

    cache_mb: int = param(2048, title="Memory for training data", unit="MB", ge=64, le=1_000_000, advanced=True)
    """Images and targets beyond this wait on the disk, in the folder of the run, until they are needed."""

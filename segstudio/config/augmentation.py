"""Settings of the random changes that make few training images go further."""

from segstudio.config.base import Config, param


class AugmentationConfig(Config):
    """Augmentation."""

    flips: bool = param(True, title="Flips and quarter turns")
    """Show each patch in all eight orientations. Switch off only when up and down mean something in the image."""

    scale: float = param(0.0, title="Vary magnification", ge=0.0, le=0.6)
    """Show the images also smaller and larger by up to this share, when new images may be taken at another
    magnification. Needs about three times the memory."""

    gain: float = param(0.35, title="Contrast change", ge=0.0, le=0.9, advanced=True)
    """Contrast is multiplied by a random factor between 1 less this share and its inverse."""

    offset: float = param(0.1, title="Brightness change", ge=0.0, le=0.5, advanced=True)
    """Brightness is shifted by up to this share of the image's range."""

    gamma: float = param(0.35, title="Gamma change", ge=0.0, le=0.9, advanced=True)
    """Mid-tones of three patches in ten are lightened or darkened by up to this share."""

    noise: float = param(0.08, title="Noise", ge=0.0, le=0.5, advanced=True)
    """Three patches in ten get grainy noise of up to this share of the image's range."""

"""Settings of the random changes that make few training images go further."""

from typing import Self

from segstudio.config.base import Config, param


class AugmentationConfig(Config):
    """Augmentation."""

    flips: bool = param(True, title="Flips and quarter turns")
    """Show each patch in all eight orientations. Switch off only when up and down mean something in the image."""

    scale: float = param(0.0, title="Vary magnification", ge=0.0, le=0.6, zero="off")
    """Show patches also smaller and larger by up to this share, when new images may be taken at another
    magnification."""

    rotation: float = param(0.0, title="Rotation", unit="°", ge=0.0, le=180.0, zero="off", advanced=True)
    """Turn patches by any angle up to this, besides the quarter turns. Helps with rods and fibres in few images."""

    elastic: float = param(0.0, title="Elastic change", unit="px", ge=0.0, le=20.0, zero="off", advanced=True)
    """Bend patches: points move smoothly by up to this many pixels. For tissue and soft cells; a tenth of an object's
    diameter is a good start."""

    shape_share: float = param(0.5, title="Patches changed in shape", ge=0.0, le=1.0, advanced=True)
    """Share of the patches that magnification, rotation and elastic change apply to; the others stay as sharp as the
    image is."""

    copy_paste: float = param(0.0, title="Pasted objects", ge=0.0, le=1.0, zero="off", advanced=True)
    """Share of the patches that get up to four objects of another patch, on free background. For few or rare objects;
    not for tissue, where the place of a cell means something."""

    mosaic: float = param(0.0, title="Mosaic", ge=0.0, le=1.0, zero="off", advanced=True)
    """Share of the patches that are put together from four others. For images that differ much from one another."""

    cut_out: float = param(0.0, title="Hidden rectangles", ge=0.0, le=1.0, zero="off", advanced=True)
    """Share of the patches of which up to three rectangles are hidden; nothing is asked of the network there."""

    gain: float = param(0.35, title="Contrast change", ge=0.0, le=0.9, zero="off", advanced=True)
    """Contrast is multiplied by a random factor between 1 less this share and its inverse."""

    offset: float = param(0.1, title="Brightness change", ge=0.0, le=0.5, zero="off", advanced=True)
    """Brightness is shifted by up to this share of the image's range."""

    gamma: float = param(0.35, title="Gamma change", ge=0.0, le=0.9, zero="off", advanced=True)
    """Mid-tones of three patches in ten are lightened or darkened by up to this share."""

    noise: float = param(0.08, title="Noise", ge=0.0, le=0.5, zero="off", advanced=True)
    """Three patches in ten get grainy noise of up to this share of the image's range."""

    blur: float = param(0.0, title="Blur", unit="px", ge=0.0, le=5.0, zero="off", advanced=True)
    """Three patches in ten are blurred by a Gaussian of up to this width. For new images that may be softer."""

    defocus: float = param(0.0, title="Defocus", unit="px", ge=0.0, le=10.0, zero="off", advanced=True)
    """Three patches in ten are taken out of focus: each point becomes a disc of up to this radius."""

    channel_drop: float = param(0.0, title="Dropped channel", ge=0.0, le=0.9, zero="off", advanced=True)
    """Share of the patches in which one channel is black, when new images may lack a stain. Images of one channel
    stay as they are."""

    @property
    def warps(self) -> bool:
        """Whether some patches change their shape."""
        return self.shape_share > 0 and max(self.scale, self.rotation, self.elastic) > 0

    @property
    def reshapes(self) -> bool:
        """Whether some patches need targets of their own: their labels are not simply a piece of an image's."""
        return self.warps or max(self.copy_paste, self.mosaic) > 0

    @classmethod
    def none(cls) -> Self:
        """Return settings that change nothing: what validation uses, whatever is set for the training."""
        return cls.model_validate({name: type(field.default)(0) for name, field in cls.model_fields.items()})

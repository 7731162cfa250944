"""Settings of prediction: tiles, precision, flips."""

from typing import Literal

from segstudio.config.base import Config, param


class PredictionConfig(Config):
    """Prediction."""

    tile_size: int = param(512, title="Tile size", unit="px", ge=64, le=8192, advanced=True)
    """Side of the squares that large images are cut into. With most networks the result is the same; larger ones need
    more memory."""

    batch_size: int = param(1, title="Tiles at once", unit="tiles", ge=1, le=64, advanced=True)
    """How many tiles the network sees at once. More is faster on a graphics card and needs more memory."""

    test_time_flips: bool = param(False, title="Average over flips")
    """Predict four mirrored copies and average them: a little better, four times slower."""

    precision: Literal["float32", "bfloat16", "float16"] = param("float32", title="Precision", advanced=True)
    """16-bit numbers are faster on newer graphics cards and change the result slightly."""

    min_size: int = param(0, title="Smallest object", unit="px", ge=0, le=1_000_000, zero="as the model found best")
    """Objects of fewer pixels are dropped."""

"""Maps of which every value is a number: what is none would be taken for an image without objects."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import BadModel
from segstudio.core.tiles import Window
from segstudio.engine.prediction.map_store import MapStore


class FiniteMaps(MapStore):
    """Passes to `store` the maps that a model gives for an image, as long as they are finite numbers.

    Parameters
    ----------
    model, image
        What they are called.
    precision
        Of the numbers that the network computes with.
    """

    def __init__(self, store: MapStore, model: str, image: str, precision: str) -> None:
        self.shape, self.dtype = store.shape, store.dtype
        self._store = store
        self._told = model, image
        self._precision = precision

    def read(self, window: Window) -> NDArray[Any]:
        """Return ``(channels, h, w)`` of a window inside the image."""
        return self._store.read(window)

    def write(self, window: Window, values: NDArray[Any]) -> None:
        """Put ``(channels, h, w)`` into a window inside the image.

        Raises
        ------
        BadModel
            Some values are not finite.
        """
        if not np.isfinite(values).all():
            model, image = self._told
            again = "Train the model again, or choose another one."
            raise BadModel(
                f"The network of {model} gives values for {image} that are no numbers.",
                hint=again if self._precision == "float32" else "Predict with the precision float32.",
                code="model-not-finite",
            )
        self._store.write(window, values)

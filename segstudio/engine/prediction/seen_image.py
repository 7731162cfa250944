"""An image file as a model's network sees it, window by window."""

from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from segstudio.core.errors import BadModel
from segstudio.core.tiles import Window
from segstudio.engine.data.channels import as_channels
from segstudio.engine.data.normalise import IntensityScale, sample_step, scale_of_sample
from segstudio.engine.model_card import ModelCard
from segstudio.io.read_as import open_as

#: Images of at most so many pixels are read once and kept.
_KEPT_PIXELS = 4_000_000
#: Rows read at once while the intensities are sampled: whole tiles of a tiled TIFF, each decoded once.
_BAND_ROWS = 512


class Readable(Protocol):
    """What the network is fed from."""

    @property
    def shape(self) -> tuple[int, ...]:
        """``(C, H, W)``."""

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return ``(C, h, w)`` of a window inside the image, normalised."""


class ArrayImage:
    """A normalised array ``(C, H, W)`` as `Readable`."""

    def __init__(self, array: NDArray[np.float32]) -> None:
        self._array = array
        self.shape = array.shape

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return a view."""
        return self._array[:, *window.slices]


class SeenImage:
    """An open image file: normalised by the intensities of the whole, read by windows where its format can.

    A gray model takes the brightness of colour images; all other differences of channels are refused.

    Attributes
    ----------
    path
        The file.
    shape
        ``(C, H, W)``.
    warnings
        Sentences to tell the user.

    Raises
    ------
    BadInput
        The file cannot be read.
    BadModel
        The image's channels are not the model's.
    """

    def __init__(self, card: ModelCard, path: Path, plane: int | None = None, axes: str = "") -> None:
        self._card = card
        self._plane = plane or 0
        self.path = path
        with ExitStack() as stack:
            self._source = stack.enter_context(open_as(path, axes))
            info = self._source.info
            brightness = card.channels == "gray" and info.kind == "rgb"
            if info.channels != card.in_channels and not brightness:
                expected = f"{card.in_channels} channel{'s' if card.in_channels > 1 else ''}"
                raise BadModel(
                    f"The model expects {expected}; {path.name} has {info.channels}.",
                    hint="Choose a model that was trained on images like this one, or train a new one.",
                    code="channels",
                    path=path,
                )
            self.shape = (card.in_channels, info.height, info.width)
            told = (f"{path.name} is in colour; the model sees its brightness.",) if brightness else ()
            first = (info.first_only,) if plane is None and info.first_only else ()
            self.warnings = (*info.warnings, *first, *told)
            self._scale, self._kept = self._measured()
            stack.pop_all()

    def read(self, window: Window) -> NDArray[np.float32]:
        """Return ``(C, h, w)`` of a window inside the image, normalised."""
        if self._kept is not None:
            return self._kept[:, *window.slices]
        return self._scale.apply(self._raw(window))

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _raw(self, window: Window) -> NDArray[np.generic]:
        return as_channels(
            self._source.read(window, self._plane), self._card.channels, self._card.in_channels, self.path
        )

    def _measured(self) -> tuple[IntensityScale, NDArray[np.float32] | None]:
        """Return the scale of the whole image, and the whole image if it is small."""
        height, width = self.shape[1:]
        step = sample_step(height * width)
        small = height * width <= _KEPT_PIXELS
        rows = height if small else -(-_BAND_ROWS // step) * step
        raw: NDArray[np.generic] | None = None
        parts = []
        for y0 in range(0, height, rows):
            raw = self._raw(Window(y0, 0, min(y0 + rows, height), width))
            parts.append(np.ascontiguousarray(raw[::step, ::step]))
        values = self._card.normalisation
        scale = scale_of_sample(
            np.concatenate(parts) if len(parts) > 1 else parts[0],
            joint=self._card.channels == "rgb",
            low=values.low_percentile,
            high=values.high_percentile,
        )
        return scale, scale.apply(raw) if small and raw is not None else None

"""Tools look at the channels that are seen."""

from dataclasses import replace

import numpy as np

from segstudio.session.display.channels import ChannelDisplay, ImageDisplay
from segstudio.session.display.seen import seen


def test_only_the_channels_that_are_drawn_are_looked_at() -> None:
    pixels = np.arange(24).reshape(2, 4, 3)
    display = ImageDisplay((ChannelDisplay(), ChannelDisplay(visible=False), ChannelDisplay()))
    np.testing.assert_array_equal(seen(pixels, display), pixels[..., [0, 2]])
    np.testing.assert_array_equal(seen(pixels, replace(display, composite=False, current=1)), pixels[..., [1]])
    hidden = ImageDisplay(tuple(ChannelDisplay(visible=False) for _ in range(3)))
    for whole, shown in ((pixels, hidden), (pixels, ImageDisplay()), (pixels[..., 0], display)):
        np.testing.assert_array_equal(seen(whole, shown), whole)

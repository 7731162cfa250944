"""What is known of a training before it starts from a model."""

from dataclasses import replace

import pytest

from segstudio.project.manifest import ImageEntry
from segstudio.session.start_models import sight

GRAY = ImageEntry("a", "a.tif", "a.tif", "a", 8, 8, channels=1, objects=3)
COLOUR = replace(GRAY, id="b", channels=3)


@pytest.mark.parametrize(
    ("entries", "wanted", "channels"),
    [
        ([], "auto", 0),
        ([GRAY], "auto", 1),
        ([GRAY], "rgb", 3),
        ([COLOUR], "auto", 3),
        ([COLOUR], "gray", 0),  # its channels may be its own
        ([GRAY, COLOUR], "auto", 0),
        ([GRAY, replace(COLOUR, objects=0)], "auto", 1),
        ([GRAY, replace(COLOUR, split="test")], "auto", 1),  # no training sees it
    ],
)
def test_the_channels_that_a_training_sees(entries: list[ImageEntry], wanted: str, channels: int) -> None:
    assert sight(entries, wanted) == channels

"""What a pixel of the region plane states about the labels there."""

from typing import Final

#: Nobody has said anything: without an object, a pixel is not known.
NOT_STATED: Final = 0
#: Everything is labelled: without an object, a pixel is background.
COMPLETE: Final = 1
#: Neither learned from nor evaluated.
IGNORE: Final = 2

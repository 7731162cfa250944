"""What formulations share whose maps end with a class head: the head, and its balance of classes."""

from collections.abc import Sequence

from segstudio.config.base import Config as Settings
from segstudio.config.base import param
from segstudio.engine.formulations.base import Formulation
from segstudio.engine.formulations.class_head import ClassHead
from segstudio.engine.losses.class_balance import ClassBalance, class_weights


class ObjectConfig(Settings):
    """Settings of objects that have a class."""

    class_weights: ClassBalance = param("none", title="Balance of classes", advanced=True)
    """Lets rare classes count more: by the inverse of how frequent they are, or milder, by the effective number of
    their pixels."""


class ObjectFormulation(Formulation):
    """A formulation of objects whose last maps say which class an object has."""

    config: ObjectConfig

    def __init__(self, config: Settings | None = None, class_ids: Sequence[int] = (1,)) -> None:
        super().__init__(config, class_ids)
        self._head = ClassHead(self.class_ids)
        self._weights: tuple[float, ...] | None = None

    def use_class_pixels(self, pixels: Sequence[int]) -> None:
        """Weigh the classes of objects as the settings ask."""
        self._weights = class_weights(pixels[1:], self.config.class_weights)

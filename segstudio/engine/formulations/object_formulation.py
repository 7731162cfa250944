"""What formulations share whose maps end with a class head: the head, and its balance of classes."""

from collections.abc import Sequence

from segstudio.config.base import Config as Settings
from segstudio.engine.formulations.base import Formulation
from segstudio.engine.formulations.class_head import ClassHead
from segstudio.engine.losses.class_balance import ClassBalanceConfig, class_weights


class ObjectConfig(ClassBalanceConfig):
    """Settings of objects that have a class."""


class ObjectFormulation(Formulation):
    """A formulation of objects whose last maps say which class an object has."""

    config: ClassBalanceConfig

    def __init__(self, config: Settings | None = None, class_ids: Sequence[int] = (1,)) -> None:
        super().__init__(config, class_ids)
        self._head = ClassHead(self.class_ids)
        self._weights: tuple[float, ...] | None = None

    def use_class_pixels(self, pixels: Sequence[int]) -> None:
        """Weigh the classes of objects as the settings ask."""
        self._weights = class_weights(pixels[1:], self.config.class_weights)

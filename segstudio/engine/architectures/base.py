"""What a network family must offer, and the registry of all of them."""

from abc import ABC, abstractmethod
from typing import ClassVar

from segstudio.config.base import Config as Settings
from segstudio.config.form_spec import form_spec
from segstudio.core.registry import Registry, refuse_unfit
from segstudio.engine.network import Network


class Architecture(ABC):
    """One family of networks: settings in, network out.

    Parameters
    ----------
    config
        An instance of the family's own `Config`; ``None`` means its defaults.
    """

    title: ClassVar[str]
    description: ClassVar[str]
    Config: ClassVar[type[Settings]]
    #: Name of the setting that says how often the image is halved: with more levels a network sees more. None has none.
    levels: ClassVar[str] = ""

    def __init__(self, config: Settings | None = None) -> None:
        self.config = self.Config() if config is None else self.Config.model_validate(config.model_dump())

    @abstractmethod
    def build(self, in_channels: int, out_channels: int) -> Network:
        """Return a network with random weights."""

    @classmethod
    @abstractmethod
    def stride(cls, config: Settings) -> int:
        """Return the product of all strides of the network that `config` describes."""

    @classmethod
    def sees_whole(cls, config: Settings) -> bool:
        """Whether the network that `config` describes sees the whole image at every pixel (`Network.sees_whole`)."""
        return False

    @property
    def pretrained(self) -> bool:
        """Whether `pretrain` loads weights with these settings; no unless a family says so."""
        return False

    def pretrain(self, network: Network) -> None:  # noqa: B027 - most families have no such weights
        """Load into a new `network` the weights that the settings ask for; nothing unless a family says so.

        Only a training from scratch calls it: a model on disk has its own weights and needs no others.

        Raises
        ------
        UserError
            They cannot be had.
        """

    @classmethod
    def smallest(cls) -> Settings:
        """Return the settings of the smallest network of the family, to try something out with in seconds."""
        return cls.Config()

    @classmethod
    def resolved(cls, config: Settings, device: str) -> Settings:
        """Return `config` with numbers for what is automatic on a ``"cpu"``, ``"cuda"`` or ``"mps"`` device.

        Nothing is automatic unless a family says so.
        """
        return config


def _check(kind: type[Architecture]) -> None:
    refuse_unfit(kind, Architecture)
    form_spec(kind.Config.model_json_schema())
    kind.sees_whole(kind.Config())


#: Every network family by name; other distributions add theirs by the entry point group.
architectures: Registry[type[Architecture]] = Registry(
    "architecture", "segstudio.engine.architectures", "segstudio.architectures", _check
)

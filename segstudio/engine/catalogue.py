"""What the engine offers, collected from its registries."""

from segstudio.config.run import RunConfig
from segstudio.engine.architectures import architectures
from segstudio.engine.devices import list_devices
from segstudio.engine.formulations import formulations
from segstudio.export.base import exporters
from segstudio.jobs.catalogue import Catalogue, Offer, catalogue_key


def make_catalogue() -> Catalogue:
    """Return all networks, formulations and exporters with the JSON schemas of their settings, and the devices."""
    return Catalogue(
        key=catalogue_key(),
        formulations=tuple(
            Offer(
                name=name,
                title=kind.title,
                description=kind.description,
                settings=kind.Config.model_json_schema(),
                decode=kind.DecodeConfig.model_json_schema(),
                own_network=kind.own_network,
                result=kind.result,
                separates=kind.separates,
            )
            for name, kind in formulations
        ),
        architectures=tuple(
            Offer(
                name=name,
                title=kind.title,
                description=kind.description,
                settings=kind.Config.model_json_schema(),
                sees_whole=kind.sees_whole(kind.Config()),
            )
            for name, kind in architectures
        ),
        exporters=tuple(
            Offer(name=name, title=kind.title, description=kind.description, settings=kind.Settings.model_json_schema())
            for name, kind in exporters
        ),
        sections=RunConfig.model_json_schema(),
        devices=list_devices(),
        broken={**formulations.broken(), **architectures.broken(), **exporters.broken()},
    )

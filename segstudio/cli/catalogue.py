"""``segstudio catalogue``: the networks, formulations and exporters there are, with their settings."""

import argparse
from collections.abc import Sequence
from typing import Any

from rich.console import Console

from segstudio.config.form_spec import FieldSpec, form_spec
from segstudio.jobs.catalogue import Offer


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``catalogue`` to the commands."""
    parser = subparsers.add_parser(
        "catalogue",
        help="list networks, formulations and exporters with their settings",
        description="Lists what can be chosen and set.",
    )
    parser.add_argument("--json", action="store_true", help="as JSON, with the JSON schema of all settings")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Print the catalogue; return the exit code."""
    from segstudio.engine.catalogue import make_catalogue

    catalogue = make_catalogue()
    if namespace.json:
        print(catalogue.model_dump_json(indent=2))  # noqa: T201
        return 0
    console = Console(highlight=False)
    _print_offers(console, "Formulations (--formulation NAME)", catalogue.formulations, "formulation")
    _print_offers(console, "Networks (--architecture NAME)", catalogue.architectures, "architecture")
    _print_offers(console, "Exporters (segstudio export --format NAME)", catalogue.exporters, "export")
    _print(console, "Settings of a training", form_spec(catalogue.sections), "")
    for name, reason in catalogue.broken.items():
        console.print(f"Not usable: {name}: {reason}", markup=False)
    return 0


def _print_offers(console: Console, title: str, offers: Sequence[Offer], section: str) -> None:
    console.print(f"\n[bold]{title}[/bold]")
    for offer in offers:
        console.print(f"  {offer.name}: {offer.title}. {offer.description}", markup=False)
        _print_fields(console, form_spec(offer.settings), f"{section}.")
        _print_fields(console, form_spec(offer.decode), "decode.")


def _print(console: Console, title: str, fields: Sequence[FieldSpec], prefix: str) -> None:
    console.print(f"\n[bold]{title}[/bold]")
    _print_fields(console, fields, prefix)


def _print_fields(console: Console, fields: Sequence[FieldSpec], prefix: str) -> None:
    for field in fields:
        default = field.zero if field.zero and field.default == 0 else field.default
        choices = f" one of {', '.join(map(str, field.choices))}" if field.choices else ""
        unit = f" {field.unit}" if field.unit else ""
        console.print(f"    --{prefix}{field.path} {default}{unit}{choices}\n        {field.help}", markup=False)

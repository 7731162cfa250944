"""``segstudio import-weights``: a model, to start a training from, of weights that another program learned."""

import argparse
from pathlib import Path
from typing import Any

from rich.console import Console

from segstudio.cli.flags import given_settings
from segstudio.cli.train import more_flags
from segstudio.jobs.spec import Choice, ClassSpec

_SEEN = {"gray": 1, "rgb": 3}


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``import-weights`` to the commands."""
    parser = subparsers.add_parser(
        "import-weights",
        help="make a model of weights from another program",
        description="Takes the weights (.pt, .pth) of a network, or of its encoder alone, when names and shapes fit. "
        "Nothing in the file is run: a process without network, with little memory and time, reads it.",
        epilog="Settings of the network: --architecture.NAME, as `segstudio catalogue` lists them.",
    )
    parser.add_argument("file", metavar="FILE", type=Path, help="weights of PyTorch")
    parser.add_argument("--out", metavar="FOLDER", type=Path, required=True, help="the model to make")
    parser.add_argument("--architecture", metavar="NAME", required=True, help="the network that they are of")
    parser.add_argument("--formulation", metavar="NAME", default="joint", help="how it finds objects (default: joint)")
    parser.add_argument("--channels", choices=tuple(_SEEN), default="gray", help="what it sees (default: gray)")
    parser.add_argument("--classes", metavar="NAME", nargs="+", default=["cell"], help="of the objects (default: cell)")
    parser.set_defaults(run=run, more_flags=more_flags, resume=False)


def run(namespace: argparse.Namespace) -> int:
    """Make the model; return the exit code."""
    from segstudio.engine.model_card import ModelCard
    from segstudio.engine.weights_import import import_weights

    settings = given_settings(namespace)
    card = ModelCard(
        name=namespace.file.stem[:300],
        created="",
        formulation=Choice(name=namespace.formulation, settings=settings.get("formulation", {})),
        architecture=Choice(name=namespace.architecture, settings=settings.get("architecture", {})),
        in_channels=_SEEN[namespace.channels],
        channels=namespace.channels,
        classes=tuple(ClassSpec(id=number, name=name) for number, name in enumerate(namespace.classes, 1)),
    )
    fitted = import_weights(namespace.file, namespace.out, card)
    console = Console(highlight=False)
    rest = f"; {fitted.anew} begins with random weights, so train it before it is used" if fitted.anew else ""
    tensors = "1 tensor" if fitted.taken == 1 else f"{fitted.taken:,} tensors"
    console.print(f"{tensors} taken{rest}.", markup=False, soft_wrap=True)
    console.print(f"Model: {namespace.out}", markup=False, soft_wrap=True)
    return 0

"""``segstudio info``: what the program makes of a file, or the one sentence why not."""

import argparse
import json
from pathlib import Path
from typing import Any

from rich.console import Console

from segstudio.core.axes import ImageInfo
from segstudio.core.errors import UserError
from segstudio.core.tiles import Window
from segstudio.io.sources import open_image


def add_parser(subparsers: Any) -> None:  # noqa: ANN401 - argparse keeps this type private
    """Add ``info`` to the commands."""
    parser = subparsers.add_parser(
        "info",
        help="what the program makes of a file",
        description="Says kind, axes, shape, type and pixel size of each INPUT, or in one sentence why it cannot be "
        "opened. Exit code 3 when one cannot.",
    )
    parser.add_argument("inputs", metavar="INPUT", nargs="+", type=Path, help="image files")
    parser.add_argument("--json", action="store_true", help="as a JSON list")
    parser.set_defaults(run=run)


def run(namespace: argparse.Namespace) -> int:
    """Describe all inputs; return 0, or the exit code of the first problem."""
    code = 0
    found: list[dict[str, Any]] = []
    for path in namespace.inputs:
        try:
            found.append(_described(path))
        except UserError as error:
            code = code or error.exit_code
            found.append({"path": str(path), "error": error.message, "hint": error.hint, "code": error.code})
    if namespace.json:
        print(json.dumps(found, indent=2, ensure_ascii=False))  # noqa: T201
        return code
    console = Console(highlight=False)
    for entry in found:
        console.print(_text(entry), markup=False, soft_wrap=True)
    return code


def _described(path: Path) -> dict[str, Any]:
    with open_image(path) as source:
        info, parts = source.info, source.parts
        # A header may be whole where the pixels are not: read some, as opening in the window would.
        source.read(Window(0, 0, min(info.height, 512), min(info.width, 512)))
    more = {"parts": [part._asdict() for part in parts]} if len(parts) > 1 else {}
    return _entry(path, info) | more


def _entry(path: Path, info: ImageInfo) -> dict[str, Any]:
    size = info.pixel_size
    return {
        "path": str(path),
        "format": info.format,
        "kind": info.kind,
        "axes": info.axes,
        "shape": list(info.shape),
        "dtype": info.dtype,
        "height": info.height,
        "width": info.width,
        "channels": info.channels,
        "channel_names": list(info.channel_names),
        "planes": info.planes,
        "pixel_size_um": None if size is None else {"y": size.y, "x": size.x},
        "warnings": list(info.warnings),
    }


def _text(entry: dict[str, Any]) -> str:
    if "error" in entry:
        return f"{entry['path']}\n  {entry['error']}\n  {entry['hint']}"
    shape = " × ".join(map(str, entry["shape"]))
    size = entry["pixel_size_um"]
    lines = [
        entry["path"],
        f"  {entry['format']}, {entry['kind']}, {entry['dtype']}, axes {entry['axes']}, {shape}",
        "  pixel size unknown" if size is None else f"  pixel size {size['y']:.5g} × {size['x']:.5g} µm",
    ]
    if entry["channel_names"]:
        lines.append(f"  channels {', '.join(entry['channel_names'])}")
    if "parts" in entry:
        lines.append("  holds " + ", ".join(f"{part['name']} ({part['words']})" for part in entry["parts"]))
    return "\n".join([*lines, *(f"  {warning}" for warning in entry["warnings"])])

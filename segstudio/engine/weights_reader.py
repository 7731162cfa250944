"""Takes the tensors out of a foreign ``.pt``, a pickle, in a confined process; writes them as safetensors."""

import json
import pickle  # noqa: TID251 - the name of its error only; torch's own filter reads
import zipfile
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save_file

from segstudio.io.confinement import claim_pipes, confine, limit_time, serve
from segstudio.io.decoding import DECODE_ERRORS

MEMORY: Final = 12_000_000_000
SECONDS: Final = 120.0
RESULT: Final = "weights.safetensors"
#: Under these names trainings put weights beside other things.
_INSIDE: Final = ("state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "params")
_MOST_NAMES: Final = 20_000


def main(folder: str) -> None:
    """Answer questions on standard input until it is closed; tensors go to `folder`."""
    questions, answers = claim_pipes()
    torch.set_num_threads(1)
    confine(MEMORY, Path(folder))
    serve(questions, answers, lambda line: answer(line, Path(folder)))


def answer(line: bytes, folder: Path) -> bytes:
    """Write the tensors of one file to `folder`; return ``{}``, or why there are none."""
    path = Path(json.loads(line)["path"])
    limit_time(SECONDS)
    told: dict[str, str] = {}
    try:
        if found := _refused_kind(path):
            told = {"problem": found}
        else:
            tensors = _tensors(torch.load(path, map_location="cpu", weights_only=True))  # noqa: TID251 - the one place
            if tensors:
                save_file(tensors, folder / RESULT)
            else:
                told = {"problem": "it holds no weights that have names"}
    except pickle.UnpicklingError as error:
        named = _named_object(str(error))
        told = {"foreign": named} if named else {"problem": "it is no file of weights, or broken"}
    except MemoryError:
        told = {"problem": "it needs more memory than it may take"}
    except DECODE_ERRORS:
        told = {"problem": "its content is broken or ends early"}
    return json.dumps(told).encode()


def _refused_kind(path: Path) -> str:
    """Return what a file is that is no plain file of weights; empty for one that may be."""
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        return "it is empty (0 bytes)"
    if head.startswith(b"\x89HDF"):
        return "it is a file of Keras (HDF5)"
    if path.suffix.lower() == ".onnx":
        return "it is a network of ONNX, whose operations could be anything"
    if not head.startswith(b"PK"):
        return ""
    with zipfile.ZipFile(path) as archive:
        names = [name for member in archive.infolist()[:_MOST_NAMES] if (name := member.filename)]
    if any(name.endswith("/constants.pkl") or "/code/" in name for name in names):
        return "it is a TorchScript program, which holds code beside its weights"
    if any(name.endswith(("rdf.yaml", "bioimageio.yaml")) for name in names):
        return "it is a package of bioimage.io, which can hold code beside its weights"
    if any(name.endswith("config.json") for name in names):
        return "it is a file of Keras"
    return "" if any(name.endswith("data.pkl") for name in names) else "it is a ZIP archive without weights"


def _tensors(found: Any) -> dict[str, torch.Tensor]:  # noqa: ANN401 - whatever the filter let through
    for name in _INSIDE:
        if isinstance(found, dict) and isinstance(found.get(name), dict):
            found = found[name]
            break
    if not isinstance(found, dict):
        return {}
    return {
        name: value.detach().clone().contiguous()
        for name, value in found.items()
        if isinstance(name, str) and isinstance(value, torch.Tensor) and value.layout == torch.strided
    }


def _named_object(message: str) -> str:
    """Return the class or function that torch refused; empty when it was something else that it did not like."""
    words = message.partition("GLOBAL ")[2].split() or message.partition("Unsupported class ")[2].split()
    return words[0].strip("`'\",.")[:120] if words else ""

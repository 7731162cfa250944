"""Where a model lies: a folder with a card and weights, alone or inside a run; and what is wrong with one."""

from pathlib import Path
from typing import Any, Final

from segstudio.core.errors import BadModel
from segstudio.io.json_file import TooLarge, json_content
from segstudio.jobs.run_name import model_name

CARD_NAME = "model.json"
WEIGHTS_NAME = "weights.safetensors"
#: What a card says it is.
FORMAT: Final = "segstudio-model"
#: The newest card that this version understands.
SCHEMA_VERSION: Final = 1
#: More bytes are no weights of ours.
WEIGHTS_LIMIT = 8 * 2**30
_CARD_LIMIT = 4 * 2**20


def model_folder(path: Path) -> Path:
    """Return the folder that holds the model which `path` names: a model folder, a run, or a file in a model folder.

    Raises
    ------
    BadModel
        `path` is no model of this program. Nothing of a foreign file is executed.
    """
    for folder in (path, path / "model"):
        if (folder / CARD_NAME).is_file():
            return folder
    if path.name in (CARD_NAME, WEIGHTS_NAME) and (path.parent / CARD_NAME).is_file():
        return path.parent
    if not path.exists():
        raise BadModel(
            f"There is no model at {path}.",
            hint="Give the folder of a run or of a model.",
            code="model-missing",
            path=path,
        )
    if path.is_file() and path.stat().st_size == 0:
        raise BadModel(
            f"{path.name} is empty (0 bytes).",
            hint="The copy or the download broke off; get the file again.",
            code="model-empty",
            path=path,
        )
    what = f"The folder {path}" if path.is_dir() else f"The file {path.name}"
    raise BadModel(
        f"{what} is not a model of this program.",
        hint=_hint(path),
        code="model-foreign",
        path=path,
    )


def _hint(path: Path) -> str:
    if path.suffix.lower() in (".pt", ".pth"):
        return (
            "Weights of another program become a model in the step Train (Start from › Weights from a file…), or by "
            f"segstudio import-weights {path.name} --architecture NAME --out FOLDER"
        )
    return f"A model is a folder with {CARD_NAME} and {WEIGHTS_NAME}, as a training writes it."


def card_content(folder: Path) -> dict[str, Any]:
    """Return the card of the model in `folder` as it stands in its file; its fields are not checked yet.

    Raises
    ------
    BadModel
        It is no card of a model, or of a newer program.
    """
    card = folder / CARD_NAME
    try:
        content = json_content(card, _CARD_LIMIT)
        ours, version = content["format"] == FORMAT, int(content["schema_version"])
    except TooLarge as error:
        raise damaged(card, "it is too large") from error
    except (ValueError, KeyError, TypeError, OverflowError):
        ours = False
    if not ours:
        raise damaged(card, "it is not the card of a model")
    if version > SCHEMA_VERSION:
        what = f"model {name}" if (name := model_name(folder)) else f"model in {folder}"
        raise BadModel(
            f"The {what} was made by a newer version of the program.",
            hint="Update SegStudio to use it.",
            code="model-newer",
            path=card,
        )
    return dict(content)


def damaged(file: Path, reason: str) -> BadModel:
    """Return the error for a card or weights that cannot be used."""
    name = model_name(file.parent)
    what = f"The file {file.name} of the model {name}" if name else f"The model file {file}"
    return BadModel(
        f"{what} cannot be used: {reason}.",
        hint="Copy the model again from where it was trained, or choose another one.",
        code="model-damaged",
        path=file,
    )
